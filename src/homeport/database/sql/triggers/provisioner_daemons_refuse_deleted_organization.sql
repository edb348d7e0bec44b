-- A deleted organization gets no new provisioner daemon (spec: authorization-and-data 11).
create or replace trigger provisioner_daemons_refuse_deleted_organization before insert on provisioner_daemons
for each row execute function refuse_row_of_deleted_organization();
