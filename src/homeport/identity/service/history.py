"""What became of one account, and when."""

from homeport.database import Database
from homeport.identity.queries import statuses as queries
from homeport.identity.queries.statuses import StatusChange
from homeport.identity.service.users import resolve_user
from homeport.rbac import Subject

MOST_SHOWN = 50

__all__ = ["MOST_SHOWN", "StatusChange", "list_status_changes"]


async def list_status_changes(db: Database, *, subject: Subject, value: str) -> list[StatusChange]:
    """Return the statuses that an account has had, the newest first. Needs user:read."""
    async with db.connection() as conn:
        found = await resolve_user(conn, subject, value)
        return await queries.list_changes(conn, found.id, most=MOST_SHOWN)
