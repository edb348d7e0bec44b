-- A deleted user joins no group (spec: authorization-and-data 29).
create or replace trigger group_members_refuse_deleted_user before insert on group_members
for each row execute function refuse_row_of_deleted_user();
