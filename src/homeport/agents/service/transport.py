"""An asyncio transport over a stream of binary messages: AsyncSSH over a WebSocket. The agent program has its twin.

The SSH protocol above bounds what is under way: a channel sends no more than its peer's window (2 MiB) before it is acknowledged. The
queue here is therefore small by construction; a hard limit ends the connection if that should ever prove wrong.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[bytes | None]]
"""Wait for the next message; None when the stream has ended."""
Send = Callable[[bytes], Awaitable[None]]

MESSAGE_BYTES = 128 * 1024
HIGH_WATER = 1024 * 1024
LIMIT = 256 * 1024 * 1024
LINGER_SECONDS = 1.0


class StreamTransport(asyncio.Transport):
    """Carries the bytes of one asyncio protocol over `receive` and `send`. `run` must be awaited for as long as it lives."""

    def __init__(self, protocol: asyncio.Protocol, receive: Receive, send: Send, *, peer: str) -> None:
        super().__init__({"peername": (peer, 0), "sockname": ("", 0)})
        self._protocol = protocol
        self._receive = receive
        self._send = send
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._is_closing = False
        self._is_paused = False

    async def run(self) -> None:
        """Carry bytes both ways until the stream or the protocol ends. Never raises for a stream that broke."""
        self._protocol.connection_made(self)
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        ended = asyncio.create_task(self._ended.wait())
        error: Exception | None = None
        try:
            done, _ = await asyncio.wait({reader, writer, ended}, return_when=asyncio.FIRST_COMPLETED)
            errors = [task.exception() for task in done if not task.cancelled()]
            error = next((found for found in errors if isinstance(found, Exception)), None)
        finally:
            self._is_closing = True
            for task in (reader, writer, ended):
                task.cancel()
            await asyncio.gather(reader, writer, ended, return_exceptions=True)
            self._protocol.connection_lost(error)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closing or not data:
            return
        self._queue.append(bytes(data))
        self._queued += len(data)
        if self._queued > LIMIT:
            self._queue.clear()
            self.abort()
        elif self._queued > HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self._protocol.pause_writing()
        self._wake.set()

    def close(self) -> None:
        """Send what is queued, then end."""
        self._is_closing = True
        self._wake.set()

    def abort(self) -> None:
        """End soon: AsyncSSH aborts right after its last message, which is worth a moment."""
        self.close()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._ended.set)

    def stop(self) -> None:
        """End now, without sending what is queued."""
        self._is_closing = True
        self._ended.set()

    def is_closing(self) -> bool:
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        return self._queued

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    async def _read(self) -> None:
        while (message := await self._receive()) is not None:
            self._protocol.data_received(message)
        self._ended.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._send(self._take())
            if self._is_closing:
                self._ended.set()
                return

    def _take(self) -> bytes:
        """Join queued pieces into one message: fewer frames carry more."""
        message = self._queue.popleft()
        if self._queue and len(message) < MESSAGE_BYTES:
            pieces = [message]
            size = len(message)
            while self._queue and size + len(self._queue[0]) <= MESSAGE_BYTES:
                pieces.append(self._queue.popleft())
                size += len(pieces[-1])
            message = b"".join(pieces)
        self._queued -= len(message)
        if self._is_paused and self._queued < HIGH_WATER // 4:
            self._is_paused = False
            self._protocol.resume_writing()
        return message


class StreamTunnel:
    """What AsyncSSH calls a tunnel: hands its protocol to a transport over one stream of messages.

    A failing `asyncssh.connect*` closes the transport; `run` then returns.
    """

    def __init__(self, receive: Receive, send: Send, *, peer: str) -> None:
        self._receive = receive
        self._send = send
        self._peer = peer
        self._transport: StreamTransport | None = None
        self._task: asyncio.Task[None] | None = None

    async def create_connection(
        self, factory: Callable[[], Any], _host: str, _port: int
    ) -> tuple[StreamTransport, Any]:
        """Make the protocol and start to carry its bytes (called by AsyncSSH)."""
        protocol = factory()
        transport = StreamTransport(protocol, self._receive, self._send, peer=self._peer)
        self._transport = transport
        self._task = asyncio.create_task(transport.run())
        return transport, protocol

    async def stop(self) -> None:
        """End the transport now; when this returns, nobody receives from the stream any more."""
        if self._transport is not None:
            self._transport.stop()
        await self.finish()

    async def finish(self) -> None:
        """Wait until the transport has ended."""
        if self._task is not None:
            await asyncio.shield(self._task)
