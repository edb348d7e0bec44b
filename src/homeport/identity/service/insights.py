"""How many accounts there were in each status, day by day."""

from collections import defaultdict
from datetime import datetime, timedelta, timezone

from homeport.database import Database
from homeport.identity import rules
from homeport.identity.errors import HiddenNumbers
from homeport.identity.queries import statuses as queries
from homeport.identity.schemas import GetUserStatusCountsResponse, UserStatusChangeCount
from homeport.identity.types import UserStatus
from homeport.kit import clock
from homeport.rbac import Action, Subject, is_allowed

DAYS = 60


async def count_statuses(db: Database, *, subject: Subject, tz_offset: int) -> GetUserStatusCountsResponse:
    """Return the numbers at the end of each of the last days, today's as they are now. Needs user:read on all.

    System users never count, deleted ones until they were. `tz_offset` is in hours east of UTC; days begin there.
    """
    if not is_allowed(subject, Action.READ, rules.user_object()):
        raise HiddenNumbers
    days = _days(clock.now().astimezone(timezone(timedelta(hours=tz_offset))))
    async with db.connection() as conn:
        changes = await queries.count_changes(conn, first_day=days[0], days=len(days))
    by_status: dict[str, dict[int, int]] = defaultdict(dict)
    for found in changes:
        by_status[found.status][found.day] = found.change
    return GetUserStatusCountsResponse({status.value: _running(days, by_status[status]) for status in UserStatus})


def _days(now: datetime) -> list[datetime]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]


def _running(days: list[datetime], changes: dict[int, int]) -> list[UserStatusChangeCount]:
    found, count = [], 0
    for number, day in enumerate(days):
        count += changes.get(number, 0)
        found.append(UserStatusChangeCount(day, count))
    return found
