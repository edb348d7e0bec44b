"""Entries of the audit log as people read them: what changed from what to what, and where the object is found. Pure."""

import json
from typing import Any
from urllib.parse import quote

import msgspec

from homeport.audit.schemas import AuditLog

_MOST_SHOWN = 2000


class Change(msgspec.Struct, frozen=True):
    """A field that changed. Of a secret one only that is known; `old` and `new` are empty then."""

    field: str
    old: str
    new: str
    is_secret: bool


def changes(diff: dict[str, Any]) -> list[Change]:
    """Return the changes of an entry by field; values are words, however they were stored."""
    found = []
    for field, change in sorted(diff.items()):
        is_secret = bool(change.get("secret"))
        old, new = ("", "") if is_secret else (_text(change.get("old")), _text(change.get("new")))
        found.append(Change(field.replace("_", " "), old, new, is_secret))
    return found


def object_path(entry: AuditLog) -> str:
    """Return the path of the page that shows the object of an entry; empty where there is none, or no more."""
    if entry.is_deleted or not entry.resource_target:
        return ""
    place = f"/organizations/{quote(entry.organization.name)}" if entry.organization else ""
    name = quote(entry.resource_target, safe="")
    match entry.resource_type:
        case "user":
            return f"/users/{entry.resource_id}"
        case "organization":
            return f"/organizations/{entry.resource_id}"
        case "oauth2_provider_app":
            return f"/applications/{entry.resource_id}"
        case "template" if place and entry.resource_link:
            return f"{entry.resource_link}?organization={quote(entry.organization.name)}" if entry.organization else ""
        case "organization_member" if place:
            return f"{place}/members/{name}"
        case "group" if place:
            return f"{place}/groups/{name}"
        case "custom_role" if place:
            return f"{place}/roles"
    return entry.resource_link


def outcome(status: int) -> str:
    """Return how a failed attempt ended, in a word; empty for one that succeeded."""
    if status < 400:
        return ""
    return "refused" if status in {401, 403, 404} else "failed"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        text = ", ".join(str(each) for each in value)
    elif isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False) if value else ""
    else:
        text = str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} … ({len(text)} characters)"
