"""SQL on codes, families, tokens and spent refresh tokens: single use is decided by the row count of one `delete … returning`.

Whoever takes a code or a refresh token first takes (shared) locks on what it depends on, parents before children, in the
order in which those are deleted: person, client, grant, family. So the end of any of these and the use of a token wait for
each other instead of meeting halfway.
"""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from homeport.database import Connection, Database
from homeport.database.rows import Record, maybe
from homeport.oauth2.types import CodeRow, FamilyRow, SpentRow, TokenRow

T = TypeVar("T", bound=msgspec.Struct)


def _columns(row: type[msgspec.Struct]) -> str:
    return ", ".join(row.__struct_fields__)


def _named(row: type[msgspec.Struct], alias: str) -> str:
    """Name the columns of a table by its alias, so that two tables stand in one row: `t.id as t_id`."""
    return ", ".join(f"{alias}.{name} as {alias}_{name}" for name in row.__struct_fields__)


def _carried(row: type[msgspec.Struct], alias: str) -> str:
    return ", ".join(f"held.{alias}_{name}" for name in row.__struct_fields__)


# By the unique index on secret_prefix, then by primary keys.
TAKE_CODE = f"""
with held as (
    select c.id, u.status <> 'suspended' and not u.deleted as is_active
    from oauth2_provider_app_codes c
    join users u on u.id = c.user_id
    join oauth2_provider_apps a on a.id = c.app_id
    join oauth2_provider_grants g on g.id = c.grant_id
    where c.secret_prefix = $1
    for key share of u, a, g
)
delete from oauth2_provider_app_codes c using held where c.id = held.id
returning {_named(CodeRow, "c")}, held.is_active
"""
# By the unique index on hash_prefix, then by primary keys.
TAKE_TOKEN = f"""
with held as (
    select t.id, u.status <> 'suspended' and not u.deleted as is_active, {_named(FamilyRow, "f")}
    from oauth2_provider_app_tokens t
    join users u on u.id = t.user_id
    join oauth2_provider_apps a on a.id = t.app_id
    join oauth2_provider_token_families f on f.id = t.family_id
    where t.hash_prefix = $1
    for key share of u, a, f
)
delete from oauth2_provider_app_tokens t using held where t.id = held.id
returning {_named(TokenRow, "t")}, {_carried(FamilyRow, "f")}, held.is_active
"""
# By the primary key. Counts the retry; whoever refuses it rolls that back.
TAKE_RETRY = f"""
with held as (
    select s.hash_prefix, u.status <> 'suspended' and not u.deleted as is_active, {_named(FamilyRow, "f")}
    from oauth2_provider_spent_refresh_tokens s
    join oauth2_provider_token_families f on f.id = s.family_id
    join users u on u.id = f.user_id
    join oauth2_provider_apps a on a.id = f.app_id
    where s.hash_prefix = $1
    for key share of u, a, f
)
update oauth2_provider_spent_refresh_tokens s set retries = s.retries + 1 from held where s.hash_prefix = held.hash_prefix
returning {_named(SpentRow, "s")}, {_carried(FamilyRow, "f")}, held.is_active
"""
# By the unique index on code_prefix.
LOCK_FAMILY_OF_CODE = (
    f"select {_columns(FamilyRow)} from oauth2_provider_token_families where code_prefix = $1 for update"
)
INSERT_FAMILY = f"""
insert into oauth2_provider_token_families ({_columns(FamilyRow)}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
# By the index on grant_id; all but the newest $2 go.
DELETE_OLDER_FAMILIES = """
delete from oauth2_provider_token_families where id = any(array(
    select id from oauth2_provider_token_families where grant_id = $1 order by created_at desc, id offset $2
))
"""
# The tokens of a family go with it, and each token takes its key.
DELETE_FAMILY = "delete from oauth2_provider_token_families where id = $1"
HOLD_FAMILY = "select id from oauth2_provider_token_families where id = $1 for update"
# A family without a token gives nothing any more, not even to a retry.
DELETE_EMPTY_FAMILY = f"""
{DELETE_FAMILY} and not exists (select 1 from oauth2_provider_app_tokens t where t.family_id = $1)
"""

_TOKEN_VALUES = ", ".join(f"${number}" for number in range(1, len(TokenRow.__struct_fields__) + 1))
INSERT_TOKEN = f"insert into oauth2_provider_app_tokens ({_columns(TokenRow)}) values ({_TOKEN_VALUES})"
# The token that was rotated is remembered in the same statement.
INSERT_ROTATED_TOKEN = f"""
with spent as (
    insert into oauth2_provider_spent_refresh_tokens (hash_prefix, refresh_hash, family_id, rotated_at) values ($13, $14, $10, $2)
)
{INSERT_TOKEN}
"""
DELETE_TOKEN = "delete from oauth2_provider_app_tokens where id = $1"

# What other endpoints see of a token; each by a unique index, then by primary keys.
_FIND_TOKEN = f"""
select {_named(TokenRow, "t")}, k.hashed_secret, k.expires_at as key_expires_at, k.created_at as key_created_at,
    u.status <> 'suspended' and not u.deleted as is_active, u.username
