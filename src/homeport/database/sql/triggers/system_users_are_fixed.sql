-- System users are neither changed nor deleted, and nobody becomes one (spec: authorization-and-data 12 and 29).
create or replace function refuse_change_of_system_user() returns trigger language plpgsql as $$
begin
    if old.is_system then
        raise exception 'The system user % cannot be changed or deleted', old.username
            using errcode = 'check_violation', constraint = 'users_system_fixed';
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    if new.is_system then
        raise exception 'The user % cannot become a system user', old.username
            using errcode = 'check_violation', constraint = 'users_system_fixed';
    end if;
    return new;
end;
$$;
create or replace trigger system_users_are_fixed before update or delete on users
for each row execute function refuse_change_of_system_user();
