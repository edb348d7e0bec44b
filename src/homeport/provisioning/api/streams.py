"""Sending a growing log over a WebSocket, for every room whose objects have jobs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from homeport.provisioning.schemas import ProvisionerJobLog

_encode = msgspec.json.Encoder().encode


async def send_logs(socket: WebSocket[Any, Any, Any], batches: AsyncIterator[Sequence[ProvisionerJobLog]]) -> None:
    """Accept the socket, send each line as one JSON text message, and close it when the log has ended.

    Stops as soon as the other side is gone, also while the log is silent.
    """
    await socket.accept()
    sending = asyncio.create_task(_send(socket, batches))
    watching = asyncio.create_task(_until_gone(socket))
    try:
        await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Nobody may wait for a message when the socket closes: the HTTP server sends the close only when that wait is over.
        for task in (sending, watching):
            task.cancel()
        outcome, _ = await asyncio.gather(sending, watching, return_exceptions=True)
    if outcome is None:
        await socket.close()
    elif not isinstance(outcome, WebSocketDisconnect | asyncio.CancelledError):
        raise outcome


async def _send(socket: WebSocket[Any, Any, Any], batches: AsyncIterator[Sequence[ProvisionerJobLog]]) -> None:
    async for batch in batches:
        for line in batch:
            await socket.send_text(_encode(line).decode())


async def _until_gone(socket: WebSocket[Any, Any, Any]) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
