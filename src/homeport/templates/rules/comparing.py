"""What differs between the files of two versions, line by line. Pure."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

MOST_LINES = 2000
MOST_BYTES = 512 * 1024

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


def compare_files(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[FileChange]:
    """Return the files that differ, by name."""
    return [
        _compare(name, old.get(name), new.get(name)) for name in sorted({*old, *new}) if old.get(name) != new.get(name)
    ]


def text_of(content: bytes) -> str | None:
    """Return a file's text, or None for what is no text that a page could show and take back as it is."""
    if b"\x00" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _compare(name: str, was: bytes | None, is_now: bytes | None) -> FileChange:
    kind: Literal["added", "removed", "changed"] = (
        "added" if was is None else "removed" if is_now is None else "changed"
    )
    before, after = text_of(was or b""), text_of(is_now or b"")
    if before is None or after is None:
        return FileChange(name=name, kind=kind, lines=[], note="It is not text.")
    # Comparing takes time that grows with the square of what differs.
    if len(before) + len(after) > MOST_BYTES:
        return FileChange(name=name, kind=kind, lines=[], note="It is too large to be compared here.")
    lines = list(_lines(before.splitlines(), after.splitlines()))
    if not lines:
        note = "It is empty." if kind != "changed" else "Only the ends of its lines differ."
        return FileChange(name=name, kind=kind, lines=[], note=note)
    note = f"Only the first {MOST_LINES} lines of the difference are shown." if len(lines) > MOST_LINES else ""
    return FileChange(name=name, kind=kind, lines=lines[:MOST_LINES], note=note)


def _lines(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    kinds: dict[str, LineKind] = {"+": "added", "-": "removed", " ": "same"}
    for number, line in enumerate(difflib.unified_diff(before, after, lineterm="")):
        if number < 2:  # the names of the two files
            continue
        if line.startswith("@@"):
            yield DiffLine("place", line)
        else:
            yield DiffLine(kinds[line[0]], line[1:])
