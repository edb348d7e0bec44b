-- A deleted user is never revived: keys and memberships are gone, and name and address may be another's by now.
create or replace function refuse_revival_of_user() returns trigger language plpgsql as $$
begin
    raise exception 'A deleted user cannot be revived' using errcode = 'check_violation', constraint = 'users_stay_deleted';
end;
$$;
create or replace trigger users_stay_deleted before update of deleted on users
for each row when (old.deleted and not new.deleted) execute function refuse_revival_of_user();
