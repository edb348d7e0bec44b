"""SQL on `oauth2_provider_apps` and `oauth2_provider_app_secrets`: finding clients and their secrets."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database import Connection, Database
from homeport.database.rows import maybe
from homeport.oauth2.types import AppRow

COLUMNS = ", ".join(AppRow.__struct_fields__)
_QUALIFIED = ", ".join(f"a.{name}" for name in AppRow.__struct_fields__)

FIND_APP = f"select {COLUMNS} from oauth2_provider_apps where id = $1"
FIND_APP_BY_URL = f"select {COLUMNS} from oauth2_provider_apps where metadata_url = $1"
# By both primary keys' indexes: the client, and beside it the one secret of its own with this prefix.
FIND_APP_WITH_SECRET = f"""
select {_QUALIFIED}, s.id as secret_id, s.hashed_secret, s.last_used_at as secret_last_used_at
from oauth2_provider_apps a
left join oauth2_provider_app_secrets s on s.app_id = a.id and s.secret_prefix = $2
where a.id = $1
"""
# At most once in an interval, so that requests of one client do not wait for each other's row.
UPDATE_APP_USED = """
update oauth2_provider_apps set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $3)
"""
UPDATE_SECRET_USED = """
update oauth2_provider_app_secrets set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $3)
"""


class FoundSecret(msgspec.Struct, frozen=True):
    """What is known of a secret that a client presents."""

    id: UUID
    hashed_secret: bytes
    last_used_at: datetime | None


async def find_app(db: Database, app_id: UUID) -> AppRow | None:
    """Return a client by its id."""
    return maybe(AppRow, await db.fetchrow(FIND_APP, app_id))


async def find_app_by_url(db: Database, url: str) -> AppRow | None:
    """Return the client whose id is the address of its document."""
    return maybe(AppRow, await db.fetchrow(FIND_APP_BY_URL, url))


async def find_app_with_secret(
    db: Database, app_id: UUID, secret_prefix: bytes
) -> tuple[AppRow | None, FoundSecret | None]:
    """Return a client and its secret with this prefix, in one look."""
    record = await db.fetchrow(FIND_APP_WITH_SECRET, app_id, secret_prefix)
    if record is None:
        return None, None
    values = dict(record)
    secret_id, hashed, used = values.pop("secret_id"), values.pop("hashed_secret"), values.pop("secret_last_used_at")
    return AppRow(**values), None if secret_id is None else FoundSecret(secret_id, hashed, used)


async def update_app_used(conn: Connection, app_id: UUID, *, now: datetime, unless_after: datetime) -> None:
    """Note that a client works, unless that was noted lately."""
    await conn.execute(UPDATE_APP_USED, app_id, now, unless_after)


async def update_secret_used(conn: Connection, secret_id: UUID, *, now: datetime, unless_after: datetime) -> None:
    """Note that a secret is in use, unless that was noted lately."""
    await conn.execute(UPDATE_SECRET_USED, secret_id, now, unless_after)
