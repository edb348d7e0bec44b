-- A deleted organization gets no new template (spec: authorization-and-data 11).
create or replace trigger templates_refuse_deleted_organization before insert on templates
for each row execute function refuse_row_of_deleted_organization();
