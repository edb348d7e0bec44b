"""Comparing the files of versions: what is shown, and that no pair of versions keeps the server busy."""

import pytest

from homeport.templates.rules import comparing
from homeport.templates.rules.comparing import FileChange, compare_files


def notes(old: dict[str, bytes], new: dict[str, bytes]) -> dict[str, str]:
    return {change.name: change.note for change in compare_files(old, new)}


def test_only_what_differs_is_named() -> None:
    old = {"a": b"1\n2\n", "b": b"x", "c": b"\x00", "d": b"1\n", "same": b"s"}
    new = {"a": b"1\n3\n", "c": b"\x00\x01", "d": b"1\r\n", "e": b"", "same": b"s"}
    changes = {change.name: change for change in compare_files(old, new)}
    assert {name: (change.kind, change.note) for name, change in changes.items()} == {
        "a": ("changed", ""),
        "b": ("removed", ""),
        "c": ("changed", "It is not text."),
        "d": ("changed", "Only the ends of its lines differ."),
        "e": ("added", "It is empty."),
    }
    assert [(line.kind, line.text) for line in changes["a"].lines if line.kind != "place"] == [
        ("same", "1"),
        ("removed", "2"),
        ("added", "3"),
    ]


@pytest.mark.requirement("CONTENTS-HOSTILE-03")
def test_work_is_bounded_for_all_files_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST_WORK", 450)
    old = {name: b"".join(b"%d\nx%d\n" % (n, n) for n in range(10)) for name in "abc"}
    new = {name: content.replace(b"x", b"y") for name, content in old.items()}
    too_much = "There is too much to be compared here."
    assert notes(old, new) == {"a": "", "b": too_much, "c": too_much}
    # What is the same at both ends costs nothing.
    head, tail = (b"".join(b"%s %d\n" % (word, n) for n in range(1000)) for word in (b"head", b"tail"))
    assert notes({"a": head + b"1\n" + tail}, {"a": head + b"2\n" + tail}) == {"a": ""}


@pytest.mark.requirement("CONTENTS-HOSTILE-03")
def test_what_is_shown_is_bounded_for_all_files_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST_BYTES_TOGETHER", 250)
    changes: list[FileChange] = compare_files({}, dict.fromkeys("abc", b"x" * 100))
    assert [len(change.lines) for change in changes] == [2, 2, 0]
