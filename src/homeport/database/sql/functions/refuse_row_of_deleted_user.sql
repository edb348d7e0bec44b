-- A deleted user gets nothing new (spec: authorization-and-data 18). Deletions lock the user's row for update: by holding
-- its key, this row waits for one that is under way, and one that comes waits for this row, which it would not see before
-- it is committed. Nothing else waits.
create or replace function refuse_row_of_deleted_user() returns trigger language plpgsql as $$
declare
    is_gone boolean;
begin
    select deleted into is_gone from users where id = new.user_id for key share;
    if is_gone then
        raise exception 'The user has been deleted' using
            errcode = 'check_violation', constraint = tg_table_name || '_user_not_deleted', table = tg_table_name;
    end if;
    return new;
end;
$$;
