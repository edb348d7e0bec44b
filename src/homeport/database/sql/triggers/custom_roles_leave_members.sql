-- A custom role that is deleted is nobody's any more (spec: authorization-and-data 18): a later one of the same name has no
-- holders that nobody has given it to.
create or replace function take_custom_role_from_members() returns trigger language plpgsql as $$
begin
    update organization_members set roles = array_remove(roles, old.name), updated_at = now()
    where organization_id = old.organization_id and old.name = any(roles);
    return old;
end;
$$;
create or replace trigger custom_roles_leave_members before delete on custom_roles
for each row execute function take_custom_role_from_members();
