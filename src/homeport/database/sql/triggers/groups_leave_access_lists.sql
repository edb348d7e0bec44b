-- A deleted group is in no access list any more (spec: authorization-and-data 16). Who puts it into one holds its row
-- before the template's, so one of the two waits for the other and sees what it has done.
create or replace function take_group_out_of_access_lists() returns trigger language plpgsql as $$
begin
    update templates set group_acl = group_acl - old.id::text
    where organization_id = old.organization_id and group_acl ? old.id::text;
    return null;
end;
$$;
create or replace trigger groups_leave_access_lists after delete on groups
for each row execute function take_group_out_of_access_lists();
