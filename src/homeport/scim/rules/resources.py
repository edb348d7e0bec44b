"""Resources as answers show them (RFC 7643 4): names as the standard writes them, only what is there, only what was asked for."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from homeport.scim.rules.people import formatted
from homeport.scim.types import (
    BASE,
    GROUP_SCHEMA,
    LIST_MESSAGE,
    USER_SCHEMA,
    Attribute,
    MemberRow,
    PersonRow,
    Shape,
    TeamRow,
)

# In every answer, whatever was asked for (RFC 7643 2.2, returned: always).
_ALWAYS: Final = frozenset(("schemas", "id"))


def user_resource(row: PersonRow, groups: Sequence[MemberRow], *, url: str, shape: Shape) -> dict[str, Any]:
    """Return an account. `url` is the access address of the server."""
    name = {"formatted": formatted(row), "givenName": row.given_name, "familyName": row.family_name}
    found: dict[str, Any] = {
        "schemas": [USER_SCHEMA],
        "id": str(row.id),
        "externalId": row.external_id,
        "userName": row.user_name,
        "displayName": row.display_name,
        "name": {key: value for key, value in name.items() if value},
        "active": row.is_active,
        "emails": [{"value": row.email, "type": row.email_type, "primary": True}],
    }
    version = version_of(found)
    found["groups"] = [
        {
            "value": str(one.group_id),
            "display": one.group_display,
            "$ref": f"{url}{BASE}/Groups/{one.group_id}",
            "type": "direct",
        }
        for one in groups
    ]
    return _shaped(found, _meta(row, "User", url, version), shape)


def group_resource(row: TeamRow, members: Sequence[MemberRow] | None, *, url: str, shape: Shape) -> dict[str, Any]:
    """Return a group. Its version is told only where its members (None: not read) are, of which it is made, too."""
    found: dict[str, Any] = {
        "schemas": [GROUP_SCHEMA],
        "id": str(row.id),
        "externalId": row.external_id,
        "displayName": row.display_name,
        "members": [
            {
                "value": str(one.user_id),
                "display": one.display,
                "$ref": f"{url}{BASE}/Users/{one.user_id}",
                "type": "User",
            }
            for one in members or ()
        ],
    }
    # Of whom it consists, not of what they are called or where this server is reached.
    version = "" if members is None else version_of({**found, "members": [str(one.user_id) for one in members]})
    return _shaped(found, _meta(row, "Group", url, version), shape)


def list_answer(resources: Sequence[dict[str, Any]], *, total: int, start: int) -> dict[str, Any]:
    """Return one page of a list."""
    return {
        "schemas": [LIST_MESSAGE],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def version_of(resource: dict[str, Any]) -> str:
    """Return the entity tag of a resource: the same as long as what a provider may write is the same."""
    digest = hashlib.sha256(msgspec.json.encode(resource)).hexdigest()
    return f'W/"{digest[:32]}"'


def is_version(header: str, version: str) -> bool:
    """Tell whether the header If-Match admits a version; it compares weakly, as all our versions are weak."""
    offered = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in offered or version.removeprefix("W/") in offered


def _meta(row: PersonRow | TeamRow, kind: str, url: str, version: str) -> dict[str, Any]:
    found = {
        "resourceType": kind,
        "created": _moment(row.created_at),
        "lastModified": _moment(row.updated_at),
        "location": f"{url}{BASE}/{kind}s/{row.id}",
    }
    return found | {"version": version} if version else found


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _shaped(found: dict[str, Any], meta: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Leave out what is empty and what was not asked for."""
    kept = {key: value for key, value in found.items() if value not in ("", [], {})} | {"meta": meta}
    if shape.wanted:
        return {key: _part(value, key, shape.wanted) for key, value in kept.items() if _is_asked(key, shape.wanted)}
    return {
        key: left
        for key, value in kept.items()
        if (left := _rest(value, key, shape.unwanted)) not in ({}, []) or key in _ALWAYS
    }


def _is_asked(key: str, wanted: frozenset[Attribute]) -> bool:
    return key in _ALWAYS or any(one.name == key.lower() for one in wanted)


def _part(value: Any, key: str, wanted: frozenset[Attribute]) -> Any:
    """Return a value with only those names below it that were asked for; all of them where it was asked for as a whole."""
    below = {one.sub for one in wanted if one.name == key.lower()}
    return value if key in _ALWAYS or "" in below else _each(value, lambda name: name.lower() in below)


def _rest(value: Any, key: str, unwanted: frozenset[Attribute]) -> Any:
    below = {one.sub for one in unwanted if one.name == key.lower()}
    if key in _ALWAYS or not below:
        return value
    return {} if "" in below else _each(value, lambda name: name.lower() not in below)


def _each(value: Any, is_kept: Any) -> Any:
    if isinstance(value, list):
        return [_each(one, is_kept) for one in value]
    return {name: one for name, one in value.items() if is_kept(name)} if isinstance(value, dict) else value


def names_of(rows: Iterable[MemberRow], key: str) -> dict[Any, list[MemberRow]]:
    """Gather rows by `user_id` or `group_id`."""
    found: dict[Any, list[MemberRow]] = {}
    for row in rows:
        found.setdefault(getattr(row, key), []).append(row)
    return found
