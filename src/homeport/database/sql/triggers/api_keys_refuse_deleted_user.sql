-- A deleted user gets no new API key (spec: authorization-and-data 18).
create or replace function refuse_api_key_of_deleted_user() returns trigger language plpgsql as $$
begin
    if exists (select 1 from users where id = new.user_id and deleted) then
        raise exception 'Cannot create an API key for a deleted user' using errcode = 'check_violation', constraint = 'api_keys_user_not_deleted';
    end if;
    return new;
end;
$$;
create or replace trigger api_keys_refuse_deleted_user before insert on api_keys
for each row execute function refuse_api_key_of_deleted_user();
