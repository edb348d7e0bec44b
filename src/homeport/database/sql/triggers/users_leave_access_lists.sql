-- A deleted user is in no access list any more (spec: authorization-and-data 16), as triggers/groups_leave_access_lists.sql.
create or replace function take_user_out_of_access_lists() returns trigger language plpgsql as $$
begin
    update templates set user_acl = user_acl - new.id::text where user_acl ? new.id::text;
    return null;
end;
$$;
create or replace trigger users_leave_access_lists after update of deleted on users
for each row when (new.deleted and not old.deleted) execute function take_user_out_of_access_lists();
