"""In which forms a secret may turn up in a log: as it is, line by line, and as programs write it into JSON, addresses and headers. Pure.

What hides a secret on purpose (reversed, in hexadecimal, a character a line) is not looked for: whoever can do that can also send it away.
"""

import base64
import html
import json
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

LEAST_CHARACTERS: Final = 3
"""Shorter secrets would blacken half of every line and hide nothing from anybody who can count."""
_LEAST_LINE: Final = 8
_LEAST_ENCODED: Final = 8
# Where programs that encode break lines.
_WIDTHS: Final = (64, 76)
_FAMILIAR: Final = frozenset({"true", "false", "null", "none"})


def forms(secret: str) -> Iterator[str]:
    """Return what to look for, in no order; some may come twice."""
    pieces = [secret, *(line.strip() for line in secret.splitlines() if len(line.strip()) >= _LEAST_LINE)]
    # Diagnostics are shown with their lines run together.
    pieces.append(" ".join(secret.split()))
    for piece in dict.fromkeys(pieces):
        if len(piece) >= LEAST_CHARACTERS and piece.lower() not in _FAMILIAR:
            yield piece
            yield from (write(piece) for write in _WRITERS)
    yield from _in_base64(secret.encode("utf-8", "surrogatepass"))


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _json_of_go(text: str) -> str:
    """Return how Terraform's jsonencode writes it."""
    return _json(text).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _shell(text: str) -> str:
    return text.replace("'", "'\\''")


def _address(safe: str) -> Callable[[str], str]:
    return lambda text: quote(text, safe=safe, errors="replace")


_WRITERS: Final[tuple[Callable[[str], str], ...]] = (
    _json,
    _json_of_go,
    lambda text: json.dumps(text)[1:-1],
    lambda text: _json(_json(text)),
    _address(""),
    _address("/"),
    _address("!'()*"),  # browsers
    _address("$&+,;="),  # user and password of an address
    _address("$&+=:@"),  # a part of its path
    lambda text: quote_plus(text, errors="replace"),
    html.escape,
    _shell,
)


def _in_base64(secret: bytes) -> Iterator[str]:
    """Return what of its base64 depends on the secret alone, wherever in a text it stands, as in `user:password`."""
    if len(secret) < _LEAST_ENCODED:
        return
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            text = encode(bytes(before) + secret).decode("ascii")
            shared_before = (0, 2, 3)[before]
            shared_after = (0, 3, 2)[(before + len(secret)) % 3]
            yield text[shared_before : len(text) - shared_after]
        yield from _broken(encode(secret).decode("ascii").rstrip("="))


def _broken(text: str) -> Iterator[str]:
    for width in _WIDTHS:
        lines = [text[start : start + width] for start in range(0, len(text), width)]
        if len(lines) > 1:
            yield from (line for line in lines if len(line) >= _LEAST_LINE)
