-- Memberships, groups or custom roles of a person have changed (functions/user_holdings.sql).
create or replace trigger user_authorizations_tell_access after update of holdings on user_authorizations
for each row when (old.holdings is distinct from new.holdings) execute function tell_user_access();
