-- A deleted organization gets no new file (spec: authorization-and-data 11).
create or replace trigger files_refuse_deleted_organization before insert on files
for each row execute function refuse_row_of_deleted_organization();
