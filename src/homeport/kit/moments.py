"""Moments that come from outside: they need an offset, and must exist in UTC.

Where an offset reaches beyond the years 1 to 9999, neither Python nor the database can tell the moment in UTC.
"""

from datetime import UTC, datetime

from homeport.kit.errors import invalid_field


def in_utc(moment: datetime) -> datetime | None:
    """Return the moment in UTC, or None where it has no offset or UTC has no such year."""
    if moment.tzinfo is None:
        return None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def validate_moment(moment: datetime, field: str) -> datetime:
    """Return the moment in UTC, or raise a 400 that names `field`."""
    found = in_utc(moment)
    if found is None:
        raise invalid_field(field, "Give a time with its time zone, such as 2026-01-31T09:30:00Z.")
    return found
