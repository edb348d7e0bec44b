"""`${…}` in the texts of a template: names of values, nothing else. What is filled in is text; it is never read again as an expression."""

import re
from collections.abc import Iterator, Mapping

_PIECE = re.compile(r"\$\$\{|\$\{([^{}\n]*)\}|\$\{")
_NAME = re.compile(r"[a-z]+\.[A-Za-z0-9_-]+")


class BadExpression(Exception):
    """A text holds an expression that means nothing; the text says which and what to do."""


def names_in(text: str) -> Iterator[str]:
    """Yield the names that a text refers to, such as `parameter.size`. Raises BadExpression."""
    for piece in _PIECE.finditer(text):
        if piece[0] == "$${":
            continue
        if piece[1] is None:
            raise BadExpression("'${' is never closed; write $${ for a plain ${")
        if not _NAME.fullmatch(piece[1]):
            raise BadExpression(f"'{piece[0]}' is no name such as ${{parameter.size}}; write $${{ for a plain ${{")
        yield piece[1]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in. Raises BadExpression for a name without a value."""

    def value(piece: re.Match[str]) -> str:
        if piece[0] == "$${":
            return "${"
        if piece[1] not in values:
            raise BadExpression(f"'{piece[0]}' has no value")
        return values[piece[1]]

    return _PIECE.sub(value, text)
