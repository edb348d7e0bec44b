"""Whether one value of a multi-valued attribute matches the filter of a PATCH's path."""

from typing import Any, Final

from homeport.scim.errors import invalid_path
from homeport.scim.types import Attribute, Compare, Every, Filter, Having, Negation, Operator, Present, Some, Value

# Names that compare letter by letter; all other texts compare without case.
_EXACT: Final = frozenset(("$ref",))


def matches(part: Filter, value: dict[str, Any]) -> bool:
    """Tell whether a value, an object whose names are in lower case, matches."""
    match part:
        case Every(parts):
            return all(matches(one, value) for one in parts)
        case Some(parts):
            return any(matches(one, value) for one in parts)
        case Negation(inner):
            return not matches(inner, value)
        case Present(attribute):
            return _found(attribute, value) not in (None, "")
        case Compare(attribute, operator, wanted):
            return _compare(operator, _found(attribute, value), wanted, is_exact=attribute.name in _EXACT)
        case Having():
            raise invalid_path("A filter in a path has no brackets of its own.")


def equals(part: Filter) -> dict[str, Value]:
    """Return the values that a filter demands by `eq`: what an object must hold that is made to match it."""
    match part:
        case Compare(attribute, "eq", wanted) if not attribute.sub:
            return {attribute.name: wanted}
        case Every(parts):
            return {name: wanted for one in parts for name, wanted in equals(one).items()}
    return {}


def _found(attribute: Attribute, value: dict[str, Any]) -> Any:
    if attribute.sub or attribute.schema:
        raise invalid_path(f"{str(attribute)[:64]!r} is none of the names below this attribute.")
    return value.get(attribute.name)


def _compare(operator: Operator, found: Any, wanted: Value, *, is_exact: bool) -> bool:
    found, wanted = (each if is_exact else _folded(each) for each in (found, wanted))
    if operator == "eq":
        return bool(found == wanted)
    if operator == "ne":
        return bool(found != wanted)
    if not isinstance(found, str) or not isinstance(wanted, str):
        return False
    match operator:
        case "co":
            return wanted in found
        case "sw":
            return found.startswith(wanted)
        case "ew":
            return found.endswith(wanted)
        case "gt":
            return found > wanted
        case "ge":
            return found >= wanted
        case "lt":
            return found < wanted
        case "le":
            return found <= wanted


def _folded(value: Any) -> Any:
    """Return a text without case; texts that say true or false are that, as some providers write them."""
    if not isinstance(value, str):
        return value
    folded = value.lower()
    return folded == "true" if folded in {"true", "false"} else folded
