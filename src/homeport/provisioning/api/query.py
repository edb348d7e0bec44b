"""Reading the query parameters of lists; whatever is wrong is a 400 that names the parameter."""

from typing import get_args
from uuid import UUID

import msgspec

from homeport.kit.errors import invalid_field
from homeport.provisioning.schemas.daemons import DaemonStatus
from homeport.provisioning.types import JobStatus

_MOST_IDS = 1000


def ids_in(value: str | None, field: str) -> list[UUID] | None:
    """Parse ids that are separated by commas."""
    if not value:
        return None
    parts = value.split(",")
    if len(parts) > _MOST_IDS:
        raise invalid_field(field, f"Give at most {_MOST_IDS} ids.")
    try:
        return [UUID(part.strip()) for part in parts]
    except ValueError:
        raise invalid_field(field, "Give ids (UUIDs) separated by commas.") from None


def statuses_in(value: str | None) -> list[str] | None:
    """Parse job statuses that are separated by commas."""
    return _words(value, "status", get_args(JobStatus))


def daemon_statuses_in(value: str | None) -> list[DaemonStatus] | None:
    """Parse daemon statuses that are separated by commas."""
    words = _words(value, "status", get_args(DaemonStatus))
    return None if words is None else msgspec.convert(words, list[DaemonStatus])


def tags_in(value: str | None) -> dict[str, str] | None:
    """Parse tags from a JSON object."""
    if not value:
        return None
    try:
        tags = msgspec.json.decode(value.encode(), type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise invalid_field("tags", 'Give a JSON object of texts, such as {"region": "eu"}.') from None
    if any("\x00" in text for pair in tags.items() for text in pair):
        raise invalid_field("tags", "Text must not hold NUL characters.")
    return tags


def _words(value: str | None, field: str, known: tuple[str, ...]) -> list[str] | None:
    if not value:
        return None
    words = [word.strip() for word in value.split(",")]
    unknown = next((word for word in words if word not in known), None)
    if unknown is not None:
        raise invalid_field(field, f"'{unknown[:64]}' is unknown; use {', '.join(known)}.")
    return words
