"""Output with bounds, edits, and pieces of files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.mcp.editing import Edit, apply
from homeport.mcp.errors import ToolFailed
from homeport.mcp.output import Output, decoder
from homeport.mcp.tools.files import _as_text


@given(st.lists(st.text(max_size=30), max_size=60), st.integers(min_value=2, max_value=200))
def test_output_keeps_its_beginning_and_its_end(pieces: list[str], most: int):
    output, whole = Output(most), "".join(pieces)
    for piece in pieces:
        output.add(piece)
    half = most // 2
    assert output.received == len(whole)
    if len(whole) <= 2 * half:
        assert output.text() == whole
    else:
        text = output.text()
        assert text.startswith(whole[:half])
        assert text.endswith(whole[-half:])
        assert f"[... {len(whole) - 2 * half} characters are left out here ...]" in text
        assert output.omitted == len(whole) - 2 * half


def test_a_character_between_two_reads_is_one():
    decode = decoder().decode
    assert decode("ä".encode()[:1]) + decode("ä".encode()[1:]) + decode(b"\xff", final=True) == "ä\ufffd"


def test_edits_are_made_in_order():
    edits = [Edit("a", "b"), Edit("b", "c", all=True)]
    assert apply("a b", edits, path="f") == "c c"
    assert apply("x", [Edit("x", "")], path="f") == ""


@pytest.mark.parametrize(("text", "search"), [("aa", "a"), ("b", "a"), ("", "a")])
def test_a_search_that_is_not_there_exactly_once_changes_nothing(text: str, search: str):
    with pytest.raises(ToolFailed, match="f: the search text of edit 1"):
        apply(text, [Edit(search, "z")], path="f")


@given(st.text(max_size=200), st.integers(min_value=4, max_value=60))
def test_a_text_read_in_pieces_is_the_text(text: str, size: int):
    data, offset, found = text.replace("\0", "").encode(), 0, ""
    while offset < len(data):
        piece = data[offset : offset + size]
        part, taken = _as_text(piece, is_end=offset + len(piece) >= len(data))
        assert part is not None
        assert taken > 0
        found, offset = found + part, offset + taken
    assert found.encode() == data


@pytest.mark.parametrize("data", [b"\0", b"a\0b", b"\xff\xfe", b"\x80abc", b"abc\xff"])
def test_what_is_no_text_is_told_from_text(data: bytes):
    assert _as_text(data, is_end=True) == (None, len(data))
