"""Searches as people put them together: chips that add a word to a search or take it out, and fields that become one. Pure."""

import re
from collections.abc import Iterable, Mapping

import msgspec

_TERM = re.compile(r'(?:[^\s"]|"[^"]*"?)+')


class Chip(msgspec.Struct, frozen=True):
    """One choice beside a search: what the search becomes by choosing it, and whether it is chosen."""

    words: str
    search: str
    is_chosen: bool


def chips(search: str, key: str, choices: Mapping[str, str]) -> list[Chip]:
    """Return a chip for each value of a key (value: words). One at a time is chosen; choosing it again takes it out."""
    terms = _TERM.findall(search)
    rest = [term for term in terms if not term.lower().startswith(f"{key}:")]
    found = []
    for value, words in choices.items():
        term = f"{key}:{value}"
        is_chosen = term in (each.lower() for each in terms)
        found.append(Chip(words, " ".join(rest if is_chosen else [*rest, term]), is_chosen))
    return found


def joined(pairs: Iterable[tuple[str, str]], text: str = "") -> str:
    """Return the search that fields stand for: `key:value` of each that is filled in, then the words."""
    terms = [f"{key}:{quoted(value.strip())}" for key, value in pairs if value.strip()]
    return " ".join([*terms, text.strip()]).strip()


def quoted(value: str) -> str:
    """Return a value as one word of a search; quotation marks, which no search can hold, are left out."""
    return value if re.fullmatch(r"[\w.@+-]+", value) else '"{}"'.format(re.sub(r'["\\]', "", value))
