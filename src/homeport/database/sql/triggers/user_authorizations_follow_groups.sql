-- What a user holds changes with the groups, in the same transaction (functions/user_holdings.sql). Rows come and go by the
-- thousand, so those are looked at once a statement (the two triggers named joined and left); they are hardly ever changed.
create or replace function refresh_after_change_of_group() returns trigger language plpgsql as $$
begin
    perform refresh_user_authorizations(array[old.user_id, new.user_id]);
    return null;
end;
$$;
create or replace trigger user_authorizations_follow_groups
after update on group_members
for each row execute function refresh_after_change_of_group();
