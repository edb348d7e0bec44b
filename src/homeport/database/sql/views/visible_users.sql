-- The only fields of a user that other objects may show without the right to read the user (spec: authorization-and-data 19).
create or replace view visible_users as
select id, username, name, avatar_url from users;
