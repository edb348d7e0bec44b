"""The search grammars of the audit log and of the connection log (docs/audit.md). Pure.

Values are compared without case. Who or what a name means is looked up by the service.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, get_args
from uuid import UUID

from homeport.audit.types import (
    BUILD_REASONS,
    RESOURCE_TYPES,
    AuditAction,
    ConnectionSearch,
    ConnectionType,
    Search,
)
from homeport.kit.moments import in_utc
from homeport.kit.search_terms import refuse, split_terms

Reader = Callable[[str, str], Any]
_MOST_SHOWN = 64


def parse_search(query: str) -> Search:
    """Read `action:create resource_type:workspace username:ada date_from:2026-01-01 …`; bare words begin an object's name.

    Raises a 400 that names `q`, or the key whose value is not right.
    """
    found, words = _read(query, _LOG_KEYS)
    return Search(**found, text=" ".join(words) or None)


def parse_connection_search(query: str) -> ConnectionSearch:
    """Read `type:ssh username:ada status:ongoing …`. Every word has a key. Raises as `parse_search` does."""
    found, words = _read(query, _CONNECTION_KEYS)
    if words:
        raise refuse("q", f"'{words[0][:_MOST_SHOWN]}' has no key. Known are: {', '.join(sorted(_CONNECTION_KEYS))}.")
    return ConnectionSearch(**found)


def _read(query: str, keys: Mapping[str, tuple[str, Reader]]) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    words: list[str] = []
    for key, value in split_terms(query):
        if not key:
            words.append(value)
            continue
        if key not in keys:
            raise refuse("q", f"'{key[:_MOST_SHOWN]}' is not a search key. Known are: {', '.join(sorted(keys))}.")
        field, read = keys[key]
        if field in found:
            raise refuse(key, "Give this key once.")
        found[field] = read(key, value)
    return found, words


def _text(_key: str, value: str) -> str:
    return value


def _one_of(choices: Sequence[str]) -> Reader:
    def read(key: str, value: str) -> str:
        if value.lower() not in choices:
            raise refuse(key, f"'{value[:_MOST_SHOWN]}' is not known. Known are: {', '.join(choices)}.")
        return value.lower()

    return read


def _id(key: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise refuse(key, f"'{value[:_MOST_SHOWN]}' is not a UUID.") from None


def _moment(at: time) -> Reader:
    """Return a reader of days and moments; a day stands for its `at` in UTC."""

    def read(key: str, value: str) -> datetime:
        try:
            return datetime.combine(date.fromisoformat(value), at, UTC)
        except ValueError:
            pass
        try:
            moment = in_utc(datetime.fromisoformat(value))
        except ValueError:
            moment = None
        if moment is None:
            raise refuse(key, "Give a day such as 2026-01-31, or a time with its zone such as 2026-01-31T09:30:00Z.")
        return moment

    return read


def _status(key: str, value: str) -> bool:
    return bool(_one_of(("ongoing", "completed"))(key, value) == "ongoing")


_since, _until = _moment(time.min), _moment(time.max)
# Key, the field of the parsed search that it sets, and the reader of its value.
_LOG_KEYS: dict[str, tuple[str, Reader]] = {
    "action": ("action", _one_of([*AuditAction])),
    "resource_type": ("resource_type", _one_of(RESOURCE_TYPES)),
    "resource_id": ("resource_id", _id),
    "resource_target": ("resource_target", _text),
    "username": ("username", _text),
    "email": ("email", _text),
    "organization": ("organization", _text),
    "request_id": ("request_id", _id),
    "date_from": ("date_from", _since),
    "date_to": ("date_to", _until),
    "build_reason": ("build_reason", _one_of(BUILD_REASONS)),
}
_CONNECTION_KEYS: dict[str, tuple[str, Reader]] = {
    "organization": ("organization", _text),
    "workspace_owner": ("workspace_owner", _text),
    "workspace_owner_email": ("workspace_owner_email", _text),
    "type": ("type", _one_of(get_args(ConnectionType))),
    "username": ("username", _text),
    "user_email": ("user_email", _text),
    "connected_after": ("connected_after", _since),
    "connected_before": ("connected_before", _until),
    "workspace_id": ("workspace_id", _id),
    "connection_id": ("connection_id", _id),
    "status": ("is_ongoing", _status),
}
