"""SQL on `user_links`: accounts of people at providers."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.database.rows import Record
from homeport.identity.types import LinkClaims, LoginType, UserLinkRow

_COLUMNS = (
    "user_id, login_type, linked_id, access_token_sealed, refresh_token_sealed, token_key_id, oauth_expiry, claims, "
    "created_at, updated_at, refreshing_until"
)

FIND_LINK = f"select {_COLUMNS} from user_links where user_id = $1 and login_type = $2"
LOCK_LINK = f"{FIND_LINK} for update"
# By the unique index on (linked_id, login_type). Links of deleted users are gone with them.
FIND_LINKED_USER = "select user_id from user_links where linked_id = $1 and login_type = $2 and linked_id <> ''"
LIST_LINKS = f"select {_COLUMNS} from user_links where user_id = $1 order by login_type"
SAVE_LINK = f"""
insert into user_links ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, null)
on conflict (user_id, login_type) do update set
    linked_id = excluded.linked_id,
    access_token_sealed = excluded.access_token_sealed,
    refresh_token_sealed = excluded.refresh_token_sealed,
    token_key_id = excluded.token_key_id,
    oauth_expiry = excluded.oauth_expiry,
    claims = excluded.claims,
    updated_at = excluded.updated_at,
    refreshing_until = null
returning {_COLUMNS}
"""
DELETE_LINK = "delete from user_links where user_id = $1 and login_type = $2"

# The moments of these come from the database's clock, which all servers share: they are about who of them works, and never
# about when a person's token ends.
CLAIM_REFRESH = f"""
update user_links set refreshing_until = clock_timestamp() + $3
where user_id = $1 and login_type = $2 and (refreshing_until is null or refreshing_until < clock_timestamp())
    and oauth_expiry <= $4
returning {_COLUMNS}
"""
# Whoever signed in meanwhile has brought tokens of their own, and nobody's claim lasts.
FINISH_REFRESH = """
update user_links set access_token_sealed = $4, refresh_token_sealed = $5, token_key_id = $6, oauth_expiry = $7, updated_at = $8,
    refreshing_until = null
where user_id = $1 and login_type = $2 and refreshing_until = $3
"""
ABANDON_REFRESH = """
update user_links set refreshing_until = null, refresh_token_sealed = case when $4 then null else refresh_token_sealed end
where user_id = $1 and login_type = $2 and refreshing_until = $3
"""


async def find_link(conn: Connection, user_id: UUID, login_type: LoginType) -> UserLinkRow | None:
    """Return a person's account at the provider of this kind, or None."""
    return _row(await conn.fetchrow(FIND_LINK, user_id, login_type))


async def lock_link(conn: Connection, user_id: UUID, login_type: LoginType) -> UserLinkRow | None:
    """Return a link and hold its row until the transaction ends."""
    return _row(await conn.fetchrow(LOCK_LINK, user_id, login_type))


async def find_linked_user(conn: Connection, linked_id: str, login_type: LoginType) -> UUID | None:
    """Return whose account at the provider this is, or None."""
    found: UUID | None = await conn.fetchval(FIND_LINKED_USER, linked_id, login_type)
    return found


async def list_links(conn: Connection, user_id: UUID) -> list[UserLinkRow]:
    """Return the accounts of a person at providers."""
    return [_struct(record) for record in await conn.fetch(LIST_LINKS, user_id)]


async def save_link(
    conn: Connection,
    *,
    user_id: UUID,
    login_type: LoginType,
    linked_id: str,
    access_token_sealed: bytes | None,
    refresh_token_sealed: bytes | None,
    token_key_id: str,
    oauth_expiry: datetime | None,
    claims: LinkClaims,
    now: datetime,
) -> UserLinkRow:
    """Insert a link, or put what the provider says now in its place.

    Raises UniqueViolation (user_links_linked_key), CheckViolation for a deleted user.
    """
    sealed = (access_token_sealed, refresh_token_sealed, token_key_id)
    said = msgspec.to_builtins(claims)
    return _struct(await conn.fetchrow(SAVE_LINK, user_id, login_type, linked_id, *sealed, oauth_expiry, said, now))


async def delete_link(conn: Connection, user_id: UUID, login_type: LoginType) -> bool:
    """Delete a link; False when there is none."""
    return await conn.execute(DELETE_LINK, user_id, login_type) == 1


async def claim_refresh(
    conn: Connection, user_id: UUID, login_type: LoginType, *, most: timedelta, now: datetime
) -> UserLinkRow | None:
    """Take it on to refresh the tokens of a link that has ended by `now`, for `most` at the longest; None: another has, or did."""
    return _row(await conn.fetchrow(CLAIM_REFRESH, user_id, login_type, most, now))


async def finish_refresh(
    conn: Connection,
    claimed: UserLinkRow,
    *,
    access_token_sealed: bytes,
    refresh_token_sealed: bytes | None,
    token_key_id: str,
    oauth_expiry: datetime | None,
    now: datetime,
) -> bool:
    """Store new tokens beside the same claims; False when this claim holds no longer."""
    key = (claimed.user_id, claimed.login_type, claimed.refreshing_until)
    sealed = (access_token_sealed, refresh_token_sealed, token_key_id)
    return await conn.execute(FINISH_REFRESH, *key, *sealed, oauth_expiry, now) == 1


async def abandon_refresh(conn: Connection, claimed: UserLinkRow, *, is_final: bool) -> None:
    """Let others try. `is_final`: the provider takes this refresh token no more, so it is forgotten."""
    await conn.execute(ABANDON_REFRESH, claimed.user_id, claimed.login_type, claimed.refreshing_until, is_final)


def _row(record: Record | None) -> UserLinkRow | None:
    return None if record is None else _struct(record)


def _struct(record: Record | None) -> UserLinkRow:
    assert record is not None
    values = dict(record)
    # Rows of old hold nothing, or null in place of one of the three.
    stored = values["claims"] if isinstance(values["claims"], dict) else {}
    said = {name: value for name, value in stored.items() if isinstance(value, dict)}
    return UserLinkRow(**{**values, "claims": msgspec.convert(said, LinkClaims)})
