-- Who leaves an organization leaves its groups (spec: authorization-and-data 18).
create or replace function leave_groups_of_organization() returns trigger language plpgsql as $$
begin
    delete from group_members m using groups g
    where m.group_id = g.id and g.organization_id = old.organization_id and m.user_id = old.user_id;
    return old;
end;
$$;
create or replace trigger organization_members_leave_groups before delete on organization_members
for each row execute function leave_groups_of_organization();
