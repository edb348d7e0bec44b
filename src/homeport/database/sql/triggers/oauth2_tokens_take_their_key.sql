-- A token and the API key that it gave end together: the key's end takes the token by its foreign key, this is the other way.
create or replace function delete_key_of_oauth2_token() returns trigger language plpgsql as $$
begin
    delete from api_keys where id = old.api_key_id;
    return old;
end;
$$;
create or replace trigger oauth2_tokens_take_their_key after delete on oauth2_provider_app_tokens
for each row execute function delete_key_of_oauth2_token();
