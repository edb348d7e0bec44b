"""Lengths of time as people write them: `90s`, `8h30m`, `30d`."""

import re
from datetime import timedelta

from homeport_cli.errors import CliError

_UNITS = {"w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[wdhms])")
_LONGEST = timedelta(days=100 * 366)


def parse_duration(text: str, *, flag: str) -> timedelta:
    """Read a duration. Raises CliError that names the flag."""
    compact = text.strip().lower().replace(" ", "")
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise CliError(f"{flag}: '{text}' is no length of time. Write it like 90s, 8h30m or 30d.")
    length = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if length > _LONGEST.total_seconds():
        raise CliError(f"{flag}: '{text}' is longer than a hundred years.")
    return timedelta(seconds=length)


def milliseconds(length: timedelta) -> int:
    """Return a duration in whole milliseconds, as workspaces count."""
    return length // timedelta(milliseconds=1)


def nanoseconds(length: timedelta) -> int:
    """Return a duration in whole nanoseconds, as tokens count."""
    return length // timedelta(microseconds=1) * 1000
