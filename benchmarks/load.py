"""A load generator: keep-alive connections that ask one question again and again, in a process of its own.

`python -m benchmarks.load HOST PORT PATH SECONDS CONNECTIONS [header: value …]` prints requests a second.
"""

import asyncio
import subprocess
import sys
import time
from typing import cast


class _Asker(asyncio.Protocol):
    """One connection: sends the request, waits for the whole answer, sends again, until the end."""

    def __init__(self, request: bytes, until: float, done: "asyncio.Future[None]") -> None:
        self.answers = 0
        self._request = request
        self._until = until
        self._done = done
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first time."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count a whole answer and ask again."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(RuntimeError(f"the server answered {head[:200]!r} {body[:300]!r}"))
            return
        start = head.lower().index(b"content-length:") + 15
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        self.answers += 1
        if time.perf_counter() >= self._until:
            if not self._done.done():
                self._done.set_result(None)
        elif self._transport is not None:
            self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report a connection that ended too early."""
        self._fail(exc or RuntimeError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)


async def generate(host: str, port: int, path: str, headers: list[str], *, seconds: float, connections: int) -> float:
    """Ask from `connections` connections for `seconds`; return answers a second."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", *headers, "", ""]
    request = "\r\n".join(lines).encode()
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    askers: list[_Asker] = []
    waits: list[asyncio.Future[None]] = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        asker = _Asker(request, begun + seconds, done)
        await loop.create_connection(lambda asker=asker: asker, host, port)  # type: ignore[misc]
        askers.append(asker)
        waits.append(done)
    await asyncio.gather(*waits)
    return sum(asker.answers for asker in askers) / (time.perf_counter() - begun)


def ask(host: str, port: int, path: str, *, headers: list[str], seconds: float = 3.0, connections: int = 16) -> float:
    """Generate load from another process and return answers a second."""
    command = [sys.executable, "-m", "benchmarks.load", host, str(port), path, str(seconds), str(connections), *headers]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    import uvloop

    _host, _port, _path, _seconds, _connections, *_headers = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as _runner:
        print(
            _runner.run(
                generate(_host, int(_port), _path, _headers, seconds=float(_seconds), connections=int(_connections))
            )
        )
