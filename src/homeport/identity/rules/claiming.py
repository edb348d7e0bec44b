"""What a provider says of a person, made fit to be stored: user names, display names, claims (spec: identity 7.4 and 7.5)."""

import re
from typing import Any

from homeport.kit.names import MAX_NAME, is_valid_username

MOST_DISPLAY_NAME = 128
_MOST_ADDRESS = 2048
_MOST_DEPTH = 32
_UNFIT = re.compile(r"[^a-zA-Z0-9]+")
_MOST_NUMBER = 2**63
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def username_from(wish: str, email: str) -> str:
    """Return a valid user name near the wish, else near the address; empty when neither holds a usable character.

    What cannot stand in a name becomes a hyphen. Of a wish that is an address, what stands before the @ counts.
    """
    for text in (wish, email):
        if is_valid_username(text):
            return text
        name = _UNFIT.sub("-", text.partition("@")[0]).strip("-")[:MAX_NAME].rstrip("-")
        if is_valid_username(name):
            return name
        # Reserved words are valid but for being reserved.
        if name and is_valid_username(ended := f"{name[: MAX_NAME - 2]}-1"):
            return ended
    return ""


def username_with(name: str, ending: str) -> str:
    """Return a name with an ending, cut so that both fit."""
    return f"{name[: MAX_NAME - len(ending) - 1].rstrip('-')}-{ending}"


def display_name_from(name: str) -> str:
    """Return a name of at most 128 printable characters without white space at its ends; it never fails a sign-in."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split())[:MOST_DISPLAY_NAME].rstrip()


def picture_from(address: str) -> str:
    """Return the address of a picture; empty where it is none that pages show: from https alone."""
    return address if address.startswith("https://") and len(address) <= _MOST_ADDRESS and address.isprintable() else ""


def storable(value: Any, depth: int = 0) -> Any:
    """Return claims as PostgreSQL and JSON can hold them: no NUL, no half surrogates, no number beyond 64 bits, no endless depth."""
    if isinstance(value, str):
        # Marked and not dropped: otherwise two texts could become one, and an address that of somebody else.
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_MOST_NUMBER <= value < _MOST_NUMBER else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if depth >= _MOST_DEPTH:
        return None
    if isinstance(value, dict):
        return {storable(str(name)): storable(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item, depth + 1) for item in value]
    return str(value)


def merged(weaker: dict[str, Any], stronger: dict[str, Any]) -> dict[str, Any]:
    """Return both together; where both say something, the stronger one counts."""
    return {**weaker, **stronger}
