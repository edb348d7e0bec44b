"""Writing down who enters a workspace through its agent (the connection log, which `audit` owns)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from homeport.agents.errors import AgentNotFound
from homeport.agents.queries import places
from homeport.agents.service.switchboard import Switchboard
from homeport.audit.service.connections import Visit, logged
from homeport.audit.types import ConnectionType
from homeport.database import Database

ENDED_INSIDE = "it ended in the workspace"


@asynccontextmanager
async def visit(
    db: Database, switchboard: Switchboard, *, user_id: UUID, agent_id: UUID, kind: ConnectionType
) -> AsyncIterator[Visit]:
    """Write a connection down for the length of the block. The caller has authorized and opened it.

    Raises AgentNotFound when the workspace went away in between.
    """
    async with db.connection() as conn:
        place = await places.find_place(conn, agent_id)
    if place is None:
        raise AgentNotFound
    async with logged(db, place, user_id=user_id, kind=kind, replica_id=switchboard.replica_id) as found:
        yield found
