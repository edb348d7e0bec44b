-- What becomes of each account, and when (spec: authorization-and-data 18).
create or replace function record_user_status() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or old.status is distinct from new.status then
        insert into user_status_changes (user_id, new_status, changed_at)
        values (new.id, new.status, case when tg_op = 'INSERT' then new.created_at else new.updated_at end);
    end if;
    if new.deleted and (tg_op = 'INSERT' or not old.deleted) then
        insert into user_deleted (user_id, deleted_at) values (new.id, new.updated_at) on conflict (user_id) do nothing;
    end if;
    return null;
end;
$$;
create or replace trigger users_record_status after insert or update of status, deleted on users
for each row execute function record_user_status();
