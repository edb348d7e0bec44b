"""Schedules that people write: cron with a time zone, as in `CRON_TZ=Europe/Berlin 30 9 * * 1-5`."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from croniter import CroniterError, croniter

from homeport.kit.errors import invalid_field

_LONGEST_SCHEDULE = 256
_FIELD = re.compile(r"^[0-9A-Za-z*,/-]+$")
_NUMBER = re.compile(r"^[0-9]{1,2}$")


def parse_schedule(schedule: str, field: str = "schedule") -> tuple[ZoneInfo, str]:
    """Return time zone and the five cron fields of `[CRON_TZ=Zone ]m h dom mon dow`, or raise a 400 naming `field`."""
    zone, words = "UTC", schedule.split()
    if words and words[0].startswith(("CRON_TZ=", "TZ=")):
        zone = words.pop(0).partition("=")[2]
    if len(schedule) > _LONGEST_SCHEDULE or len(words) != 5 or not all(_FIELD.match(word) for word in words):
        raise invalid_field(field, "Write five cron fields, such as 'CRON_TZ=Europe/Berlin 30 9 * * 1-5'.")
    try:
        timezone = ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise invalid_field(field, f"The time zone '{zone[:64]}' is not known.") from error
    expression = " ".join(words)
    try:
        croniter(expression, datetime(2024, 1, 1, tzinfo=UTC), max_years_between_matches=8).get_next(datetime)
    except (CroniterError, ValueError, KeyError) as error:
        raise invalid_field(field, f"The schedule cannot be read or never comes: {error}") from error
    return timezone, expression


class DailyMoment(msgspec.Struct, frozen=True):
    """One moment of every day, where people live."""

    hour: int
    minute: int
    zone: str

    def next_after(self, moment: datetime) -> datetime:
        """Return the next one after a moment, in UTC. Where clocks are put forward over it, it comes that much later."""
        zone = ZoneInfo(self.zone)
        day = moment.astimezone(zone).date()
        while True:
            found = datetime.combine(day, time(self.hour, self.minute), zone).astimezone(UTC)
            if found > moment:
                return found
            day += timedelta(days=1)


def parse_daily(schedule: str, field: str = "schedule") -> DailyMoment:
    """Read a schedule with one hour and one minute, every day. Raises a 400 naming `field` for any other."""
    zone, expression = parse_schedule(schedule, field)
    minute, hour, *rest = expression.split()
    if not _NUMBER.match(minute) or not _NUMBER.match(hour):
        raise invalid_field(field, "Give one minute and one hour, such as 'CRON_TZ=Europe/Berlin 30 2 * * *'.")
    if any(part != "*" for part in rest):
        raise invalid_field(field, "It holds for every day: the last three fields are '*'.")
    return DailyMoment(int(hour), int(minute), zone.key)
