"""What differs between the files of two versions, line by line. Pure."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

MOST_LINES = 2000
MOST_BYTES = 512 * 1024
MOST_BYTES_TOGETHER = 4 * 1024 * 1024
MOST_WORK = 30_000_000
"""Pairs of lines, for all files together: comparing takes time that grows with them, here a second or so."""

LineKind = Literal["added", "removed", "same", "place"]


class DiffLine(msgspec.Struct, frozen=True):
    """One line of a difference; of kind `place` it says where the following ones stand."""

    kind: LineKind
    text: str


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """A file that differs. `note` says why no lines are shown, or that not all are."""

    name: str
    kind: Literal["added", "removed", "changed"]
    lines: list[DiffLine]
    note: str = ""


@dataclass
class _Left:
    """How much may still be compared."""

    size: int
    work: int


def compare_files(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[FileChange]:
    """Return the files that differ, by name (for a thread: large ones take a while)."""
    left = _Left(MOST_BYTES_TOGETHER, MOST_WORK)
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return [_compare(name, old.get(name), new.get(name), left) for name in names]


def text_of(content: bytes) -> str | None:
    """Return a file's text, or None for what is no text that a page could show and take back as it is."""
    if b"\x00" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _compare(name: str, was: bytes | None, is_now: bytes | None, left: _Left) -> FileChange:
    kind: Literal["added", "removed", "changed"] = (
        "added" if was is None else "removed" if is_now is None else "changed"
    )
    lines, note = _difference(was or b"", is_now or b"", left)
    if not lines and not note:
        note = "It is empty." if kind != "changed" else "Only the ends of its lines differ."
    return FileChange(name=name, kind=kind, lines=lines, note=note)


def _difference(was: bytes, is_now: bytes, left: _Left) -> tuple[list[DiffLine], str]:
    """Return the lines of a difference, and what is to be said of them."""
    size = len(was) + len(is_now)
    if size > MOST_BYTES:
        return [], "It is too large to be compared here."
    before, after = text_of(was), text_of(is_now)
    if before is None or after is None:
        return [], "It is not text."
    old, new = before.splitlines(), after.splitlines()
    work = _work(old, new)
    if work > left.work or size > left.size:
        return [], "There is too much to be compared here."
    left.work -= work
    left.size -= size
    lines = list(_lines(old, new))
    note = f"Only the first {MOST_LINES} lines of the difference are shown." if len(lines) > MOST_LINES else ""
    return lines[:MOST_LINES], note


def _work(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many pairs of lines are to be compared at worst: the same beginning and the same end cost nothing."""
    most = min(len(old), len(new))
    head = next((number for number in range(most) if old[number] != new[number]), most)
    tail = next((number for number in range(most - head) if old[-1 - number] != new[-1 - number]), most - head)
    return (len(old) - head - tail) * (len(new) - head - tail)


def _lines(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    kinds: dict[str, LineKind] = {"+": "added", "-": "removed", " ": "same"}
    for number, line in enumerate(difflib.unified_diff(before, after, lineterm="")):
        if number < 2:  # the names of the two files
            continue
        if line.startswith("@@"):
            yield DiffLine("place", line)
        else:
            yield DiffLine(kinds[line[0]], line[1:])
