-- A deleted organization gets no new version of a template (spec: authorization-and-data 11).
create or replace trigger template_versions_refuse_deleted_organization before insert on template_versions
for each row execute function refuse_row_of_deleted_organization();
