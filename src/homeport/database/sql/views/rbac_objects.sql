-- What decisions speak of, by type and id, for whoever asks about an object without reading it (spec: authorization-and-data 9).
-- `type` and `id` are how one asks; `object_type` is what the object is at the moment, `object_id` the id that decisions
-- about it name (null where they name none). An id of a person names one object in each organization of theirs.
-- Conditions on `type` and `id` reach each branch, so one that is not asked for is not read.
create or replace view rbac_objects as
select
    'workspace' as type, w.id, case when w.dormant_at is null then 'workspace' else 'workspace_dormant' end as object_type,
    w.id as object_id, w.organization_id, w.owner_id, null::jsonb as user_acl, null::jsonb as group_acl
from workspaces w where not w.deleted
union all
select 'template', t.id, 'template', t.id, t.organization_id, null, t.user_acl, t.group_acl
from templates t where not t.deleted
union all
select 'user', u.id, 'user', u.id, null, u.id, null, null
from users u where not u.deleted
union all
select 'organization', o.id, 'organization', o.id, o.id, null, null, null
from organizations o where not o.deleted
union all
-- Whoever is in a group may read it.
select 'group', g.id, 'group', g.id, g.organization_id, null, null, jsonb_build_object(g.id::text, jsonb_build_array('read'))
from groups g join organizations o on o.id = g.organization_id and not o.deleted
union all
select 'organization_member', m.user_id, 'organization_member', m.user_id, m.organization_id, m.user_id, null, null
from organization_members m join organizations o on o.id = m.organization_id and not o.deleted
union all
-- Every member is in the organization's group Everyone.
select 'group_member', m.user_id, 'group_member', m.user_id, m.organization_id, m.user_id, null, null
from organization_members m join organizations o on o.id = m.organization_id and not o.deleted
union all
select 'file', f.id, 'file', f.id, f.organization_id, f.created_by, null, null
from files f
union all
select 'audit_log', a.id, 'audit_log', a.id, nullif(a.organization_id, '00000000-0000-0000-0000-000000000000'), null, null, null
from audit_logs a
union all
select 'connection_log', c.id, 'connection_log', c.id, c.organization_id, null, null, null
from connection_logs c
union all
select
    'provisioner_daemon', d.id, 'provisioner_daemon', d.id, d.organization_id,
    case when d.tags ->> 'scope' = 'user' then nullif(d.tags ->> 'owner', '')::uuid end, null, null
from provisioner_daemons d
union all
-- Keys of daemons are decided upon like daemons.
select 'provisioner_daemon', k.id, 'provisioner_daemon', k.id, k.organization_id, null, null, null
from provisioner_keys k
union all
select 'provisioner_jobs', j.id, 'provisioner_jobs', null, j.organization_id, null, null, null
from provisioner_jobs j
union all
select 'oauth2_app', p.id, 'oauth2_app', null, null, null, null, null
from oauth2_provider_apps p
union all
select 'oauth2_app_secret', s.id, 'oauth2_app_secret', null, null, null, null, null
from oauth2_provider_app_secrets s
union all
select 'oauth2_app_code_token', r.id, 'oauth2_app_code_token', r.id, null, r.user_id, null, null
from oauth2_provider_grants r;
