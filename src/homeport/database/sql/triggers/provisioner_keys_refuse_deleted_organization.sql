-- A deleted organization gets no new key of a provisioner (spec: authorization-and-data 11).
create or replace trigger provisioner_keys_refuse_deleted_organization before insert on provisioner_keys
for each row execute function refuse_row_of_deleted_organization();
