"""Bodies of requests: JSON in, plain trees out whose names are in lower case, since SCIM's names have no case (RFC 7643 2.1)."""

from typing import Any, Final, Literal, cast

import msgspec

from homeport.kit.names import is_storable
from homeport.scim.errors import ScimError, invalid_path, invalid_syntax, invalid_value, no_target
from homeport.scim.rules.paths import parse_path
from homeport.scim.types import MEDIA_TYPE, Document, Operation

MOST_OPERATIONS: Final = 1000
MOST_NESTING: Final = 12
_TYPES: Final = frozenset(("", MEDIA_TYPE, "application/json"))
_KINDS: Final = frozenset(("add", "replace", "remove"))


def read_body(content_type: str, body: bytes) -> Document:
    """Decode a body that is an object. Raises 415 for another content type, invalidSyntax for what is no such JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise ScimError(415, f"Send the body as {MEDIA_TYPE}.")
    try:
        found = msgspec.json.decode(body)
    except RecursionError:
        raise invalid_syntax("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid_syntax("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise invalid_syntax("The body is no JSON object.")
    return cast("Document", lowered(found))


def lowered(value: Any, depth: int = 0) -> Any:
    """Return a value with the names of its objects in lower case. Raises invalidSyntax for a name that comes twice."""
    if depth > MOST_NESTING:
        raise invalid_syntax(f"The body is nested deeper than {MOST_NESTING} levels.")
    if isinstance(value, list):
        return [lowered(one, depth + 1) for one in value]
    if isinstance(value, str) and not is_storable(value):
        raise invalid_value("The body holds a character that no value can have.")
    if not isinstance(value, dict):
        return value
    found = {name.lower(): lowered(one, depth + 1) for name, one in value.items()}
    if len(found) != len(value):
        raise invalid_syntax("The body holds a name twice.")
    return found


def read_operations(document: Document) -> list[Operation]:
    """Return the operations of a PATCH (RFC 7644 3.5.2)."""
    found = document.get("operations")
    if not isinstance(found, list) or not found:
        raise invalid_syntax("A PATCH needs Operations, a list of at least one operation.")
    if len(found) > MOST_OPERATIONS:
        raise invalid_syntax(f"A PATCH has at most {MOST_OPERATIONS} operations; this one has {len(found)}.")
    return [_operation(number, one) for number, one in enumerate(found, start=1)]


def _operation(number: int, found: Any) -> Operation:
    if not isinstance(found, dict):
        raise invalid_syntax(f"Operation {number} is no object.")
    # Some providers write Add, Replace and Remove.
    kind = str(found.get("op", "")).lower()
    if kind not in _KINDS:
        raise invalid_syntax(f"Operation {number}: op is one of add, replace and remove.")
    path = found.get("path")
    if path is not None and not isinstance(path, str):
        raise invalid_path(f"Operation {number}: the path is no text.")
    if not path and kind == "remove":
        raise no_target(f"Operation {number}: a removal needs a path.")
    if kind != "remove" and "value" not in found:
        raise invalid_value(f"Operation {number}: {kind} needs a value.")
    if not path and not isinstance(found["value"], dict):
        raise invalid_value(f"Operation {number}: without a path the value is an object.")
    return Operation(
        cast('Literal["add", "replace", "remove"]', kind), parse_path(path) if path else None, found.get("value")
    )


def read_boolean(value: Any, name: str) -> bool:
    """Return a truth; some providers write it as a text."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid_value(f"{name} is true or false.")
    return value


def read_text(value: Any, name: str, *, most: int) -> str:
    """Return a text without white space around it; null is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid_value(f"{name} is a text.")
    found = value.strip()
    if len(found) > most:
        raise invalid_value(f"{name} has at most {most} characters; this one has {len(found)}.")
    if not found.isprintable():
        raise invalid_value(f"{name} holds characters that cannot be shown.")
    return found
