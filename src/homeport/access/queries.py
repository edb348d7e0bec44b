"""The one statement that recognises a session with everything that decisions need, and the one that notes its use.

And the one that finds the objects of questions about permissions.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from homeport.database import Connection, Database
from homeport.database.rows import Record

# Four look-ups by primary key; that of the link finds nothing but for sessions from providers. Triggers keep the holdings
# (memberships, groups, custom roles): see the room's README.
AUTHENTICATE = """
select
    k.hashed_secret, k.expires_at, k.last_used, k.lifetime_seconds, k.login_type as key_login_type, k.scopes, k.allow_list,
    k.audience as key_audience,
    u.id, u.username, u.email, u.name, u.avatar_url, u.status, u.login_type, u.theme_preference, u.rbac_roles,
    u.created_at, u.updated_at, u.last_seen_at,
    coalesce(a.holdings, '{}') as holdings,
    l.user_id is not null as has_link, l.oauth_expiry, l.linked_id, l.refresh_token_sealed is not null as has_refresh_token
from api_keys k
join users u on u.id = k.user_id and not u.deleted
left join user_authorizations a on a.user_id = u.id
left join user_links l on k.login_type in ('oidc', 'github') and l.user_id = k.user_id and l.login_type = k.login_type
where k.id = $1
"""

# At most once an hour and key. The old moment in the condition lets one of several requests at once do it. The person is locked
# before the key, as by whoever ends an account and then its keys.
REFRESH = """
with person as (
    select u.id from users u where u.id = (select k.user_id from api_keys k where k.id = $1 and k.last_used = $2)
    for no key update
), used as (
    update api_keys set last_used = $3, expires_at = $4, ip_address = case when $5 then $6 else ip_address end, updated_at = $7
    from person
    where api_keys.id = $1 and api_keys.last_used = $2 and api_keys.user_id = person.id
    returning user_id
)
update users set last_seen_at = $7 from used where users.id = used.user_id
"""

# The types come as a parameter, too: PostgreSQL passes over the branches of the view whose type is not asked for.
LIST_OBJECTS = """
select o.type, o.id::text as id, o.object_type, o.object_id, o.organization_id, o.owner_id, o.user_acl, o.group_acl
from rbac_objects o
where o.type = any($1::text[]) and o.id = any($2::uuid[])
union all
select 'api_key', k.id, 'api_key', null, null, k.user_id, null, null
from api_keys k
where k.id = any($3::text[])
"""


async def find_session(db: Database, key_id: str) -> Record | None:
    """Return the key, its user and what the user holds; None for an unknown id."""
    return await db.fetchrow(AUTHENTICATE, key_id)


async def update_last_used(
    conn: Connection,
    key_id: str,
    *,
    known_last_used: datetime,
    last_used: datetime,
    expires_at: datetime,
    is_address_changed: bool,
    address: str,
    now: datetime,
) -> None:
    """Note the use of a key, unless another request has done so since it was read."""
    await conn.execute(REFRESH, key_id, known_last_used, last_used, expires_at, is_address_changed, address, now)


async def list_objects(
    db: Database, *, types: Collection[str], ids: Collection[UUID], key_ids: Collection[str]
) -> list[Record]:
    """Return what decisions speak of, by types and ids; of another type's ids may be more among them."""
    return await db.fetch(LIST_OBJECTS, list(types), list(ids), list(key_ids))