from oauth2_provider_app_tokens t
join api_keys k on k.id = t.api_key_id
join users u on u.id = t.user_id
"""
FIND_TOKEN_OF_KEY = f"{_FIND_TOKEN} where t.api_key_id = $1"
FIND_TOKEN_BY_PREFIX = f"{_FIND_TOKEN} where t.hash_prefix = $1"
FIND_FAMILY_OF_TOKEN = f"""
select {_named(FamilyRow, "f")}, t.refresh_hash
from oauth2_provider_app_tokens t join oauth2_provider_token_families f on f.id = t.family_id
where t.hash_prefix = $1
union all
select {_named(FamilyRow, "f")}, s.refresh_hash
from oauth2_provider_spent_refresh_tokens s join oauth2_provider_token_families f on f.id = s.family_id
where s.hash_prefix = $1
"""

IS_PERSON_ACTIVE = "select status <> 'suspended' and not deleted from users where id = $1 for key share"

# What ends with the right of a person to act. Parents first, in the order of TAKE_TOKEN.
DELETE_FAMILIES_OF_USER = "delete from oauth2_provider_token_families where user_id = $1"
DELETE_TOKENS_OF_USER = "delete from oauth2_provider_app_tokens where user_id = $1"
DELETE_CODES_OF_USER = "delete from oauth2_provider_app_codes where user_id = $1"
DELETE_DEVICE_CODES_OF_USER = "delete from oauth2_provider_device_codes where user_id = $1"
DELETE_GRANTS_OF_USER = "delete from oauth2_provider_grants where user_id = $1"
_ALL_OF_USER = (DELETE_FAMILIES_OF_USER, DELETE_TOKENS_OF_USER, DELETE_CODES_OF_USER, DELETE_DEVICE_CODES_OF_USER)


class TakenCode(msgspec.Struct, frozen=True):
    """A code that this transaction has used up, and whether its person may still act."""

    code: CodeRow
    is_active: bool


class TakenToken(msgspec.Struct, frozen=True):
    """A refresh token that this transaction has used up, with its family, and whether its person may still act."""

    token: TokenRow
    family: FamilyRow
    is_active: bool


class TakenRetry(msgspec.Struct, frozen=True):
    """A refresh token that was used before; `spent.retries` counts this use."""

    spent: SpentRow
    family: FamilyRow
    is_active: bool


class SeenToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token as introspection and revocation see it."""

    token: TokenRow
    hashed_secret: bytes
    key_expires_at: datetime
    key_created_at: datetime
    is_active: bool
    username: str


async def take_code(conn: Connection, prefix: bytes) -> TakenCode | None:
    """Use a code up. None: there is none, or somebody has been faster. The caller rolls back what it then refuses."""
    record = await conn.fetchrow(TAKE_CODE, prefix)
    return None if record is None else TakenCode(_row(CodeRow, record, "c"), record["is_active"])


async def take_token(conn: Connection, prefix: bytes) -> TakenToken | None:
    """Use a refresh token up, and with it the access token beside it; None as for `take_code`."""
    record = await conn.fetchrow(TAKE_TOKEN, prefix)
    if record is None:
        return None
    return TakenToken(_row(TokenRow, record, "t"), _row(FamilyRow, record, "f"), record["is_active"])


