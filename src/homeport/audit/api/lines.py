"""Answers of one JSON value a line, sent as they are read."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar.response import Stream

_encode = msgspec.json.Encoder().encode
MEDIA_TYPE = "application/x-ndjson"


def as_lines(values: AsyncIterator[Any], *, name: str) -> Stream:
    """Return the values as lines; a browser keeps them as a file of this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Stream(_lines(values), media_type=MEDIA_TYPE, headers=headers)


async def _lines(values: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for value in values:
        yield _encode(value) + b"\n"
