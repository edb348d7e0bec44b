-- See triggers/user_authorizations_follow_groups.sql.
create or replace function refresh_after_joining_groups() returns trigger language plpgsql as $$
begin
    perform refresh_user_authorizations(array(select distinct user_id from joined));
    return null;
end;
$$;
create or replace trigger user_authorizations_follow_groups_joined
after insert on group_members referencing new table as joined
for each statement execute function refresh_after_joining_groups();