async def take_retry(conn: Connection, prefix: bytes) -> TakenRetry | None:
    """Count another use of a refresh token that was rotated; None: it never was one."""
    record = await conn.fetchrow(TAKE_RETRY, prefix)
    if record is None:
        return None
    return TakenRetry(_row(SpentRow, record, "s"), _row(FamilyRow, record, "f"), record["is_active"])


async def lock_family_of_code(conn: Connection, prefix: bytes) -> FamilyRow | None:
    """Return the family that a code began, and hold it."""
    return maybe(FamilyRow, await conn.fetchrow(LOCK_FAMILY_OF_CODE, prefix))


async def insert_family(conn: Connection, row: FamilyRow) -> None:
    """Insert a family."""
    await conn.execute(INSERT_FAMILY, *_values(row))


async def delete_older_families(conn: Connection, grant_id: UUID, keep: int) -> int:
    """End the families of a grant but the newest; returns how many ended."""
    return await conn.execute(DELETE_OLDER_FAMILIES, grant_id, keep)


async def delete_family(conn: Connection, family_id: UUID) -> bool:
    """End a family; False when it had ended."""
    return await conn.execute(DELETE_FAMILY, family_id) == 1


async def hold_family(conn: Connection, family_id: UUID) -> None:
    """Hold a family before its tokens, as everybody does."""
    await conn.execute(HOLD_FAMILY, family_id)


async def delete_empty_family(conn: Connection, family_id: UUID) -> bool:
    """End a family that has no token left."""
    return await conn.execute(DELETE_EMPTY_FAMILY, family_id) == 1


async def insert_token(conn: Connection, row: TokenRow) -> None:
    """Insert a token beside its key."""
    await conn.execute(INSERT_TOKEN, *_values(row))


async def insert_rotated_token(conn: Connection, row: TokenRow, before: TokenRow) -> None:
    """Insert a token and remember the one that it replaces."""
    await conn.execute(INSERT_ROTATED_TOKEN, *_values(row), before.hash_prefix, before.refresh_hash)


async def delete_token(conn: Connection, token_id: UUID) -> bool:
    """Delete a pair: refresh token and access token; False when it was gone."""
    return await conn.execute(DELETE_TOKEN, token_id) == 1


async def find_token_of_key(conn: Connection | Database, key_id: str) -> SeenToken | None:
    """Return the token whose access token is this key."""
    return _seen(await conn.fetchrow(FIND_TOKEN_OF_KEY, key_id))


async def find_token_by_prefix(conn: Connection | Database, prefix: bytes) -> SeenToken | None:
    """Return the token of a refresh token that was not used yet."""
    return _seen(await conn.fetchrow(FIND_TOKEN_BY_PREFIX, prefix))


async def find_family_of_token(conn: Connection, prefix: bytes) -> tuple[FamilyRow, bytes] | None:
    """Return the family of a refresh token, used or not, and the token's hash."""
    record = await conn.fetchrow(FIND_FAMILY_OF_TOKEN, prefix)
    return None if record is None else (_row(FamilyRow, record, "f"), record["refresh_hash"])


async def is_person_active(conn: Connection, user_id: UUID) -> bool:
    """Tell whether a person may act, and let nobody delete them before the transaction ends."""
    return bool(await conn.fetchval(IS_PERSON_ACTIVE, user_id))


async def delete_all_of_user(conn: Connection, user_id: UUID, *, with_grants: bool) -> None:
    """End every family, token, code and device code of a person, and with `with_grants` what they have allowed."""
    if with_grants:
        await conn.execute(DELETE_GRANTS_OF_USER, user_id)
    for statement in _ALL_OF_USER:
        await conn.execute(statement, user_id)


def _row(struct: type[T], record: Record, alias: str) -> T:
    return struct(**{name: record[f"{alias}_{name}"] for name in struct.__struct_fields__})


def _values(row: msgspec.Struct) -> tuple[Any, ...]:
    return msgspec.structs.astuple(row)


def _seen(record: Record | None) -> SeenToken | None:
    if record is None:
        return None
    return SeenToken(
        token=_row(TokenRow, record, "t"),
        hashed_secret=record["hashed_secret"],
        key_expires_at=record["key_expires_at"],
        key_created_at=record["key_created_at"],
        is_active=record["is_active"],
        username=record["username"],
    )
