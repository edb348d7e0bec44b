"""The outer form of every search `q=`: `key:value` words with blanks between them, and bare words. What keys mean is not known here."""

from homeport.kit.errors import BadRequest, FieldError
from homeport.kit.names import is_storable

LONGEST = 2000
_MOST_NAMED = 64


def split_terms(text: str) -> list[tuple[str, str]]:
    """Split a search into pairs of key (lower-case; empty for a bare word) and value.

    Double quotes keep blanks and colons together. Raises a 400 on `q`, or on the key that lacks a value.
    """
    if len(text) > LONGEST or not is_storable(text):
        raise refuse("q", f"A search has at most {LONGEST} characters, none of them NUL or half of a surrogate pair.")
    terms: list[tuple[str, str]] = []
    key, current, is_quoted = "", "", False
    for character in text + " ":
        if character == '"':
            is_quoted = not is_quoted
        elif character.isspace() and not is_quoted:
            if key and not current:
                raise refuse(key, "Give a value after the colon.")
            if current:
                terms.append((key, current))
            key, current = "", ""
        elif character == ":" and not is_quoted and not key:
            if not current:
                raise refuse("q", "A colon stands between a key and its value.")
            key, current = current.lower(), ""
        else:
            current += character
    if is_quoted:
        raise refuse("q", "A quote is opened and not closed.")
    return terms


def refuse(field: str, detail: str) -> BadRequest:
    """Build the 400 of a search that is not understood; `field` is `q` or the key that is wrong."""
    return BadRequest("The search is not understood.", validations=(FieldError(field[:_MOST_NAMED] or "q", detail),))
