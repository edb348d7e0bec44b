-- What the holders of a custom role hold changes with the role, in the same transaction (functions/user_holdings.sql).
create or replace function refresh_after_change_of_custom_role() returns trigger language plpgsql as $$
begin
    -- With an older snapshot, somebody who has just been given the role would be overlooked.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'Custom roles are changed in transactions of the level READ COMMITTED only'
            using errcode = 'invalid_transaction_state';
    end if;
    perform refresh_user_authorizations(array(
        select user_id from organization_members
        where (organization_id = old.organization_id and old.name = any(roles))
            or (organization_id = new.organization_id and new.name = any(roles))
    ));
    return null;
end;
$$;
create or replace trigger user_authorizations_follow_custom_roles
after insert or delete or update on custom_roles
for each row execute function refresh_after_change_of_custom_role();
