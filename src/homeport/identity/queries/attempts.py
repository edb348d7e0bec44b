"""SQL on `login_attempts`: counters that all servers share."""

from datetime import datetime
from uuid import UUID

from homeport.database import Connection, Database

# One statement, so that of many at once exactly as many get through as may: the row's lock puts them in line. No row comes back
# from the one that may not, which is not counted either: whoever goes on trying does not push the end of the window away.
TAKE = """
insert into login_attempts (kind, subject, window_start, attempts) values ($1, $2, $3, 1)
on conflict (kind, subject, window_start) do update set attempts = login_attempts.attempts + 1
where login_attempts.attempts < $4
returning attempts
"""
GIVE_BACK = """
update login_attempts set attempts = attempts - 1
where kind = $1 and subject = $2 and window_start = $3 and attempts > 0
"""
# The address is cast only where it is one of IPv6, and without a zone.
HAS_KEY_FROM = """
select exists (
    select 1 from api_keys where user_id = $1 and login_type <> 'token' and (
        ip_address = $2 or case when ip_address ~ '^[0-9a-f.]*:[0-9a-f.:]*$' then ip_address::inet <<= $3::text::inet end
    )
)
"""
DELETE_OLD = "delete from login_attempts where window_start < $1"


async def take(db: Database, *, kind: str, subject: str, window_start: datetime, most: int) -> bool:
    """Count one attempt; False where the window has had as many as it may."""
    return await db.fetchrow(TAKE, kind, subject, window_start, most) is not None


async def give_back(db: Database, *, kind: str, subject: str, window_start: datetime) -> None:
    """Count one attempt less."""
    await db.execute(GIVE_BACK, kind, subject, window_start)


async def has_key_from(db: Database, user_id: UUID, address: str, network: str | None) -> bool:
    """Tell whether somebody has a session that was begun, or last used, at an address, or in a network of IPv6."""
    return bool(await db.fetchval(HAS_KEY_FROM, user_id, address, network))


async def delete_old(conn: Connection, before: datetime) -> int:
    """Delete the counts of windows that began before a moment."""
    return await conn.execute(DELETE_OLD, before)
