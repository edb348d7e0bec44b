-- A deleted organization gets no new group (spec: authorization-and-data 11).
create or replace trigger groups_refuse_deleted_organization before insert on groups
for each row execute function refuse_row_of_deleted_organization();
