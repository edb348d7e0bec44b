-- What people hold in an organization ends with it, in the same transaction (functions/user_holdings.sql).
create or replace function refresh_after_deletion_of_organization() returns trigger language plpgsql as $$
begin
    perform refresh_user_authorizations(array(select user_id from organization_members where organization_id = new.id));
    return null;
end;
$$;
create or replace trigger user_authorizations_follow_organizations
after update of deleted on organizations
for each row when (new.deleted is distinct from old.deleted) execute function refresh_after_deletion_of_organization();
