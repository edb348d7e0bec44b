-- A user that is deleted softly loses keys and memberships at once (spec: authorization-and-data 18 and 29).
create or replace function drop_resources_of_deleted_user() returns trigger language plpgsql as $$
begin
    if new.deleted then
        delete from api_keys where user_id = new.id;
        delete from user_links where user_id = new.id;
        delete from group_members where user_id = new.id;
        delete from organization_members where user_id = new.id;
        -- So that the provider may make the person anew.
        delete from scim_users where user_id = new.id;
    end if;
    return new;
end;
$$;
create or replace trigger users_drop_resources_when_deleted after insert or update of deleted on users
for each row execute function drop_resources_of_deleted_user();
