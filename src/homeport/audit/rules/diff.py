"""The diff of two rows, and how values of columns are written in it. Pure (spec: authorization-and-data 24)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from homeport.audit.types import Declaration
from homeport.kit.ids import NIL_ID

_encode = msgspec.json.Encoder(order="sorted").encode
_NULL_TEXT = "null"


def difference(declaration: Declaration, before: Any | None, after: Any | None) -> dict[str, dict[str, Any]]:
    """Return `{field: {old, new, secret}}` of the tracked and secret fields that differ; secret values stay empty.

    A missing side counts as the empty value of each column. In it a nil id is an empty text, a text that is null the word
    null, a number that is null stays null; access lists are JSON as text, permissions a list of texts.
    """
    changes: dict[str, dict[str, Any]] = {}
    for field in declaration.row.__struct_fields__:
        if field not in declaration.secret and field not in declaration.tracked:
            continue
        raw_old, raw_new = (getattr(row, field) if row is not None else None for row in (before, after))
        if field in declaration.secret:
            if (raw_old or None) != (raw_new or None):
                changes[field] = {"old": "", "new": "", "secret": True}
            continue
        empty = _empties(declaration)[field]
        old, new = (empty if value is None else _plain(value) for value in (raw_old, raw_new))
        if old != new:
            changes[field] = {"old": old, "new": new, "secret": False}
    return changes


def _plain(value: Any) -> Any:
    """Turn a column's value into plain JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return "" if value == NIL_ID else str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return ""
    if isinstance(value, Mapping):
        return _encode(value).decode()
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (list, tuple)):
        return [_listed(one) for one in value]
    return value


def _listed(value: Any) -> Any:
    """Write one of several: a permission as `workspace:read`, with a minus where it forbids."""
    found = msgspec.to_builtins(value, str_keys=True)
    if isinstance(found, dict) and {"resource_type", "action"} <= found.keys():
        return f"{'-' if found.get('negate') else ''}{found['resource_type']}:{found['action']}"
    return found


@cache
def _empties(declaration: Declaration) -> dict[str, Any]:
    """Return the empty value of each column by the type that it is declared with."""
    return {field: _empty_of(hint) for field, hint in get_type_hints(declaration.row).items()}


def _empty_of(hint: Any) -> Any:
    options = set(get_args(hint)) if get_origin(hint) is UnionType or NoneType in get_args(hint) else {hint}
    is_nullable = NoneType in options
    kind = next(iter(options - {NoneType}), str)
    kind = get_origin(kind) or kind
    if kind is bool:
        return False
    if kind in {int, float, timedelta}:
        return None if is_nullable else 0
    if kind in {list, tuple, set, frozenset}:
        return []
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return "{}"
    is_text = isinstance(kind, type) and issubclass(kind, str) and not issubclass(kind, Enum)
    return _NULL_TEXT if is_nullable and is_text else ""
