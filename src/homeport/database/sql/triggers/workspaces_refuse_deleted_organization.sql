-- A deleted organization gets no new workspace (spec: authorization-and-data 11).
create or replace trigger workspaces_refuse_deleted_organization before insert on workspaces
for each row execute function refuse_row_of_deleted_organization();
