"""Codes that people type on the device page (RFC 8628 section 6.1): eight consonants, so no words and no look-alikes."""

from typing import Final

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH: Final = 8
"""Of 20 letters: 34 bits, with a limit on attempts."""

_MOST_TYPED: Final = 64
_SEPARATORS: Final = frozenset("-_. \u2010\u2011\u2012\u2013\u2014")


def read_user_code(text: str) -> str:
    """Return a code as it is stored, however it was typed (case, hyphens, spaces), or an empty text when it is none."""
    found = "".join(letter for letter in text[:_MOST_TYPED].upper() if letter not in _SEPARATORS)
    return found if len(found) == LENGTH and all(letter in ALPHABET for letter in found) else ""


def shown_user_code(code: str) -> str:
    """Return a stored code as it is shown: XXXX-XXXX."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"
