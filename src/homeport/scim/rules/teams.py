"""Groups between SCIM's form and ours: what a document or the operations of a PATCH want."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from homeport.kit.names import MAX_DISPLAY_NAME
from homeport.scim.errors import invalid_path, invalid_value, mutability
from homeport.scim.rules.bodies import read_text
from homeport.scim.rules.names import TEAM, kind_of
from homeport.scim.rules.paths import parse_path
from homeport.scim.rules.people import MOST_EXTERNAL_ID
from homeport.scim.types import Compare, Document, Filter, Operation, Some, Target, TeamChange

MOST_MEMBERS: Final = 50_000
_PASSED_OVER: Final = frozenset(("meta", "schemas"))


def wanted_team(document: Document) -> TeamChange:
    """Return what a whole document wants of a group: its members are these and no others."""
    return TeamChange(
        display_name=read_display_name(document.get("displayname")),
        external_id=read_text(document.get("externalid"), "externalId", most=MOST_EXTERNAL_ID),
        kind="replace",
        members=read_members(document.get("members") or []),
    )


def read_display_name(value: Any) -> str:
    """Return the display name of a group, which it must have."""
    found = read_text(value, "displayName", most=MAX_DISPLAY_NAME)
    if not found:
        raise invalid_value("displayName is required.")
    return found


def steps_of(operations: Iterable[Operation], *, id: str) -> list[TeamChange]:
    """Return what the operations of a PATCH do, one step after another."""
    return [step for operation in operations for step in _steps(operation, id)]


def read_members(value: Any) -> tuple[UUID, ...]:
    """Return the ids of people in a list of members. Raises invalidValue for what is no person."""
    found = value if isinstance(value, list) else [value]
    if len(found) > MOST_MEMBERS:
        raise invalid_value(f"A request names at most {MOST_MEMBERS} members; this one names {len(found)}.")
    return tuple(dict.fromkeys(_member(one) for one in found))


def _steps(operation: Operation, id: str) -> Iterable[TeamChange]:
    target = operation.target
    if target is not None and (target.attribute.name or target.attribute.schema):
        yield from _step(operation.kind, target, operation.value)
        return
    if not isinstance(operation.value, dict):
        raise invalid_value("Without a path the value is an object.")
    for name, value in operation.value.items():
        if name == "id" and value != id:
            raise mutability("id cannot be changed.")
        if name not in _PASSED_OVER | {"id"}:
            yield from _step(operation.kind, parse_path(name), value)


def _step(kind: Any, target: Target, value: Any) -> Iterable[TeamChange]:
    form = kind_of(target.attribute, TEAM)
    if form == "ignored":
        return
    if form == "many":
        named = _named(kind, target, value)
        yield TeamChange(kind="replace", members=()) if named is None else TeamChange(kind=kind, members=named)
        return
    if target.part is not None or target.attribute.sub:
        raise invalid_path(f"{target.attribute.name} has one value only.")
    if target.attribute.name == "externalid":
        found = "" if kind == "remove" else read_text(value, "externalId", most=MOST_EXTERNAL_ID)
        yield TeamChange(external_id=found)
    elif kind == "remove":
        raise mutability("displayName is required and cannot be removed.")
    else:
        yield TeamChange(display_name=read_display_name(value))


def _named(kind: str, target: Target, value: Any) -> tuple[UUID, ...] | None:
    """Return whom an operation speaks of; None: of all, which only a removal does."""
    if target.attribute.sub not in {"", "value"}:
        raise mutability("What a member is called cannot be changed; add and remove members.")
    if target.part is not None:
        if kind != "remove":
            raise invalid_path("Members are added and replaced without a filter in the path.")
        return _ids_in(target.part)
    if kind == "remove" and value is None:
        return None
    return read_members(value)


def _ids_in(part: Filter) -> tuple[UUID, ...]:
    """Return the ids of `value eq "…"`, several of them joined by `or`."""
    parts = part.parts if isinstance(part, Some) else (part,)
    found: list[UUID] = []
    for one in parts:
        if not isinstance(one, Compare) or one.attribute.name != "value" or one.operator != "eq":
            raise invalid_path('Members are chosen by their ids: members[value eq "…"].')
        found.append(_id(one.value))
    return tuple(found)


def _member(found: Any) -> UUID:
    if not isinstance(found, dict):
        return _id(found)
    kind, address = found.get("type"), found.get("$ref")
    is_group = (isinstance(kind, str) and kind.lower() == "group") or (
        isinstance(address, str) and "/groups/" in address.lower()
    )
    if is_group:
        raise invalid_value("Groups within groups are not supported: members are users.")
    return _id(found.get("value"))


def _id(value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise invalid_value(f"{str(value)[:64]!r} is no id of a user.") from None
