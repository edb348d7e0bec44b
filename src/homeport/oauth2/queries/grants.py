"""SQL on `oauth2_provider_grants`, and what ends with them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from homeport.database import Connection, Database
from homeport.database.rows import maybe, one
from homeport.oauth2.types import GrantRow
from homeport.rbac import Columns

COLUMNS = Columns(id="g.id", owner="g.user_id")
FIRST_PARAMETER = 5

_COLUMNS = "id, user_id, app_id, resource_uri, scopes, redirect_hosts, created_at, updated_at"

FIND_GRANT = f"""
select {_COLUMNS} from oauth2_provider_grants where user_id = $1 and app_id = $2 and resource_uri = $3
"""
LOCK_GRANT = f"{FIND_GRANT} for update"
LOCK_GRANT_BY_ID = f"select {_COLUMNS} from oauth2_provider_grants where id = $1 for update"
# Allowed is what was ever allowed and not revoked: another answer adds to it. The old order stays.
PUT_GRANT = f"""
insert into oauth2_provider_grants as g ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $7)
on conflict (user_id, app_id, resource_uri) do update set
    scopes = g.scopes || array(select s from unnest(excluded.scopes) with ordinality e (s, n) where s <> all(g.scopes) order by n),
    redirect_hosts = g.redirect_hosts || array(select h from unnest(excluded.redirect_hosts) h where h <> all(g.redirect_hosts)),
    updated_at = excluded.updated_at
returning {_COLUMNS}
"""
HAS_GRANTS = "select exists (select 1 from oauth2_provider_grants where app_id = $1)"
DELETE_GRANT = "delete from oauth2_provider_grants where id = $1"
DELETE_GRANTS_OF_APP = f"""
delete from oauth2_provider_grants where user_id = $1 and app_id = $2 returning {_COLUMNS}
"""
DELETE_GRANTS_OF_USER = f"delete from oauth2_provider_grants where user_id = $1 returning {_COLUMNS}"
# Tokens of client_credentials belong to no grant, but to the account in whose name the client works.
DELETE_TOKENS_OF_APP = "delete from oauth2_provider_app_tokens where user_id = $1 and app_id = $2"
FIND_APP_NAME = "select name from oauth2_provider_apps where id = $1"

LIST_GRANTS = """
select
    g.id, g.user_id, g.app_id, g.resource_uri, g.scopes, g.redirect_hosts, g.created_at, g.updated_at,
    u.username, a.name as client_name, a.kind as client_kind, a.client_type, a.metadata_url,
    (
        select max(k.last_used)
        from oauth2_provider_token_families f
        join oauth2_provider_app_tokens t on t.family_id = f.id
        join api_keys k on k.id = t.api_key_id
        where f.grant_id = g.id
    ) as last_used_at
from oauth2_provider_grants g
join users u on u.id = g.user_id
join oauth2_provider_apps a on a.id = g.app_id
where ($1::uuid is null or g.user_id = $1) and ($2::uuid is null or g.app_id = $2)
  and ({predicate})
order by g.updated_at desc, g.id
limit $3 offset $4
"""


class ListedGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant with the names of its person and its client. `last_used_at`: the last use of a token that still lives."""

    id: UUID
    user_id: UUID
    app_id: UUID
    resource_uri: str
    scopes: list[str]
    redirect_hosts: list[str]
    created_at: datetime
    updated_at: datetime
    username: str
    client_name: str
    client_kind: str
    client_type: str
    metadata_url: str | None
    last_used_at: datetime | None


async def find_grant(db: Database, user_id: UUID, app_id: UUID, resource_uri: str) -> GrantRow | None:
    """Return what a person has allowed a client on a resource."""
    return maybe(GrantRow, await db.fetchrow(FIND_GRANT, user_id, app_id, resource_uri))


async def lock_grant(conn: Connection, user_id: UUID, app_id: UUID, resource_uri: str) -> GrantRow | None:
    """Return what a person has allowed a client on a resource, and hold it until the transaction ends."""
    return maybe(GrantRow, await conn.fetchrow(LOCK_GRANT, user_id, app_id, resource_uri))


async def lock_grant_by_id(conn: Connection, grant_id: UUID) -> GrantRow | None:
    """Return a grant by id, and hold it until the transaction ends."""
    return maybe(GrantRow, await conn.fetchrow(LOCK_GRANT_BY_ID, grant_id))


async def put_grant(conn: Connection, row: GrantRow) -> GrantRow:
    """Insert a grant, or add its scopes and hosts to the one that is there. Returns what is there now."""
    values = (row.id, row.user_id, row.app_id, row.resource_uri, row.scopes, row.redirect_hosts, row.updated_at)
    return one(GrantRow, await conn.fetchrow(PUT_GRANT, *values) or {})


async def has_grants(db: Database, app_id: UUID) -> bool:
    """Tell whether anybody has allowed this client anything."""
    return bool(await db.fetchval(HAS_GRANTS, app_id))


async def list_grants(
    conn: Connection,
    *,
    user_id: UUID | None,
    app_id: UUID | None,
    limit: int,
    offset: int,
    predicate: str,
    arguments: Sequence[Any],
) -> list[ListedGrant]:
    """Return grants, the one allowed last first; of all people and clients where None is given."""
    sql = LIST_GRANTS.format(predicate=predicate)
    rows = await conn.fetch(sql, user_id, app_id, limit, offset, *arguments)
    return [ListedGrant(**dict(row)) for row in rows]


async def delete_grant(conn: Connection, grant_id: UUID) -> bool:
    """Delete a grant, and with it codes, families, tokens and their API keys; False when it was gone."""
    return await conn.execute(DELETE_GRANT, grant_id) == 1


async def delete_grants_of_app(conn: Connection, user_id: UUID, app_id: UUID) -> list[GrantRow]:
    """Delete all that a person has allowed a client, and return it."""
    return [GrantRow(**dict(row)) for row in await conn.fetch(DELETE_GRANTS_OF_APP, user_id, app_id)]


async def delete_grants_of_user(conn: Connection, user_id: UUID) -> list[GrantRow]:
    """Delete all that a person has allowed, and return it."""
    return [GrantRow(**dict(row)) for row in await conn.fetch(DELETE_GRANTS_OF_USER, user_id)]


async def delete_tokens_of_app(conn: Connection, user_id: UUID, app_id: UUID) -> int:
    """Delete the tokens of a client that work in an account's name, whether or not they come from a grant."""
    return await conn.execute(DELETE_TOKENS_OF_APP, user_id, app_id)


async def find_app_name(conn: Connection, app_id: UUID) -> str:
    """Return the name of a client, or an empty text when it is gone."""
    return str(await conn.fetchval(FIND_APP_NAME, app_id) or "")
