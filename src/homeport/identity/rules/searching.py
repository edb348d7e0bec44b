"""The search for users: `status:active role:owner created_after:2026-01-31 name:"Ada L" ada` (spec: api-models, identity).

A word with a key asks for one thing, several values of a key are split by commas and mean "any of". Bare words are found
anywhere in username, address or name. Quotes keep blanks together.
"""

import shlex
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec

from homeport.identity.types import LoginType, UserFilter, UserStatus
from homeport.kit.errors import invalid_field
from homeport.kit.moments import validate_moment
from homeport.kit.names import is_storable
from homeport.rbac import built_in_roles

_LONGEST = 256
_MOST_TERMS = 32
_LOGIN_TYPES = tuple(kind.value for kind in LoginType if kind not in {LoginType.TOKEN, LoginType.OAUTH2_PROVIDER_APP})
_ROLES = tuple(role.name for role in built_in_roles())


def parse_search(query: str) -> UserFilter:
    """Read a search. Raises a 400 that names the key whose value, or the word that, is not understood."""
    found: dict[str, Any] = {}
    words: list[str] = []
    for key, value in _terms(query):
        if not key or (key == "search" and value):
            words.append(value)
        elif key not in _READERS and key != "search":
            raise invalid_field(key[:64], f"This is not a search key. Known are: {', '.join(sorted(_READERS))}.")
        elif not value:
            raise invalid_field(key, "Give a value after the colon.")
        elif (field := _READERS[key][0]) in found:
            raise invalid_field(key, "Give this key once; several values are split by commas.")
        else:
            found[field] = _READERS[key][1](key, value)
    if words:
        found["words"] = tuple(words)
    return UserFilter(**found)


def _terms(query: str) -> list[tuple[str, str]]:
    if not is_storable(query):
        raise invalid_field("q", "A search cannot hold NUL characters.")
    lexer = shlex.shlex(query, posix=True, punctuation_chars=False)
    # Names hold apostrophes: only this quotes, and nothing escapes.
    lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, '"', "", ""
    try:
        terms = list(lexer)
    except ValueError:
        raise invalid_field("q", "A quotation mark is not closed.") from None
    if len(terms) > _MOST_TERMS or any(len(term) > _LONGEST for term in terms):
        raise invalid_field("q", f"A search has at most {_MOST_TERMS} words of at most {_LONGEST} characters.")
    pairs = [term.partition(":") for term in terms]
    if any(colon and not key for key, colon, _ in pairs):
        raise invalid_field(
            "q", "A colon stands between a key and its value; put quotes around the word and 'search:' before it."
        )
    return [(key.lower(), value) if colon else ("", key) for key, colon, value in pairs]


def _one_of(known: Collection[str]) -> Callable[[str, str], tuple[str, ...]]:
    def read(key: str, value: str) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(value.lower().split(",")))
        if unknown := [each for each in values if each not in known]:
            raise invalid_field(key, f"'{unknown[0][:64]}' is none of: {', '.join(known)}.")
        return values

    return read


def _read_switch(key: str, value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise invalid_field(key, "Give true or false.")
    return value.lower() == "true"


def _read_moment(key: str, value: str) -> datetime:
    """Read a time, or a day, which stands for its first moment in UTC."""
    try:
        return datetime.combine(date.fromisoformat(value), time.min, UTC)
    except ValueError:
        pass
    try:
        return validate_moment(msgspec.convert(value, datetime), key)
    except msgspec.ValidationError:
        raise invalid_field(key, "Give a time such as 2026-01-31T09:30:00Z, or a day such as 2026-01-31.") from None


def _read_text(_key: str, value: str) -> str:
    return value


_READERS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "status": ("statuses", _one_of(tuple(UserStatus))),
    "role": ("roles", _one_of(_ROLES)),
    "login_type": ("login_types", _one_of(_LOGIN_TYPES)),
    "username": ("username", _read_text),
    "email": ("email", _read_text),
    "name": ("name", _read_text),
    "organization": ("organization", _read_text),
    "include_system": ("has_system_users", _read_switch),
    "is_system": ("is_system", _read_switch),
    "created_before": ("created_before", _read_moment),
    "created_after": ("created_after", _read_moment),
    "last_seen_before": ("last_seen_before", _read_moment),
    "last_seen_after": ("last_seen_after", _read_moment),
}
