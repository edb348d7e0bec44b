"""The filter language of RFC 7644 3.4.2.2: a text in, a tree out. It knows no attribute; what cannot be read is invalidFilter."""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import msgspec

from homeport.kit.names import is_storable
from homeport.scim.errors import ScimError, invalid_filter
from homeport.scim.types import (
    GROUP_SCHEMA,
    OPERATORS,
    USER_SCHEMA,
    Attribute,
    Compare,
    Every,
    Filter,
    Having,
    Negation,
    Present,
    Some,
    Value,
)

MOST_TEXT: Final = 4096
MOST_DEPTH: Final = 20
MOST_TERMS: Final = 100
CORE_SCHEMAS: Final = frozenset((USER_SCHEMA.lower(), GROUP_SCHEMA.lower()))
_TOKENS: Final = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*")
    |(?P<mark>[()\[\]])
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w:.$-]))
    |(?P<word>[A-Za-z$][\w$:.-]*)
    |(?P<tail>\.[A-Za-z$][\w$-]*)
    )""",
    re.VERBOSE | re.ASCII,
)
_NAME: Final = re.compile(r"[a-z$][\w$-]*", re.ASCII)
_WORDS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}


class Token(NamedTuple):
    """One word of a filter: what kind of word, and how it is written."""

    kind: str
    text: str


Refusal = Callable[[str], ScimError]


def parse_filter(text: str) -> Filter:
    """Read a filter. Raises invalidFilter, which says what was expected."""
    reader = Reader(text, invalid_filter)
    found = reader.read_filter()
    reader.require_end()
    return found


def parse_attribute(text: str, refuse: Refusal = invalid_filter) -> Attribute:
    """Read the address of an attribute, such as `userName`, `name.givenName` or one that begins with its schema."""
    lowered = text.strip().lower()
    schema, rest = "", lowered
    if lowered.startswith("urn:"):
        schema, _, rest = lowered.rpartition(":")
    name, dot, sub = rest.partition(".")
    if not _NAME.fullmatch(name) or (dot and not _NAME.fullmatch(sub)):
        raise refuse(f"{text[:64]!r} is no attribute.")
    return Attribute(name, sub, "" if schema in CORE_SCHEMAS else schema)


class Reader:
    """Reads the words of one text from left to right."""

    def __init__(self, text: str, refuse: Refusal) -> None:
        if len(text) > MOST_TEXT:
            raise refuse(f"It has {len(text)} characters; at most {MOST_TEXT} are read.")
        if not is_storable(text):
            raise refuse("It holds a character that no value has.")
        self._refuse = refuse
        self._tokens = list(_split(text, refuse))
        self._at = 0
        self._terms = 0

    def read_filter(self, depth: int = 0) -> Filter:
        """Read parts joined by `or`, the weakest of the joints."""
        if depth > MOST_DEPTH:
            raise self._refuse(f"It is nested deeper than {MOST_DEPTH} levels.")
        parts = [self._read_every(depth)]
        while self._take_word("or"):
            parts.append(self._read_every(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def read_attribute(self) -> Attribute:
        """Read the address of an attribute."""
        token = self._next("an attribute")
        if token.kind != "word":
            raise self._refuse(f"An attribute was expected instead of {token.text[:64]!r}.")
        return parse_attribute(token.text, self._refuse)

    def read_brackets(self, depth: int = 0) -> Filter | None:
        """Read `[filter]` where it stands here, else return None."""
        if not self._take("mark", "["):
            return None
        found = self.read_filter(depth + 1)
        self._expect("]")
        return found

    def read_tail(self) -> str:
        """Read `.sub` where it stands here, in lower case and without its dot."""
        if self._at < len(self._tokens) and self._tokens[self._at].kind == "tail":
            self._at += 1
            return self._tokens[self._at - 1].text[1:].lower()
        return ""

    def require_end(self) -> None:
        """Refuse what is left over."""
        if self._at < len(self._tokens):
            raise self._refuse(f"Nothing was expected where {self._tokens[self._at].text[:64]!r} stands.")

    def _read_every(self, depth: int) -> Filter:
        parts = [self._read_one(depth)]
        while self._take_word("and"):
            parts.append(self._read_one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _read_one(self, depth: int) -> Filter:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise self._refuse(f"It has more than {MOST_TERMS} parts.")
        if self._is_negation():
            self._at += 1
            self._expect("(")
            found: Filter = Negation(self.read_filter(depth + 1))
            self._expect(")")
            return found
        if self._take("mark", "("):
            found = self.read_filter(depth + 1)
            self._expect(")")
            return found
        attribute = self.read_attribute()
        inner = self.read_brackets(depth)
        if inner is None:
            return self._read_comparison(attribute)
        sub = self.read_tail()
        # What providers write beside the grammar: emails[type eq "work"].value eq "…", one value that fits both.
        return Having(attribute, Every((inner, self._read_comparison(Attribute(sub)))) if sub else inner)

    def _read_comparison(self, attribute: Attribute) -> Filter:
        word = self._next("an operator").text.lower()
        if word == "pr":
            return Present(attribute)
        if word not in OPERATORS:
            raise self._refuse(f"{word[:64]!r} is no operator; use one of pr, {', '.join(OPERATORS)}.")
        return Compare(attribute, word, self._read_value())

    def _read_value(self) -> Value:
        token = self._next("a value")
        if token.kind == "word" and token.text.lower() in _WORDS:
            return _WORDS[token.text.lower()]
        if token.kind not in {"text", "number"}:
            raise self._refuse(f"A value was expected instead of {token.text[:64]!r}; texts stand in quotation marks.")
        return cast("Value", _decoded(token.text, self._refuse))

    def _is_negation(self) -> bool:
        """Tell `not (` from an attribute that is called so."""
        following = self._tokens[self._at : self._at + 2]
        return len(following) == 2 and following[0].text.lower() == "not" and following[1].text == "("

    def _take_word(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].text.lower() == word:
            self._at += 1
            return True
        return False

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take("mark", mark):
            raise self._refuse(f"A {mark!r} is missing.")

    def _next(self, what: str) -> Token:
        if self._at >= len(self._tokens):
            raise self._refuse(f"It ends where {what} was expected.")
        self._at += 1
        return self._tokens[self._at - 1]


def _split(text: str, refuse: Refusal) -> list[Token]:
    found: list[Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKENS.match(text, at)
        if match is None:
            raise refuse(f"{text[at : at + 32].strip()!r} cannot be read.")
        assert match.lastgroup is not None
        found.append(Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _decoded(text: str, refuse: Refusal) -> Any:
    """Return the value of a JSON text or number."""
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise refuse(f"{text[:64]!r} is no JSON value.") from None
    if isinstance(found, str) and not is_storable(found):
        raise refuse("It holds a character that no value has.")
    return found
