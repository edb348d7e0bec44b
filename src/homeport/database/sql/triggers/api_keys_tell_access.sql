-- A session or token has ended. Access tokens of clients come and go while the client works on: their families tell.
create or replace trigger api_keys_tell_access after delete on api_keys
for each row when (old.login_type <> 'oauth2_provider_app') execute function tell_user_access();
