-- A deleted organization gets no new job (spec: authorization-and-data 11).
create or replace trigger provisioner_jobs_refuse_deleted_organization before insert on provisioner_jobs
for each row execute function refuse_row_of_deleted_organization();
