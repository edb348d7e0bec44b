"""Where an agent belongs, for the connection log."""

from uuid import UUID

from homeport.audit.types import Place
from homeport.database import Connection
from homeport.database.rows import maybe

FIND_PLACE = """
select
    w.organization_id, w.owner_id as workspace_owner_id, w.id as workspace_id, w.name as workspace_name, a.name as agent_name
from workspace_agents a
join workspace_resources r on r.id = a.resource_id
join workspace_builds b on b.job_id = r.job_id
join workspaces w on w.id = b.workspace_id
where a.id = $1
"""


async def find_place(conn: Connection, agent_id: UUID) -> Place | None:
    """Return the place of an agent."""
    return maybe(Place, await conn.fetchrow(FIND_PLACE, agent_id))
