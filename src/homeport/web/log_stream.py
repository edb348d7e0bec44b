"""A job's log as server-sent events, as `app.js` reads them."""

from collections.abc import AsyncIterator

import msgspec
from litestar.response import Stream

from homeport.provisioning.schemas import ProvisionerJobLog
from homeport.web.rendering import View

STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_encode = msgspec.json.Encoder().encode


def line_asked_for(view: View) -> int:
    """Return after which line a browser wants the log: the last that it has seen, or what the address says."""
    asked = view.request.headers.get("last-event-id", "") or view.request.query_params.get("after", "")
    return int(asked[:18]) if asked.isascii() and asked.isdigit() else 0


def log_stream(batches: AsyncIterator[list[ProvisionerJobLog]]) -> Stream:
    """Answer with the lines as they come, then `end`."""
    return Stream(_server_sent(batches), media_type="text/event-stream", headers=STREAM_HEADERS)


async def _server_sent(batches: AsyncIterator[list[ProvisionerJobLog]]) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    async for batch in batches:
        lines = [{"id": line.id, "stage": line.stage, "level": line.log_level, "output": line.output} for line in batch]
        yield b"id: %d\nevent: lines\ndata: %s\n\n" % (batch[-1].id, _encode(lines))
    yield b"event: end\ndata: now\n\n"
