"""SQL on `api_keys`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import maybe
from homeport.identity.types import ApiKeyRow
from homeport.rbac import Columns

COLUMNS = Columns(id="k.id", owner="k.user_id", id_type="text")

_COLUMNS = (
    "id, hashed_secret, user_id, login_type, token_name, scopes, allow_list, lifetime_seconds, ip_address, "
    "last_used, expires_at, created_at, updated_at, audience"
)
_COLUMNS_OF_K = ", ".join(f"k.{column.strip()}" for column in _COLUMNS.split(","))

FIND_KEY = f"select {_COLUMNS} from api_keys where id = $1"
LOCK_KEY = f"select {_COLUMNS} from api_keys where id = $1 for update"
FIND_TOKEN = (
    f"select {_COLUMNS} from api_keys where user_id = $1 and lower(token_name) = lower($2) and login_type = 'token'"
)
INSERT_KEY = f"""
insert into api_keys ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
DELETE_KEY = "delete from api_keys where id = $1"
DELETE_KEYS_OF_USER = "delete from api_keys where user_id = $1 and id <> $2"
DELETE_SESSIONS_OF_USER = "delete from api_keys where user_id = $1 and login_type <> 'token'"
DELETE_PASSWORD_SESSIONS = "delete from api_keys where user_id = $1 and login_type = 'password'"
# Keys of applications belong to what was allowed them, and are shown and ended there.
LIST_TOKENS = f"""
select {_COLUMNS_OF_K}, u.username from api_keys k join users u on u.id = k.user_id
where k.login_type = 'token' and ($1::uuid is null or k.user_id = $1) and ({{predicate}})
order by k.created_at, k.id
"""
LIST_OWN_KEYS = f"""
select {_COLUMNS_OF_K} from api_keys k
where k.user_id = $1 and k.login_type <> 'oauth2_provider_app' and (k.expires_at > $2 or k.login_type = 'token') and ({{predicate}})
order by greatest(k.last_used, k.created_at) desc, k.id
"""
END_KEYS = f"""
delete from api_keys
where user_id = $1 and id <> $2 and login_type <> 'oauth2_provider_app' and ($3 or login_type <> 'token')
returning {_COLUMNS}
"""
# Through the index on expires_at.
DELETE_EXPIRED_SESSIONS = """
delete from api_keys
where id in (
    select id from api_keys
    where expires_at < $1 and login_type not in ('token', 'oauth2_provider_app') order by expires_at limit $2 for update skip locked
)
"""
DELETE_TOKENS_BY_END = f"""
delete from api_keys
where user_id = $1 and login_type = 'token' and right(token_name, length($2)) = $2
returning {_COLUMNS}
"""
DELETE_APPLICATION_KEYS = (
    "delete from api_keys where user_id = $1 and scopes && '{application_connect,coder:application_connect}'"
)


async def find_key(conn: Connection, key_id: str) -> ApiKeyRow | None:
    """Return a session or token by its id (the first part of its text), or None."""
    return maybe(ApiKeyRow, await conn.fetchrow(FIND_KEY, key_id))


async def lock_key(conn: Connection, key_id: str) -> ApiKeyRow | None:
    """Return a key by id and hold its row until the transaction ends."""
    return maybe(ApiKeyRow, await conn.fetchrow(LOCK_KEY, key_id))


async def find_token(conn: Connection, user_id: UUID, name: str) -> ApiKeyRow | None:
    """Return a user's token by its name, whatever its case."""
    return maybe(ApiKeyRow, await conn.fetchrow(FIND_TOKEN, user_id, name))


async def list_tokens(
    conn: Connection, *, user_id: UUID | None, predicate: str, arguments: Sequence[Any]
) -> list[tuple[ApiKeyRow, str]]:
    """Return tokens (not sessions) with their owners' usernames, oldest first; of all users when `user_id` is None.

    `predicate` speaks of alias `k`; its parameters begin at 2.
    """
    found: list[tuple[ApiKeyRow, str]] = []
    for row in await conn.fetch(LIST_TOKENS.format(predicate=predicate), user_id, *arguments):
        values = dict(row)
        username = values.pop("username")
        found.append((ApiKeyRow(**values), username))
    return found


async def list_own_keys(
    conn: Connection, user_id: UUID, *, now: datetime, predicate: str, arguments: Sequence[Any]
) -> list[ApiKeyRow]:
    """Return a user's sessions that have not run out, and all tokens, the one used last first.

    `predicate` speaks of alias `k`; its parameters begin at 3.
    """
    sql = LIST_OWN_KEYS.format(predicate=predicate)
    return [ApiKeyRow(**dict(row)) for row in await conn.fetch(sql, user_id, now, *arguments)]


async def end_keys(conn: Connection, user_id: UUID, *, except_id: str, has_tokens: bool) -> list[ApiKeyRow]:
    """Delete a user's sessions, with `has_tokens` the tokens as well, but one; return what there was."""
    return [ApiKeyRow(**dict(row)) for row in await conn.fetch(END_KEYS, user_id, except_id, has_tokens)]


async def delete_expired_sessions(conn: Connection, before: datetime, *, most: int) -> int:
    """Delete sessions that ran out before a moment."""
    return await conn.execute(DELETE_EXPIRED_SESSIONS, before, most)


async def insert_key(conn: Connection, row: ApiKeyRow) -> None:
    """Insert a key. Raises UniqueViolation (api_keys_token_name_key), CheckViolation (api_keys_user_not_deleted)."""
    await conn.execute(INSERT_KEY, *(getattr(row, column.strip()) for column in _COLUMNS.split(",")))


async def delete_key(conn: Connection, key_id: str) -> bool:
    """Delete one key; False when there is none."""
    return await conn.execute(DELETE_KEY, key_id) == 1


async def delete_keys_of_user(conn: Connection, user_id: UUID, *, except_id: str = "") -> int:
    """Delete all keys of a user but one."""
    return await conn.execute(DELETE_KEYS_OF_USER, user_id, except_id)


async def delete_sessions_of_user(conn: Connection, user_id: UUID) -> int:
    """Delete a user's sessions; tokens stay."""
    return await conn.execute(DELETE_SESSIONS_OF_USER, user_id)


async def delete_password_sessions(conn: Connection, user_id: UUID) -> int:
    """Delete the sessions of a user that began with a password, those of programs too; tokens stay."""
    return await conn.execute(DELETE_PASSWORD_SESSIONS, user_id)


async def delete_tokens_by_end(conn: Connection, user_id: UUID, end: str) -> list[ApiKeyRow]:
    """Delete a user's tokens whose names end like this; return what there was."""
    return [ApiKeyRow(**dict(row)) for row in await conn.fetch(DELETE_TOKENS_BY_END, user_id, end)]


async def delete_application_keys(conn: Connection, user_id: UUID) -> int:
    """Delete the keys with which a browser reaches workspace applications."""
    return await conn.execute(DELETE_APPLICATION_KEYS, user_id)
