"""The one statement that recognises a session with everything that decisions need, and the one that notes its use."""

from datetime import datetime

from homeport.database import Connection, Database
from homeport.database.rows import Record

# Three look-ups by primary key. Triggers keep the holdings (memberships, groups, custom roles): see the room's README.
AUTHENTICATE = """
select
    k.hashed_secret, k.expires_at, k.last_used, k.lifetime_seconds, k.login_type as key_login_type, k.scopes, k.allow_list,
    k.audience as key_audience,
    u.id, u.username, u.email, u.name, u.avatar_url, u.status, u.login_type, u.theme_preference, u.rbac_roles,
    u.created_at, u.updated_at, u.last_seen_at,
    coalesce(a.holdings, '{}') as holdings
from api_keys k
join users u on u.id = k.user_id and not u.deleted
left join user_authorizations a on a.user_id = u.id
where k.id = $1
"""

# At most once an hour and key. The old moment in the condition lets one of several requests at once do it.
REFRESH = """
with used as (
    update api_keys set last_used = $3, expires_at = $4, ip_address = case when $5 then $6 else ip_address end, updated_at = $7
    where id = $1 and last_used = $2
    returning user_id
)
update users set last_seen_at = $7 from used where users.id = used.user_id
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
