-- A deleted user gets no new link to a provider (spec: identity 11).
create or replace trigger user_links_refuse_deleted_user before insert on user_links
for each row execute function refuse_row_of_deleted_user();
