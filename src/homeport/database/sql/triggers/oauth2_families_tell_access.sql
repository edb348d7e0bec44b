-- All tokens of one consent have ended.
create or replace trigger oauth2_families_tell_access after delete on oauth2_provider_token_families
for each row execute function tell_user_access();
