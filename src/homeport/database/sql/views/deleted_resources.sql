-- Ids of what was deleted softly, of any kind: audit shows a link only to what is still there.
create or replace view deleted_resources as
select id from users where deleted
union all select id from organizations where deleted
union all select id from templates where deleted
union all select id from workspaces where deleted
union all select id from workspace_proxies where deleted;
