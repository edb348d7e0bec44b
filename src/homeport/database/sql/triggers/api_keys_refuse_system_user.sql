-- No session and no token is a system user's.
create or replace trigger api_keys_refuse_system_user before insert or update of user_id on api_keys
for each row execute function refuse_row_of_system_user();
