"""One's sessions and tokens: seeing them all, and ending all others or everything at once ("sign out everywhere")."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from homeport.audit import AuditAction
from homeport.database import Database
from homeport.identity import rules
from homeport.identity.queries import keys as queries
from homeport.identity.schemas import EndedSessions, UserSession
from homeport.identity.service.trail import attempt_key, record_key
from homeport.identity.service.users import require_person, resolve_user
from homeport.identity.types import ApiKeyRow, Identity, LoginType, SignedOutEverywhere
from homeport.kit import clock
from homeport.rbac import Action, ResourceType, predicate, require

# Their browsers are told until then that they have expired; and an address counts as known for as long.
KEPT: Final = timedelta(days=30)
_BATCH: Final = 500
_NEVER = datetime.fromtimestamp(0, UTC)


class Ending(msgspec.Struct, frozen=True):
    """What ends beside sessions. `is_current_kept` leaves the one with which this is asked."""

    is_current_kept: bool = False
    has_tokens: bool = False
    has_applications: bool = False


async def list_sessions(db: Database, *, identity: Identity, value: str) -> list[UserSession]:
    """Return a user's sessions that have not run out, and all tokens, as far as the caller may read them; the one used last first."""
    subject = identity.subject
    async with db.connection() as conn:
        owner = await resolve_user(conn, subject, value)
        visible = predicate(subject, Action.READ, ResourceType.API_KEY, queries.COLUMNS, first_parameter=3)
        rows = await queries.list_own_keys(
            conn, owner.id, now=clock.now(), predicate=visible.sql, arguments=visible.args
        )
    return [_view(row, identity.key_id) for row in rows]


async def end_sessions(db: Database, *, identity: Identity, value: str, ending: Ending) -> EndedSessions:
    """End a user's sessions at once, and what else is asked for. Needs api_key:delete on all of the user's keys.

    Connections that they have opened end with them. One entry in audit tells of each.
    """
    subject = identity.subject
    async with db.transaction() as conn:
        owner = await resolve_user(conn, subject, value)
        attempt_key(subject.id, AuditAction.DELETE, owner_id=owner.id)
        require(subject, Action.DELETE, rules.key_object(owner.id), noun="API key")
        require_person(owner)
        kept = identity.key_id if ending.is_current_kept else ""
        ended = await queries.end_keys(conn, owner.id, except_id=kept, has_tokens=ending.has_tokens)
        if ending.has_applications:
            await conn.emit(SignedOutEverywhere(user_id=owner.id, actor_id=subject.id))
        for row in ended:
            await record_key(conn, subject.id, AuditAction.DELETE, before=row)
    tokens = sum(row.login_type == LoginType.TOKEN for row in ended)
    return EndedSessions(sessions=len(ended) - tokens, tokens=tokens, applications=ending.has_applications)


async def purge(db: Database) -> int:
    """Delete sessions that ran out long ago; returns how many. Tokens stay until their people remove them."""
    total = 0
    while True:
        async with db.transaction() as conn:
            count = await queries.delete_expired_sessions(conn, clock.now() - KEPT, most=_BATCH)
        total += count
        if count < _BATCH:
            return total


def _view(row: ApiKeyRow, current: str) -> UserSession:
    return UserSession(
        id=row.id,
        kind="token" if row.login_type == LoginType.TOKEN else "session",
        login_type=row.login_type,
        token_name=row.token_name,
        scopes=row.scopes,
        ip_address=row.ip_address,
        created_at=row.created_at,
        last_used=row.last_used if row.last_used > _NEVER else None,
        expires_at=row.expires_at,
        is_current=row.id == current,
    )
