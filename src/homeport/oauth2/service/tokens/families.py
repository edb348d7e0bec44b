"""Families: all tokens that descend from one consent. How they begin, how many there may be, how they end at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from homeport.config import Settings
from homeport.database import Connection, EventBus
from homeport.identity.types import UserDeleted, UserPasswordChanged, UserSuspended
from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.oauth2.queries import tokens as queries
from homeport.oauth2.service.trail import record_family_end
from homeport.oauth2.types import AppRow, CodeRow, FamilyRow

MOST_OF_PUBLIC: Final = 20
"""Live families of a public client per person and resource: each of a person's machines may have one of its own."""

MOST_OF_CONFIDENTIAL: Final = 1
"""A confidential client is one program: a new code ends the tokens of the one before, as in the reference."""


async def begin_family(
    conn: Connection,
    settings: Settings,
    *,
    app: AppRow,
    grant_id: UUID,
    user_id: UUID,
    scopes: Sequence[str],
    audience: str | None,
    code: CodeRow | None = None,
) -> FamilyRow:
    """Begin a family, and end the oldest ones of the grant beyond what the client may have. `code` is the one that began it."""
    now = clock.now()
    row = FamilyRow(
        id=new_id(),
        grant_id=grant_id,
        app_id=app.id,
        user_id=user_id,
        code_prefix=code.secret_prefix if code else None,
        code_hash=code.hashed_secret if code else None,
        code_challenge=code.code_challenge if code else None,
        scopes=list(scopes),
        audience=audience,
        created_at=now,
        expires_at=now + settings.oauth2_session_lifetime,
    )
    most = MOST_OF_PUBLIC if app.is_public else MOST_OF_CONFIDENTIAL
    await queries.delete_older_families(conn, grant_id, most - 1)
    await queries.insert_family(conn, row)
    return row


async def end_family(
    conn: Connection, app: AppRow, family: FamilyRow, *, reason: str, subject_id: UUID | None = None
) -> None:
    """End all tokens of a family, with an entry in audit that says why; nothing where it has ended before."""
    if await queries.delete_family(conn, family.id):
        await record_family_end(conn, app, family, reason=reason, subject_id=subject_id)


def has_ended(family: FamilyRow, now: datetime) -> bool:
    """Whether a family has reached its absolute end."""
    return family.expires_at <= now


def register(events: EventBus) -> None:
    """Let families end with the right of their person to act. Once per process."""
    events.subscribe(UserSuspended, _end_all)
    events.subscribe(UserPasswordChanged, _end_all)
    events.subscribe(UserDeleted, _end_all_and_grants)


async def _end_all(conn: Connection, event: UserSuspended | UserPasswordChanged) -> None:
    """Suspended: nothing comes back with the account. A new password: whoever knew the old one may have allowed it."""
    await queries.delete_all_of_user(conn, event.user_id, with_grants=False)


async def _end_all_and_grants(conn: Connection, event: UserDeleted) -> None:
    await queries.delete_all_of_user(conn, event.user_id, with_grants=True)
