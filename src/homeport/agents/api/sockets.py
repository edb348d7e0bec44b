"""WebSockets of this room: bytes in both directions."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from litestar import WebSocket
from litestar.exceptions import WebSocketException

from homeport.agents.service.tunnels import Stream

Socket = WebSocket[Any, Any, Any]
_GONE = (WebSocketException, ConnectionError, RuntimeError)


async def messages(socket: Socket) -> AsyncIterator[bytes]:
    """Yield what arrives, text as UTF-8, until the other side leaves."""
    while (message := await receive(socket)) is not None:
        yield message


async def receive(socket: Socket) -> bytes | None:
    """Return the next message; None when the other side has left."""
    try:
        event: Any = await socket.receive()
    except _GONE:
        return None
    if event["type"] == "websocket.disconnect":
        return None
    data = event.get("bytes")
    return data if data is not None else (event.get("text") or "").encode("utf-8", "surrogatepass")


async def send(socket: Socket, data: bytes) -> None:
    """Send one binary message. Raises ConnectionError when the other side has left."""
    try:
        await socket.send_bytes(data)
    except _GONE as error:
        raise ConnectionResetError("The WebSocket is closed.") from error


async def close(socket: Socket, code: int = 1000, reason: str = "") -> None:
    """Close; nothing happens when the other side has left."""
    with suppress(*_GONE):
        await socket.close(code, reason)


def as_stream(socket: Socket) -> Stream:
    """Return an accepted socket as a stream of bytes."""

    async def close_stream(code: int, reason: str) -> None:
        await close(socket, code, reason)

    async def send_stream(data: bytes) -> None:
        await send(socket, data)

    async def receive_stream() -> bytes | None:
        return await receive(socket)

    return Stream(receive_stream, send_stream, close_stream)
