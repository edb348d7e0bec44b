"""What a user may spend in an organization, and spends (spec: authorization-and-data 22)."""

from uuid import UUID

from homeport.database import Connection

LIST_ALLOWANCES = """
select g.quota_allowance
from group_members_expanded e join groups g on g.id = e.group_id
where e.user_id = $1 and e.organization_id = $2
"""
IS_SYSTEM = "select is_system from users where id = $1"

# Where every allowance of an organization is 0, nobody has set up quotas in it.
HAS_QUOTAS = "select exists (select from groups where organization_id = $1 and quota_allowance > 0)"

# The latest build of each live workspace; one step on the unique index each. A build that has not planned yet, or was refused,
# costs what its predecessor does: that is what is still there (queries/builds.py: INSERT_BUILD).
GET_CONSUMED = """
select coalesce(sum(b.daily_cost), 0)
from workspaces w
cross join lateral (
    select daily_cost from workspace_builds where workspace_id = w.id order by build_number desc limit 1
) b
where w.owner_id = $1 and w.organization_id = $2 and not w.deleted and w.id is distinct from $3
"""


async def list_allowances(conn: Connection, user_id: UUID, organization_id: UUID) -> list[int]:
    """Return the allowances of the groups that the user is in."""
    return [record["quota_allowance"] for record in await conn.fetch(LIST_ALLOWANCES, user_id, organization_id)]


async def has_quotas(conn: Connection, organization_id: UUID) -> bool:
    """Tell whether any group of the organization has an allowance."""
    return bool(await conn.fetchval(HAS_QUOTAS, organization_id))


async def is_system(conn: Connection, user_id: UUID) -> bool:
    """Tell whether a user belongs to the server."""
    return bool(await conn.fetchval(IS_SYSTEM, user_id))


async def get_consumed(conn: Connection, user_id: UUID, organization_id: UUID, *, without: UUID | None = None) -> int:
    """Return the daily cost of the user's live workspaces in the organization, leaving out workspace `without`."""
    return int(await conn.fetchval(GET_CONSUMED, user_id, organization_id, without))
