-- A deleted organization gets no new member (spec: authorization-and-data 11).
create or replace trigger organization_members_refuse_deleted_organization before insert on organization_members
for each row execute function refuse_row_of_deleted_organization();
