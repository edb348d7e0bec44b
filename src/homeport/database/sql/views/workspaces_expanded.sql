-- A workspace with the names of its owner, organization and template: who may read the workspace may see these
-- (spec: authorization-and-data 19).
create or replace view workspaces_expanded as
select
    w.*,
    u.username as owner_username,
    u.name as owner_name,
    u.avatar_url as owner_avatar_url,
    o.name as organization_name,
    o.display_name as organization_display_name,
    o.icon as organization_icon,
    o.description as organization_description,
    t.name as template_name,
    t.display_name as template_display_name,
    t.icon as template_icon,
    t.description as template_description
from workspaces w
join visible_users u on u.id = w.owner_id
join organizations o on o.id = w.organization_id
join templates t on t.id = w.template_id;
