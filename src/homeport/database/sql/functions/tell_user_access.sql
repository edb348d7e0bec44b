-- What a person may do has become another: every server looks again at the connections that it holds open for them
-- (the channel of homeport/access/live.py). In the transaction of the change, so whoever looks sees it.
create or replace function tell_user_access() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'users' then
        perform pg_notify('user_access', new.id::text);
    elsif tg_op = 'DELETE' then
        perform pg_notify('user_access', old.user_id::text);
    else
        perform pg_notify('user_access', new.user_id::text);
    end if;
    return null;
end;
$$;
