-- What a user holds changes with the groups, in the same transaction (functions/user_holdings.sql).
create or replace function refresh_after_change_of_group() returns trigger language plpgsql as $$
begin
    perform refresh_user_authorizations(array[old.user_id, new.user_id]);
    return null;
end;
$$;
create or replace trigger user_authorizations_follow_groups
after insert or delete or update on group_members
for each row execute function refresh_after_change_of_group();
