-- A user that belongs to the server holds nothing with which somebody could come in its name (spec: authorization-and-data 12, 29).
create or replace function refuse_row_of_system_user() returns trigger language plpgsql as $$
begin
    if exists (select from users where id = new.user_id and is_system) then
        raise exception 'A system user cannot have this' using
            errcode = 'check_violation', constraint = tg_table_name || '_user_not_system', table = tg_table_name;
    end if;
    return new;
end;
$$;
