-- Who is in which group: the rows of ordinary groups, and for Everyone (its id is the organization's) all members
-- (spec: authorization-and-data 16 and 19). System users are in here; lists for people leave them out.
create or replace view group_members_expanded as
select
    g.id as group_id, g.name as group_name, g.organization_id, u.id as user_id, u.username as user_username,
    u.name as user_name, u.email as user_email, u.avatar_url as user_avatar_url, u.status as user_status,
    u.login_type as user_login_type, u.last_seen_at as user_last_seen_at, u.created_at as user_created_at,
    u.updated_at as user_updated_at, u.is_system as user_is_system
from group_members m
join groups g on g.id = m.group_id
join users u on u.id = m.user_id and not u.deleted
union all
select
    g.id, g.name, g.organization_id, u.id, u.username, u.name, u.email, u.avatar_url, u.status, u.login_type,
    u.last_seen_at, u.created_at, u.updated_at, u.is_system
from organization_members m
join groups g on g.id = m.organization_id
join users u on u.id = m.user_id and not u.deleted;
