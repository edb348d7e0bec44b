"""SQL on whose workspace a form is for."""

from typing import Any
from uuid import UUID

from homeport.database import Connection

# With the groups and roles that nobody has to be given: those of every user, and of every member.
FIND_OWNER = """
select u.id::text as id, u.username as name, u.name as full_name, u.email, u.login_type,
    array(
        select g.name from groups g where g.organization_id = v.organization_id and (
            exists (select from group_members m where m.group_id = g.id and m.user_id = u.id)
            or (
                g.id = g.organization_id
                and exists (
                    select from organization_members o where o.organization_id = g.organization_id and o.user_id = u.id
                )
            )
        )
        order by g.name
    ) as groups
from users u, template_versions v
where u.id = $1 and v.id = $2
"""
LIST_ROLES = """
select unnest(rbac_roles || 'member'::text) as name, '' as org_id from users where id = $1
union all
select unnest(roles || 'organization-member'::text), organization_id::text from organization_members where user_id = $1
order by org_id, name
"""


async def find_owner(conn: Connection, owner_id: UUID, version_id: UUID) -> dict[str, Any]:
    """Return what `data.coder_workspace_owner` tells of a user in the organization of a version, but for secrets."""
    record = await conn.fetchrow(FIND_OWNER, owner_id, version_id)
    if record is None:
        return {}
    roles = [{"name": role["name"], "org_id": role["org_id"]} for role in await conn.fetch(LIST_ROLES, owner_id)]
    return {**dict(record), "groups": list(record["groups"]), "rbac_roles": roles}
