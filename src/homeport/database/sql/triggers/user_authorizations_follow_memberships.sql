-- What a user holds changes with the memberships, in the same transaction (functions/user_holdings.sql).
create or replace function refresh_after_change_of_membership() returns trigger language plpgsql as $$
begin
    -- Whoever changes one of these roles meanwhile could not know of this holder yet, so one of us waits for the other.
    perform from custom_roles where organization_id = new.organization_id and name = any(new.roles) order by id for share;
    perform refresh_user_authorizations(array[old.user_id, new.user_id]);
    return null;
end;
$$;
create or replace trigger user_authorizations_follow_memberships
after insert or delete or update of user_id, organization_id, roles, created_at on organization_members
for each row execute function refresh_after_change_of_membership();

-- For rows that were there before this trigger, or whose holdings an earlier release wrote in its own form.
select refresh_user_authorizations(array(select user_id from organization_members union select user_id from group_members));
