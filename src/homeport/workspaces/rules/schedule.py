"""Schedule arithmetic (spec: workspaces 1.5, authorization-and-data 23). Time to live is in nanoseconds, as stored."""

from datetime import UTC, date, datetime, time, timedelta

from croniter import CroniterError, croniter

from homeport.kit.errors import invalid_field
from homeport.kit.schedules import parse_schedule

NANOSECONDS = 1_000_000_000
MILLISECOND = 1_000_000
SHORTEST_TTL = timedelta(minutes=1)
LONGEST_TTL = timedelta(days=30)
SHORTEST_EXTENSION = timedelta(minutes=30)
# A workspace gets at least this long before the template's stop requirement ends it.
STOP_LEEWAY = timedelta(hours=1)
_FIRST_MONDAY = date(2023, 1, 2)


def next_autostart(schedule: str, after: datetime, *, blocked_days: int = 0) -> datetime | None:
    """Return the first moment after `after` at which `schedule` starts the workspace, or None.

    `blocked_days` holds the week days on which the template lets nothing start (bit 0 is Monday).
    """
    zone, expression = parse_schedule(schedule)
    moments = croniter(expression, after.astimezone(zone), max_years_between_matches=8)
    for _ in range(400):
        try:
            moment: datetime = moments.get_next(datetime)
        except CroniterError:
            return None
        if not blocked_days >> moment.weekday() & 1:
            return moment.astimezone(UTC)
    return None


def ttl_from_wire(ttl_ms: int | None, field: str = "ttl_ms") -> int | None:
    """Return nanoseconds from milliseconds; None and 0 mean never. Raises a 400 outside of 1 minute to 30 days."""
    if not ttl_ms:
        return None
    if not SHORTEST_TTL / timedelta(milliseconds=1) <= ttl_ms <= LONGEST_TTL / timedelta(milliseconds=1):
        raise invalid_field(field, "The time until the workspace stops must be between 1 minute and 30 days.")
    return ttl_ms * MILLISECOND


def start_deadline(
    *, now: datetime, workspace_ttl: int | None, default_ttl: int, may_user_choose: bool, latest: datetime | None
) -> datetime | None:
    """Return when a workspace that has just started shall stop; None is never. `latest` is never passed."""
    ttl = (workspace_ttl or 0) if may_user_choose else default_ttl
    deadline = now + timedelta(seconds=ttl / NANOSECONDS) if ttl > 0 else None
    if latest is None:
        return deadline
    return latest if deadline is None else min(deadline, latest)


def required_stop(*, now: datetime, days: int, weeks: int, quiet_hours: str) -> datetime | None:
    """Return the moment at which the template requires a stop, or None.

    `days` holds the week days (bit 0 is Monday), `weeks` every how many weeks (counted from Monday 2 January 2023),
    `quiet_hours` the owner's cron schedule, of which minute, hour and zone count.
    """
    if not days:
        return None
    zone, expression = parse_schedule(quiet_hours, "quiet_hours_schedule")
    moments = croniter(expression, datetime(2024, 1, 1, tzinfo=UTC)).get_next(datetime)
    first = (now + STOP_LEEWAY).astimezone(zone).date()
    for offset in range(7 * (max(weeks, 1) + 1) + 1):
        day = first + timedelta(days=offset)
        is_week = (day - _FIRST_MONDAY).days // 7 % max(weeks, 1) == 0
        moment = datetime.combine(day, time(moments.hour, moments.minute), zone).astimezone(UTC)
        if days >> day.weekday() & 1 and is_week and moment >= now + STOP_LEEWAY:
            return moment
    return None


def check_extension(
    *, now: datetime, started_at: datetime, deadline: datetime, max_deadline: datetime | None
) -> datetime:
    """Return the asked `deadline`, or raise a 400: 30 minutes ahead, after the start, within `max_deadline`."""
    if deadline <= started_at:
        raise invalid_field("deadline", "The workspace would stop before it was started; ask for a later time.")
    if deadline - now < SHORTEST_EXTENSION:
        raise invalid_field("deadline", "Ask for a time that is at least 30 minutes ahead.")
    if max_deadline is not None and deadline > max_deadline:
        latest = max_deadline.isoformat()
        raise invalid_field("deadline", f"The template requires a stop at {latest}; ask for an earlier time.")
    return deadline


def bumped_deadline(
    *,
    now: datetime,
    deadline: datetime,
    max_deadline: datetime | None,
    bump: timedelta,
    ttl: timedelta,
    next_start: datetime | None,
) -> datetime:
    """Return the deadline after activity at `now`: never earlier, never past `max_deadline`.

    The deadline moves to `bump` from now; when the next autostart comes before that, to the autostart plus `ttl`.
    Less than a twentieth of the bump is not worth a write.
    """
    wanted = now + bump
    if next_start is not None and now < next_start <= wanted:
        wanted = next_start + ttl
    if max_deadline is not None:
        wanted = min(wanted, max_deadline)
    return wanted if bump and wanted - deadline >= bump / 20 else deadline
