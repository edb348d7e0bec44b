"""How answers are shown: tables for people, JSON for programs, times and durations in words."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from homeport_sdk import clock


class Format(StrEnum):
    """How to show an answer."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Format, typer.Option("--output", "-o", help="How to show the answer: table or json.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

Columns = dict[str, Callable[[Any], str]]


def show(items: Sequence[Any], columns: Columns, output: Format, *, empty: str = "Nothing found.") -> None:
    """Print a listing: JSON is the API's own objects, a table has these columns. An empty table says so on standard error."""
    if output is Format.JSON:
        print_json(list(items))
        return
    if not items:
        print(empty, file=sys.stderr)
        return
    print_table([[read(item) for read in columns.values()] for item in items], list(columns))


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(rows: list[list[str]], headings: list[str]) -> None:
    """Print rows below upper-case headings, columns aligned; control characters are shown, never sent to the terminal."""
    table = [[heading.upper() for heading in headings], *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(len(row[number]) for row in table) for number in range(len(headings))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """Return text with control characters escaped: names and logs of others must not steer a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def ago(moment: datetime | None) -> str:
    """Say how long ago a moment was: `3m ago`; `never` for none and for the epoch."""
    if moment is None or moment.year <= 1970:
        return "never"
    return f"{duration(clock.now() - moment)} ago"


def duration(length: timedelta) -> str:
    """Write a length of time in its largest unit: 45s, 12m, 5h, 3d."""
    seconds = max(0, round(length.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
