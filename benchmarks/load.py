"""A load generator: keep-alive connections that ask one question again and again, in a process of its own.

`python -m benchmarks.load HOST PORT PATH SECONDS CONNECTIONS [header: value …]` prints requests a second.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import cast

Script = Callable[[bytes | None], bytes]
"""What one connection says: the next request, from the body of the answer to the one before (None: the first)."""


class Asker(asyncio.Protocol):
    """One connection: sends a request, waits for the whole answer, sends the next, until the end. `seconds` are the waits."""

    def __init__(self, script: Script, until: float, done: "asyncio.Future[None]") -> None:
        self.seconds: list[float] = []
        self._script = script
        self._until = until
        self._done = done
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first time."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send(None)

    def data_received(self, data: bytes) -> None:
        """Count a whole answer and ask again."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 303", b"HTTP/1.1 302")):
            self._fail(RuntimeError(f"the server answered {head[:200]!r} {body[:300]!r}"))
            return
        start = head.lower().find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(body) < length:
            return
        self._buffer = body[length:]
        now = time.perf_counter()
        self.seconds.append(now - self._sent_at)
        if now >= self._until:
            if not self._done.done():
                self._done.set_result(None)
            return
        # The head goes along: where a redirect leads stands there.
        self._send(head + separator + body[:length])

    def connection_lost(self, exc: Exception | None) -> None:
        """Report a connection that ended too early."""
        self._fail(exc or RuntimeError("the server closed the connection"))

    def _send(self, answer: bytes | None) -> None:
        if self._transport is not None:
            request = self._script(answer)
            self._sent_at = time.perf_counter()
            self._transport.write(request)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)


async def converse(host: str, port: int, scripts: Sequence[Script], *, seconds: float) -> tuple[float, list[float]]:
    """Run a script on a connection each for `seconds`; return answers a second and the wait for each."""
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    askers: list[Asker] = []
    waits: list[asyncio.Future[None]] = []
    for script in scripts:
        done: asyncio.Future[None] = loop.create_future()
        asker = Asker(script, begun + seconds, done)
        await loop.create_connection(lambda asker=asker: asker, host, port)  # type: ignore[misc]
        askers.append(asker)
        waits.append(done)
    await asyncio.gather(*waits)
    took = time.perf_counter() - begun
    times = [wait for asker in askers for wait in asker.seconds]
    return len(times) / took, times


async def generate(host: str, port: int, path: str, headers: list[str], *, seconds: float, connections: int) -> float:
    """Ask from `connections` connections for `seconds`; return answers a second."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", *headers, "", ""]
    request = "\r\n".join(lines).encode()
    rate, _ = await converse(host, port, [lambda _: request] * connections, seconds=seconds)
    return rate


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
