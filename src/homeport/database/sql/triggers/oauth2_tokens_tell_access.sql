-- A token of no consent (client_credentials) has ended: there is nothing else of it.
create or replace trigger oauth2_tokens_tell_access after delete on oauth2_provider_app_tokens
for each row when (old.family_id is null) execute function tell_user_access();
