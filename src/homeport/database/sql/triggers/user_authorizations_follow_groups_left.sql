-- See triggers/user_authorizations_follow_groups.sql.
create or replace function refresh_after_leaving_groups() returns trigger language plpgsql as $$
begin
    perform refresh_user_authorizations(array(select distinct user_id from left_ones));
    return null;
end;
$$;
create or replace trigger user_authorizations_follow_groups_left
after delete on group_members referencing old table as left_ones
for each statement execute function refresh_after_leaving_groups();
