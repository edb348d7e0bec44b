"""What a list is asked for (RFC 7644 3.4.2), from a query or from the body of a search."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeport.kit.names import is_storable
from homeport.scim.errors import invalid_value
from homeport.scim.rules.filters import parse_attribute, parse_filter
from homeport.scim.types import DEFAULT_RESULTS, MOST_RESULTS, Attribute, Query, Shape

# Beyond this no list goes, and PostgreSQL counts no further.
_MOST_START: Final = 2**31 - 1
_MOST_NAMES: Final = 100


def read_query(given: Mapping[str, Any]) -> Query:
    """Return what parameters (names in lower case) ask for. Raises invalidFilter and invalidValue."""
    filter_text, sort_by, order = (_text(given, name) for name in ("filter", "sortby", "sortorder"))
    if order.lower() not in {"", "ascending", "descending"}:
        raise invalid_value("sortOrder is ascending or descending.")
    return Query(
        filter=parse_filter(filter_text) if filter_text.strip() else None,
        start=max(1, _number(given, "startindex", 1)),
        count=min(MOST_RESULTS, max(0, _number(given, "count", DEFAULT_RESULTS))),
        sort_by=parse_attribute(sort_by, invalid_value) if sort_by.strip() else None,
        is_descending=order.lower() == "descending",
        shape=read_shape(given),
    )


def read_shape(given: Mapping[str, Any]) -> Shape:
    """Return which attributes an answer holds."""
    return Shape(_attributes(given, "attributes"), _attributes(given, "excludedattributes"))


def _attributes(given: Mapping[str, Any], name: str) -> frozenset[Attribute]:
    found = given.get(name) or ""
    parts: Iterable[Any] = found.split(",") if isinstance(found, str) else found
    if not isinstance(parts, list) or not all(isinstance(one, str) for one in parts):
        raise invalid_value(f"{name} is a list of names of attributes.")
    if len(parts) > _MOST_NAMES:
        raise invalid_value(f"{name} has at most {_MOST_NAMES} names.")
    return frozenset(parse_attribute(one, invalid_value) for one in parts if one.strip())


def _text(given: Mapping[str, Any], name: str) -> str:
    found = given.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or not is_storable(found):
        raise invalid_value(f"{name} is a text.")
    return found


def _number(given: Mapping[str, Any], name: str, default: int) -> int:
    found = given.get(name)
    if found is None or found == "":
        return default
    if isinstance(found, str) and found.strip().lstrip("+-").isdecimal() and found.isascii() and len(found) < 20:
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool):
        raise invalid_value(f"{name} is a whole number.")
    return max(-_MOST_START, min(_MOST_START, found))
