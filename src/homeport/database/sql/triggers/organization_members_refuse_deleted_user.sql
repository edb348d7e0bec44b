-- A deleted user joins no organization (spec: authorization-and-data 29).
create or replace trigger organization_members_refuse_deleted_user before insert on organization_members
for each row execute function refuse_row_of_deleted_user();
