-- A deleted user gets no new API key (spec: authorization-and-data 18).
create or replace trigger api_keys_refuse_deleted_user before insert on api_keys
for each row execute function refuse_row_of_deleted_user();
