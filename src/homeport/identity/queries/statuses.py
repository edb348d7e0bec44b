"""SQL on what becomes of accounts: the history that a trigger writes, and dormancy."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from homeport.database import Connection
from homeport.identity.queries.users import COLUMNS
from homeport.identity.types import UserRow

# Not long after somebody was made or made active, either. Rows in use are left for the next round.
MARK_DORMANT = f"""
update users set status = 'dormant', updated_at = $3 where id = any(array(
    select u.id from users u
    where u.status = 'active' and not u.deleted and not u.is_system and greatest(u.last_seen_at, u.created_at) < $1
      and not exists (select from user_status_changes c where c.user_id = u.id and c.changed_at >= $1)
    order by u.id limit $2 for update skip locked
)) returning {COLUMNS}
"""
# A status lasts until the next one or the account's end. Each beginning counts up and each end counts down on its day;
# what was before the first day counts on it.
COUNT_CHANGES = """
with spans as (
    select
        c.new_status, c.changed_at,
        least(lead(c.changed_at) over (partition by c.user_id order by c.changed_at, c.id), d.deleted_at) as ended_at
    from user_status_changes c
    join users u on u.id = c.user_id and not u.is_system
    left join user_deleted d on d.user_id = c.user_id
), steps as (
    select new_status, changed_at as at, 1 as step from spans
    union all
    select new_status, greatest(ended_at, changed_at), -1 from spans where ended_at is not null
)
select new_status::text as status, greatest(floor(extract(epoch from at - $1) / 86400), 0)::int as day, sum(step)::int as change
from steps where at < $1 + $2::int * interval '1 day' group by 1, 2
"""


LIST_CHANGES = """
select new_status::text as status, changed_at from user_status_changes
where user_id = $1 order by changed_at desc, id desc limit $2
"""


class StatusChange(NamedTuple):
    """What an account became, and when."""

    status: str
    changed_at: datetime


class Change(NamedTuple):
    """By how many the accounts of a status have become more on a day, counted from the first."""

    status: str
    day: int
    change: int


async def mark_dormant(conn: Connection, *, idle_since: datetime, most: int, now: datetime) -> list[UserRow]:
    """Make up to `most` active accounts dormant that nobody has used since; returns them as they are now."""
    return [UserRow(**dict(row)) for row in await conn.fetch(MARK_DORMANT, idle_since, most, now)]


async def count_changes(conn: Connection, *, first_day: datetime, days: int) -> list[Change]:
    """Return how the numbers of accounts have changed by status and day; `first_day` is its first moment."""
    rows = await conn.fetch(COUNT_CHANGES, first_day, days)
    return [Change(row["status"], row["day"], row["change"]) for row in rows]


async def list_changes(conn: Connection, user_id: UUID, *, most: int) -> list[StatusChange]:
    """Return what an account became, the newest first."""
    return [StatusChange(row["status"], row["changed_at"]) for row in await conn.fetch(LIST_CHANGES, user_id, most)]
