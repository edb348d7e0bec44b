"""Parameters of OAuth requests: each at most once, an empty one is absent, nothing secret in a query (RFC 6749 3.1, 3.2).

Parameters that we do not know are ignored, however often they come.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from homeport.oauth2.errors import invalid_request, invalid_target

FORM_TYPE: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 200
_RESOURCE: Final = "resource"


class Form(msgspec.Struct, frozen=True):
    """The parameters of one request that have a value. `repeated_resource`: several resources were named (RFC 8707)."""

    values: Mapping[str, str]
    repeated_resource: bool = False

    def get(self, name: str) -> str:
        """Return a parameter, or an empty text."""
        return self.values.get(name, "")

    def need(self, name: str) -> str:
        """Return a parameter. Raises invalid_request where it is absent."""
        found = self.values.get(name, "")
        if not found:
            raise invalid_request(f"The parameter {name} is missing.")
        return found

    @property
    def resource(self) -> str:
        """The one resource that is asked for, or an empty text. Raises invalid_target for several different ones."""
        if self.repeated_resource:
            raise invalid_target("A token is for one resource; ask for each with a request of its own.")
        return self.values.get(_RESOURCE, "")


def read_parameters(text: str, known: frozenset[str]) -> Form:
    """Read `name=value&…`. Raises invalid_request for a known parameter that comes twice, or what cannot be read."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise invalid_request("The parameters cannot be read: they are no form in UTF-8, or too many.") from None
    values: dict[str, str] = {}
    seen: set[str] = set()
    has_other_resource = False
    for name, value in pairs:
        if name not in known:
            continue
        if "\x00" in value:
            raise invalid_request(f"The parameter {name} holds a NUL character.")
        if name == _RESOURCE:
            has_other_resource = has_other_resource or (name in values and value not in {"", values[name]})
        elif name in seen:
            raise invalid_request(f"The parameter {name} is given more than once.")
        seen.add(name)
        if value:
            values.setdefault(name, value)
    return Form(values, has_other_resource)


def read_form(content_type: str, body: bytes, query: bytes, known: frozenset[str]) -> Form:
    """Read the body of a POST (RFC 6749 section 3.2). Raises invalid_request for another media type, or for parameters in the query.

    What stands in a query ends in histories and logs, so there it is refused even when it is right.
    """
    if content_type.partition(";")[0].strip().lower() != FORM_TYPE:
        raise invalid_request(f"Send the parameters as {FORM_TYPE}.")
    if query and not names_in(query).isdisjoint(known):
        raise invalid_request("Send the parameters in the body, never in the query: queries are written to logs.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid_request("The body is not UTF-8.") from None
    return read_parameters(text, known)


def names_in(query: bytes) -> frozenset[str]:
    """Return the names of the parameters in a query, whatever else is wrong with it."""
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return frozenset()
    return frozenset(name for name, _ in pairs)
