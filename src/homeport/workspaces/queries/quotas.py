"""What a user may spend in an organization, and spends (spec: authorization-and-data 22)."""

from uuid import UUID

from homeport.database import Connection

# The Everyone group has the organization's id and all members, without rows of membership.
LIST_ALLOWANCES = """
select g.quota_allowance from groups g
where g.organization_id = $2 and (
    exists (select from group_members m where m.group_id = g.id and m.user_id = $1)
    or (
        g.id = g.organization_id
        and exists (select from organization_members o where o.organization_id = $2 and o.user_id = $1)
    )
)
"""

# Every allowance of the deployment is 0: nobody has set up quotas.
HAS_QUOTAS = "select exists (select from groups where quota_allowance <> 0)"

# The latest build of each live workspace; one step on the unique index each.
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


async def has_quotas(conn: Connection) -> bool:
    """Tell whether any group anywhere has an allowance."""
    return bool(await conn.fetchval(HAS_QUOTAS))


async def get_consumed(conn: Connection, user_id: UUID, organization_id: UUID, *, without: UUID | None = None) -> int:
    """Return the daily cost of the user's live workspaces in the organization, leaving out workspace `without`."""
    return int(await conn.fetchval(GET_CONSUMED, user_id, organization_id, without))
