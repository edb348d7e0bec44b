"""Changing text by search and replace, so that nothing is changed by mistake: each search stands in the text exactly once."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from homeport.mcp.arguments import Arguments
from homeport.mcp.errors import ToolFailed


class Edit(Arguments):
    """One replacement."""

    search: Annotated[str, Meta(min_length=1, description="Text as it stands in the file, exactly once.")]
    replace: Annotated[str, Meta(description="Text that takes its place.")]
    all: Annotated[bool, Meta(description="Replace every occurrence instead of the only one.")] = False


def apply(text: str, edits: Sequence[Edit], *, path: str) -> str:
    """Return the text after all edits, in order. Raises ToolFailed where a search is not there once."""
    for number, edit in enumerate(edits, start=1):
        count = text.count(edit.search)
        if count == 0:
            raise ToolFailed(f"{path}: the search text of edit {number} is not in the file. Read it again.")
        if count > 1 and not edit.all:
            raise ToolFailed(
                f"{path}: the search text of edit {number} is there {count} times. Give more of what is around it, or set all."
            )
        text = text.replace(edit.search, edit.replace)
    return text
