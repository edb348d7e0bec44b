"""A WebSocket's bytes on standard input and output, for OpenSSH's ProxyCommand."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_CHUNK = 128 * 1024


async def carry_stdio(stream: "ClientConnection") -> None:
    """Carry bytes until either side ends."""
    reader, write = await _open()

    async def send() -> None:
        while data := await reader.read(_CHUNK):
            await stream.send(data)

    async def receive() -> None:
        async for message in stream:
            await write(message.encode() if isinstance(message, str) else message)

    tasks = [asyncio.create_task(send()), asyncio.create_task(receive())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # Whichever broke has ended, which is all that matters here.
        await asyncio.gather(*tasks, return_exceptions=True)


async def _open() -> tuple[asyncio.StreamReader, Callable[[bytes], Awaitable[None]]]:
    """Open standard input and output, which OpenSSH makes pipes or sockets."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_CHUNK)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(lambda: asyncio.streams.FlowControlMixin(loop=loop), sys.stdout)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def write(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    return reader, write
