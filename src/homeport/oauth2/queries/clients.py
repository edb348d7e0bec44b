"""SQL that writes and lists clients and their secrets; `apps.py` finds them for requests."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.database.rows import many, maybe
from homeport.oauth2.types import AppRow, SecretRow

_FIELDS = AppRow.__struct_fields__
_APP = ", ".join(f"a.{name}" for name in _FIELDS)
_SECRET = ", ".join(SecretRow.__struct_fields__)
# What lists search: the name, in any case, or the client_id to the letter.
_MATCHES = "($1::text = '' or strpos(lower(a.name), lower($1)) > 0 or a.metadata_url = $1 or a.id::text = lower($1))"
# Only clients with which this person holds a token that still works.
_HOLDS = """
($2::uuid is null or exists (
    select 1 from oauth2_provider_app_tokens t where t.app_id = a.id and t.user_id = $2 and t.expires_at > $3))
"""
# A client that nobody needs: it was made known by itself, nobody allows it anything, and it was not used since $1.
_UNUSED = """
a.kind <> 'registered' and greatest(a.created_at, a.updated_at, a.last_used_at, a.metadata_fetched_at) < $1
and not exists (select 1 from oauth2_provider_grants g where g.app_id = a.id)
"""

LOCK_APP = f"select {_APP} from oauth2_provider_apps a where a.id = $1 for update"
FIND_APP = f"select {_APP} from oauth2_provider_apps a where a.id = $1"
LOCK_APP_BY_METADATA_URL = f"select {_APP} from oauth2_provider_apps a where a.metadata_url = $1 for update"
LIST_APPS = f"""
select {_APP} from oauth2_provider_apps a where {_MATCHES} and {_HOLDS}
order by a.name, a.id limit $4 offset $5
"""
COUNT_APPS = f"select count(*) from oauth2_provider_apps a where {_MATCHES} and {_HOLDS}"
COUNT_UNREGISTERED_APPS = "select count(*) from oauth2_provider_apps where kind <> 'registered'"
INSERT_APP = f"""
insert into oauth2_provider_apps ({", ".join(_FIELDS)})
values ({", ".join(f"${number}" for number in range(1, len(_FIELDS) + 1))})
"""
UPDATE_APP = f"""
update oauth2_provider_apps
set {", ".join(f"{name} = ${number}" for number, name in enumerate(_FIELDS, start=1) if name != "id")}
where id = ${_FIELDS.index("id") + 1}
"""
UPDATE_METADATA_EXPIRY = "update oauth2_provider_apps set metadata_expires_at = $2 where id = $1"
DELETE_APP = "delete from oauth2_provider_apps where id = $1"
DELETE_UNUSED_APPS = f"""
delete from oauth2_provider_apps where id in (
    select a.id from oauth2_provider_apps a where {_UNUSED} order by a.created_at limit $2 for update skip locked
) returning {", ".join(_FIELDS)}
"""

LIST_SECRETS = f"select {_SECRET} from oauth2_provider_app_secrets where app_id = $1 order by created_at, id"
LOCK_SECRET = f"select {_SECRET} from oauth2_provider_app_secrets where id = $1 for update"
INSERT_SECRET = f"""
insert into oauth2_provider_app_secrets ({_SECRET})
values ({", ".join(f"${number}" for number in range(1, len(SecretRow.__struct_fields__) + 1))})
"""
DELETE_SECRET = "delete from oauth2_provider_app_secrets where id = $1"
DELETE_SECRETS = "delete from oauth2_provider_app_secrets where app_id = $1"
DELETE_GRANTS = "delete from oauth2_provider_grants where app_id = $1"
DELETE_DEVICE_CODES = "delete from oauth2_provider_device_codes where app_id = $1"


async def find_app(conn: Connection, app_id: UUID) -> AppRow | None:
    """Return a client by its id."""
    return maybe(AppRow, await conn.fetchrow(FIND_APP, app_id))


async def lock_app(conn: Connection, app_id: UUID) -> AppRow | None:
    """Return a client by its id and hold it until the transaction ends."""
    return maybe(AppRow, await conn.fetchrow(LOCK_APP, app_id))


async def lock_app_by_metadata_url(conn: Connection, url: str) -> AppRow | None:
    """Return the client whose metadata document is at `url`, as last stored, and hold it until the transaction ends."""
    return maybe(AppRow, await conn.fetchrow(LOCK_APP_BY_METADATA_URL, url))


async def list_apps(
    conn: Connection, *, text: str, user_id: UUID | None, now: datetime, limit: int | None, offset: int
) -> list[AppRow]:
    """Return clients by name: those that a search finds, those of one person (who holds a token), or all."""
    return many(AppRow, await conn.fetch(LIST_APPS, text, user_id, now, limit, offset))


async def count_apps(conn: Connection, *, text: str, user_id: UUID | None, now: datetime) -> int:
    """Count what `list_apps` lists, whatever the page."""
    count: int = await conn.fetchval(COUNT_APPS, text, user_id, now)
    return count


async def count_unregistered_apps(conn: Connection) -> int:
    """Count the clients that made themselves known: by registering, or by a document."""
    count: int = await conn.fetchval(COUNT_UNREGISTERED_APPS)
    return count


async def insert_app(conn: Connection, row: AppRow) -> None:
    """Insert a client. Raises UniqueViolation for a document that somebody has stored meanwhile."""
    await conn.execute(INSERT_APP, *msgspec.structs.astuple(row))


async def update_app(conn: Connection, row: AppRow) -> None:
    """Write every column of a client. The caller holds the row."""
    await conn.execute(UPDATE_APP, *msgspec.structs.astuple(row))


async def update_metadata_expiry(conn: Connection, app_id: UUID, expires_at: datetime) -> None:
    """Say until when the stored metadata document counts."""
    await conn.execute(UPDATE_METADATA_EXPIRY, app_id, expires_at)


async def delete_app(conn: Connection, app_id: UUID) -> bool:
    """Delete a client with its secrets, grants, codes and tokens. False when there was none."""
    return await conn.execute(DELETE_APP, app_id) == 1


async def delete_unused_apps(conn: Connection, *, before: datetime, most: int) -> list[AppRow]:
    """Delete clients that made themselves known, have no grant and were not used since `before`; the oldest first."""
    return many(AppRow, await conn.fetch(DELETE_UNUSED_APPS, before, most))


async def list_secrets(conn: Connection, app_id: UUID) -> list[SecretRow]:
    """Return a client's secrets, the oldest first."""
    return many(SecretRow, await conn.fetch(LIST_SECRETS, app_id))


async def lock_secret(conn: Connection, secret_id: UUID) -> SecretRow | None:
    """Return a secret and hold it until the transaction ends."""
    return maybe(SecretRow, await conn.fetchrow(LOCK_SECRET, secret_id))


async def insert_secret(conn: Connection, row: SecretRow) -> None:
    """Insert a secret."""
    await conn.execute(INSERT_SECRET, *msgspec.structs.astuple(row))


async def delete_secret(conn: Connection, secret_id: UUID) -> bool:
    """Delete a secret and the tokens that were issued through it. False when there was none."""
    return await conn.execute(DELETE_SECRET, secret_id) == 1


async def delete_secrets(conn: Connection, app_id: UUID) -> int:
    """Delete all secrets of a client, with their tokens."""
    return await conn.execute(DELETE_SECRETS, app_id)


async def delete_grants(conn: Connection, app_id: UUID) -> int:
    """Delete what anybody has allowed a client, with its codes and tokens, and what waits to be allowed on devices."""
    await conn.execute(DELETE_DEVICE_CODES, app_id)
    return await conn.execute(DELETE_GRANTS, app_id)
