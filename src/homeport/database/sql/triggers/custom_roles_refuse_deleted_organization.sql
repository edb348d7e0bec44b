-- A deleted organization gets no new custom role (spec: authorization-and-data 11).
create or replace trigger custom_roles_refuse_deleted_organization before insert on custom_roles
for each row execute function refuse_row_of_deleted_organization();
