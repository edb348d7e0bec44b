"""The search grammar of template lists: `name:part exact_name:x organization:acme deprecated:true bare words`."""

import shlex

import msgspec

from homeport.kit.errors import invalid_field

_KEYS = ("name", "exact_name", "organization", "deprecated")


class TemplateSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed search; None means any."""

    name: str | None = None
    exact_name: str | None = None
    organization: str | None = None
    is_deprecated: bool | None = None


def parse_search(query: str) -> TemplateSearch:
    """Parse a search. Raises 400 on field `q` for unknown keys and values that cannot be read."""
    try:
        parts = shlex.split(query)
    except ValueError:
        raise invalid_field("q", "A quotation mark is not closed.") from None
    found: dict[str, str] = {}
    for part in parts:
        key, colon, value = part.partition(":")
        key, value = (key, value) if colon else ("name", part)
        if key not in _KEYS:
            raise invalid_field("q", f"'{key[:64]}' is not a search key; use one of {', '.join(_KEYS)}.")
        if "\x00" in value or len(value) > 256:
            raise invalid_field("q", "A value is too long or holds NUL.")
        found[key] = value
    deprecated = found.pop("deprecated", None)
    if deprecated not in {None, "true", "false"}:
        raise invalid_field("q", "Give true or false for 'deprecated'.")
    return TemplateSearch(is_deprecated=None if deprecated is None else deprecated == "true", **found)
