"""Times of day at which a workspace starts: `9:30AM Mon-Fri Europe/Dublin` becomes a cron line with a time zone."""

import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo

from homeport_cli.errors import CliError

_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*(am|pm)?", re.IGNORECASE)
_DAYS = re.compile(r"\*|(?:[a-z]{3,9}|[0-7])(?:[-,](?:[a-z]{3,9}|[0-7]))*", re.IGNORECASE)
_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ZONES = Path("/usr/share/zoneinfo")


def parse_start(text: str, *, flag: str = "--start-at") -> str:
    """Return the cron line of `TIME [DAYS] [TIME ZONE]`; a whole cron line stays as it is. Raises CliError."""
    if text.startswith("CRON_TZ=") or len(text.split()) == 5:
        return text
    words = text.split()
    if len(words) > 1 and words[1].lower() in {"am", "pm"}:
        words[:2] = ["".join(words[:2])]
    found = _TIME.fullmatch(words[0]) if words else None
    if found is None or len(words) > 3:
        raise CliError(
            f"{flag}: '{text}' is no time of day. Write it like '9:30AM', '09:30 Mon-Fri' or '9:30 Mon-Fri Europe/Dublin'."
        )
    hour, minute = _hour(int(found[1]), (found[3] or "").lower()), int(found[2] or 0)
    if hour is None or minute > 59:
        raise CliError(f"{flag}: there is no time '{words[0]}'.")
    days, zone = "*", ""
    for word in words[1:]:
        if _DAYS.fullmatch(word) and all(_is_day(day) for day in re.split("[-,]", word)):
            days = word.lower()
        else:
            zone = word
    return f"CRON_TZ={_check_zone(zone or local_zone(), flag)} {minute} {hour} * * {days}"


def local_zone() -> str:
    """Return the name of this machine's time zone; UTC where it cannot be told."""
    if os.environ.get("TZ"):
        return os.environ["TZ"].removeprefix(":")
    try:
        return str(Path("/etc/localtime").resolve(strict=True).relative_to(_ZONES))
    except (OSError, ValueError):
        return "UTC"


def _hour(hour: int, half: str) -> int | None:
    if not half:
        return hour if hour < 24 else None
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if half == "pm" else 0)


def _is_day(text: str) -> bool:
    return text == "*" or text.isdigit() or text.lower()[:3] in _NAMES


def _check_zone(zone: str, flag: str) -> str:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError) as error:
        raise CliError(f"{flag}: there is no time zone '{zone}'. Write it like Europe/Dublin.") from error
    return zone
