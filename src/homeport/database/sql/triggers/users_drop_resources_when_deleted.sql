-- A user that is deleted softly loses keys, what clients were allowed, and memberships at once (spec: authorization-and-data 18
-- and 29). What clients have goes first, in the order in which it is locked elsewhere.
create or replace function drop_resources_of_deleted_user() returns trigger language plpgsql as $$
begin
    if new.deleted then
        delete from oauth2_provider_grants where user_id = new.id;
        delete from oauth2_provider_app_tokens where user_id = new.id;
        delete from oauth2_provider_app_codes where user_id = new.id;
        delete from oauth2_provider_device_codes where user_id = new.id;
        delete from api_keys where user_id = new.id;
        delete from user_links where user_id = new.id;
        delete from git_ssh_keys where user_id = new.id;
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
