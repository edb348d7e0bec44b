"""The connection log: who entered which workspace, by which way, from where, and until when.

Two statements a connection, at its begin and its end; nothing while bytes flow.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import msgspec

from homeport.audit.queries import connections as queries
from homeport.audit.types import ConnectionRow, ConnectionType, Place
from homeport.database import Database, DatabaseError
from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.kit.request import current_request
from homeport.telemetry.logs import get_logger

LEFT = "the client left"
CUT_OFF = "the server ended it: the session or access of the person is over, or the server stops"
SERVER_ENDED = "the server ended"
# After so many missed signs of life a server counts as gone.
SILENCE = timedelta(seconds=90)
_log = get_logger(__name__)


class Visit(msgspec.Struct, kw_only=True):
    """A connection that lasts. What carries it says how it ended, unless it just ends."""

    connection_id: UUID
    reason: str = LEFT
    exit_code: int | None = None


@asynccontextmanager
async def logged(
    db: Database, place: Place, *, user_id: UUID, kind: ConnectionType, replica_id: UUID
) -> AsyncIterator[Visit]:
    """Write a connection down for the length of the block; its end is written however the block ends.

    Address and user agent are those of the request. Raises DatabaseError when the begin cannot be written: nobody enters
    unseen. An end that cannot be written is written by the sweep, once this server has ended.
    """
    visit = await record_connect(db, place, user_id=user_id, kind=kind, replica_id=replica_id)
    try:
        yield visit
    except asyncio.CancelledError:
        visit.reason = CUT_OFF
        raise
    finally:
        await asyncio.shield(record_disconnect(db, visit))


async def record_connect(db: Database, place: Place, *, user_id: UUID, kind: ConnectionType, replica_id: UUID) -> Visit:
    """Write that somebody came."""
    request, visit = current_request(), Visit(connection_id=new_id())
    row = ConnectionRow(
        id=new_id(),
        connect_time=clock.now(),
        organization_id=place.organization_id,
        workspace_owner_id=place.workspace_owner_id,
        workspace_id=place.workspace_id,
        workspace_name=place.workspace_name,
        agent_name=place.agent_name,
        type=kind,
        ip=request.ip,
        user_id=user_id,
        user_agent=request.user_agent,
        slug_or_port="",
        status_code=None,
        connection_id=visit.connection_id,
        disconnect_time=None,
        disconnect_reason="",
        exit_code=None,
        replica_id=replica_id,
    )
    async with db.connection() as conn:
        await queries.insert_connection(conn, row)
    return visit


async def record_disconnect(db: Database, visit: Visit) -> None:
    """Write that they left, once."""
    try:
        async with db.connection() as conn:
            await queries.update_disconnected(
                conn, visit.connection_id, now=clock.now(), reason=visit.reason, exit_code=visit.exit_code
            )
    except DatabaseError as error:
        _log.warning("the end of a connection could not be written", reason=str(error))


async def close_abandoned(db: Database) -> int:
    """End what servers that are no more have left open; return how many there were."""
    now = clock.now()
    async with db.connection() as conn:
        return await queries.close_abandoned(conn, seen_since=now - SILENCE, now=now, reason=SERVER_ENDED)
