"""Pure rules of audit: the diff of two rows, the sentence that describes an entry, and the search grammar."""

import shlex
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec

from homeport.audit.types import AuditAction, Declaration, Search
from homeport.kit.errors import invalid_field

_VERBS = {
    "create": "created",
    "write": "updated",
    "delete": "deleted",
    "start": "started",
    "stop": "stopped",
    "login": "signed in",
    "logout": "signed out",
    "register": "registered",
    "connect": "connected to",
    "disconnect": "disconnected from",
    "open": "opened",
    "close": "closed",
    "request_password_reset": "asked for a password reset of",
}
_WORDS = frozenset(
    {
        "action",
        "resource_type",
        "resource_id",
        "organization",
        "request_id",
        "username",
        "email",
        "date_from",
        "date_to",
        "resource_target",
    }
)


def difference(declaration: Declaration, before: Any | None, after: Any | None) -> dict[str, dict[str, Any]]:
    """Return `{field: {old, new, secret}}` of the tracked and secret fields that differ; secret values stay empty.

    A missing side counts as that side's empty value (spec: authorization-and-data 24).
    """
    changes: dict[str, dict[str, Any]] = {}
    for field in declaration.row.__struct_fields__:
        raw_old, raw_new = (getattr(row, field) if row is not None else None for row in (before, after))
        if field in declaration.secret and (raw_old or None) != (raw_new or None):
            changes[field] = {"old": "", "new": "", "secret": True}
        elif field in declaration.tracked:
            old, new = _plain(raw_old), _plain(raw_new)
            old, new = (_empty_of(new) if old is None else old), (_empty_of(old) if new is None else new)
            if old != new:
                changes[field] = {"old": old, "new": new, "secret": False}
    return changes


def describe(action: str, resource_type: str, target: str, status_code: int) -> str:
    """Return a sentence with `{user}` for the actor, such as `{user} created workspace dev`."""
    kind = resource_type.replace("_", " ")
    verb = _VERBS.get(action, action)
    sentence = f"{{user}} {verb}" if action in {"login", "logout"} else f"{{user}} {verb} {kind} {target}".rstrip()
    return sentence if status_code < 400 else sentence.replace("{user}", "{user} unsuccessfully attempted:", 1)


def parse_search(query: str) -> Search:
    """Parse `action:create resource_type:workspace username:ada date_from:2026-01-01 …`.

    Bare words search the target's name.

    An unknown key or a value of the wrong kind is a 400 on field `q`.
    """
    found: dict[str, Any] = {}
    words: list[str] = []
    if "\x00" in query:
        raise invalid_field("q", "A search cannot hold NUL characters.")
    try:
        parts = shlex.split(query)
    except ValueError:
        raise invalid_field("q", "A quotation mark is not closed.") from None
    for part in parts:
        key, colon, value = part.partition(":")
        if not colon:
            words.append(part)
        elif key not in _WORDS:
            raise invalid_field("q", f"'{key}' is not a search key; use one of {', '.join(sorted(_WORDS))}.")
        else:
            found.update(_parse_pair(key, value))
    if words:
        found["text"] = " ".join(words)
    return Search(**found)


def _parse_pair(key: str, value: str) -> dict[str, Any]:
    if key in {"resource_id", "request_id", "organization"}:
        try:
            return {"organization_id" if key == "organization" else key: UUID(value)}
        except ValueError:
            raise invalid_field("q", f"'{value}' of '{key}' is not a UUID.") from None
    if key in {"date_from", "date_to"}:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise invalid_field("q", f"'{value}' of '{key}' is not a date of the form 2026-01-31.") from None
        return {key: datetime.combine(day, time.min if key == "date_from" else time.max, UTC)}
    if key == "action" and value not in set(AuditAction):
        raise invalid_field("q", f"'{value}' is not an action; use one of {', '.join(AuditAction)}.")
    return {"text" if key == "resource_target" else key: value}


def _plain(value: Any) -> Any:
    """Turn a column's value into plain JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (UUID, datetime)):
        return str(value) if isinstance(value, UUID) else value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return ""
    if isinstance(value, (Mapping, list, tuple, set, frozenset, msgspec.Struct)):
        return msgspec.to_builtins(sorted(value) if isinstance(value, (set, frozenset)) else value, str_keys=True)
    return value


def _empty_of(value: Any) -> Any:
    """Return the empty value of the same kind: what "nothing" looks like next to `value`."""
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, float)):
        return 0
    if isinstance(value, list):
        return []
    if isinstance(value, dict):
        return {}
    return ""
