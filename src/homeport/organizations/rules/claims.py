"""Values out of what a provider says of a person: claims by name or path, in the many forms in which providers write lists.

A claim that cannot be understood as a whole is refused (`UnusableClaim`) and never cut: whoever takes a part of it for all
would take from people what the rest gives them.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

import msgspec

from homeport.kit.names import is_storable

MOST_VALUES: Final = 2000
MOST_LENGTH: Final = 1024
MOST_TEXT: Final = 64 * 1024
_MOST_STEPS: Final = 16
# Words with spaces between them by their standards (RFC 6749 3.3, RFC 9068); in every other claim a space belongs to a name.
_OF_WORDS: Final = frozenset({"scope", "scp"})
# Where a provider says which claims it has left out (OpenID Connect Core 5.6.2), as Entra ID does of many groups.
_LEFT_OUT: Final = "_claim_names"


class UnusableClaim(Exception):
    """A claim is there, or ought to be, and does not say what it means. The text says why."""


def find_claim(claims: Mapping[str, Any], field: str) -> Any:
    """Return the claim of this name, or at this path of names with dots between them (`realm_access.roles`); None: there is none.

    A claim whose own name has dots in it (`https://example.com/groups`) comes before a path.
    """
    return _find(claims, field, _MOST_STEPS)


def claim_values(claims: Mapping[str, Any], field: str, *, known: Container[str] = ()) -> tuple[str, ...]:
    """Return the values of a claim once each, in its order; none where the claim is missing. Raises UnusableClaim.

    `known` are values that somebody has written down: a text that is one of them is not split, whatever is in it.
    """
    found = find_claim(claims, field)
    if found is None:
        left_out = claims.get(_LEFT_OUT)
        if isinstance(left_out, Mapping) and {field, field.partition(".")[0]} & left_out.keys():
            raise UnusableClaim("the provider has left it out of the token, because it is too long")
        return ()
    return split_claim(found, field=field, known=known)


def split_claim(found: Any, *, field: str, known: Container[str] = ()) -> tuple[str, ...]:
    """Return the values of what a claim holds. Raises UnusableClaim."""
    if isinstance(found, str):
        found = _split(found, field, known)
    elif isinstance(found, Mapping):
        # {"admin": {…}}: the names are what is said.
        found = list(found)
    elif not isinstance(found, list):
        found = [found]
    if len(found) > MOST_VALUES:
        raise UnusableClaim(f"it has more than {MOST_VALUES} values")
    values = tuple(dict.fromkeys(_texts(found)))
    if not values and any(map(_says_something, found)):
        # Objects in place of names, a switch, one endless text: not the same as nothing.
        raise UnusableClaim("nothing in it could be a value")
    return values


def _find(claims: Any, field: str, steps: int) -> Any:
    if not isinstance(claims, Mapping) or not steps:
        return None
    if field in claims:
        return claims[field]
    end = field.rfind(".")
    while end > 0:
        inner = claims.get(field[:end])
        if isinstance(inner, Mapping):
            return _find(inner, field[end + 1 :], steps - 1)
        end = field.rfind(".", 0, end)
    return None


def _split(text: str, field: str, known: Container[str]) -> list[Any]:
    if len(text) > MOST_TEXT:
        raise UnusableClaim(f"it is longer than {MOST_TEXT} characters")
    text = text.strip()
    if text in known:
        return [text]
    if text.startswith("[") and text.endswith("]"):
        try:
            return msgspec.json.decode(text, type=list[Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            # "[one, two]": a list of SAML as some providers hand it on.
            return text[1:-1].split(",")
    if field.rpartition(".")[2] in _OF_WORDS:
        return text.split()
    return text.split(",")


def _says_something(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _texts(found: Iterable[Any]) -> Iterable[str]:
    for value in found:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            continue
        text = value.strip()
        if text and len(text) <= MOST_LENGTH and is_storable(text):
            yield text
