"""Settings of a template between wire and row: milliseconds and names of days outside, nanoseconds and bits inside."""

from collections.abc import Iterable
from datetime import timedelta

from homeport.kit.errors import invalid_field

NANOSECONDS_PER_MS = 1_000_000
MAX_TTL_MS = 30 * 24 * 3600 * 1000
# Bound of all other durations: a hundred years, well inside of a bigint of nanoseconds.
MAX_MS = 100 * 365 * 24 * 3600 * 1000
MAX_WEEKS = 16
MAX_DESCRIPTION_BYTES = 128
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALL_DAYS = 0b1111111
DEFAULT_BUMP = timedelta(hours=1)


def nanoseconds(milliseconds: int, field: str, *, most: int = MAX_MS) -> int:
    """Turn a duration of the wire into one of the row, or raise a 400 that names `field`."""
    if 0 <= milliseconds <= most:
        return milliseconds * NANOSECONDS_PER_MS
    raise invalid_field(field, f"Give milliseconds from 0 to {most}.")


def milliseconds(nanoseconds: int) -> int:
    """Turn a duration of the row into one of the wire."""
    return nanoseconds // NANOSECONDS_PER_MS


def day_bits(names: Iterable[str], field: str) -> int:
    """Turn names of days into bits, Monday first, or raise a 400 that names `field`."""
    bits = 0
    for name in names:
        if name.lower() not in DAYS:
            raise invalid_field(field, f"'{name[:32]}' is not a day of the week; use {', '.join(DAYS)}.")
        bits |= 1 << DAYS.index(name.lower())
    return bits


def day_names(bits: int) -> list[str]:
    """Turn bits into names of days, Monday first."""
    return [name for index, name in enumerate(DAYS) if bits & 1 << index]


def validate_weeks(weeks: int) -> int:
    """Return a number of weeks between required stops (0 and 1 both: every week), or raise a 400."""
    if 0 <= weeks <= MAX_WEEKS:
        return weeks
    raise invalid_field("autostop_requirement.weeks", f"Give 0 to {MAX_WEEKS} weeks.")


def validate_description(text: str) -> str:
    """Return a description of fewer than 128 bytes without NUL, or raise a 400."""
    if len(text.encode("utf-8", "replace")) < MAX_DESCRIPTION_BYTES and "\x00" not in text:
        return text
    raise invalid_field("description", f"Use fewer than {MAX_DESCRIPTION_BYTES} bytes and no NUL character.")
