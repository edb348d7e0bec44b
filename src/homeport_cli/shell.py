"""An SSH session in a workspace, without OpenSSH: the inner SSH server of the agent over a WebSocket."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import asyncssh
import msgspec

from homeport_cli import terminal
from homeport_cli.errors import CliError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

LOST = 255
_CHUNK = 128 * 1024
_CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]


class Forward(msgspec.Struct, frozen=True):
    """A forwarded port: listen on `bind:port`, connect to `host:host_port` at the other end."""

    bind: str
    port: int
    host: str
    host_port: int


class Session(msgspec.Struct, kw_only=True):
    """What to run: `command` None for a login shell. A pty is asked for with `has_terminal`."""

    command: str | None = None
    has_terminal: bool = False
    has_agent_forwarding: bool = False
    local_forwards: Sequence[Forward] = ()
    remote_forwards: Sequence[Forward] = ()


def parse_forward(text: str, *, flag: str) -> Forward:
    """Read `[bind:]port:host:port` as OpenSSH writes it. Raises CliError."""
    parts = text.split(":")
    if len(parts) == 3:
        parts = ["localhost", *parts]
    if len(parts) != 4 or not all(part.isdigit() and int(part) < 65536 for part in (parts[1], parts[3])):
        raise CliError(f"{flag}: '{text}' is not of the form [bind:]port:host:port.")
    return Forward(parts[0], int(parts[1]), parts[2], int(parts[3]))


async def run_session(stream: "ClientConnection", session: Session) -> int:
    """Run the session with this program's standard streams; return its exit status, 255 when the connection was lost."""
    async with _connect(stream, session) as connection:
        try:
            for forward in session.local_forwards:
                await connection.forward_local_port(forward.bind, forward.port, forward.host, forward.host_port)
            for forward in session.remote_forwards:
                await connection.forward_remote_port(forward.bind, forward.port, forward.host, forward.host_port)
        except (OSError, asyncssh.Error) as error:
            raise CliError(f"A port cannot be forwarded: {error}") from error
        return await _run(connection, session)


async def carry(stream: "ClientConnection", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes between a WebSocket and a byte stream until either ends."""

    async def send() -> None:
        while data := await reader.read(_CHUNK):
            await stream.send(data)

    async def receive() -> None:
        async for message in stream:
            writer.write(message.encode() if isinstance(message, str) else message)
            await writer.drain()

    tasks = [asyncio.create_task(send()), asyncio.create_task(receive())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # A stream that broke has ended, which is all that matters here.
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()


@contextlib.asynccontextmanager
async def _connect(stream: "ClientConnection", session: Session) -> AsyncIterator[asyncssh.SSHClientConnection]:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)
    carrying = asyncio.create_task(carry(stream, reader, writer))
    try:
        # The stream is authenticated and authorized already: the server behind it asks for no credentials.
        connection = await asyncssh.connect(
            "workspace",
            sock=ours,
            config=[],
            username="homeport",
            known_hosts=None,
            client_keys=None,
            preferred_auth="none",
            agent_path=os.environ.get("SSH_AUTH_SOCK") if session.has_agent_forwarding else None,
            agent_forwarding=session.has_agent_forwarding,
            encryption_algs=_CIPHERS,
            compression_algs=None,
            gss_host=None,
            keepalive_interval=15,
        )
    except (OSError, asyncssh.Error) as error:
        carrying.cancel()
        raise CliError(f"The workspace's SSH server did not answer: {error}", status=LOST) from error
    try:
        yield connection
    finally:
        connection.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(connection.wait_closed(), timeout=2)
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)


async def _run(connection: asyncssh.SSHClientConnection, session: Session) -> int:
    options: dict[str, Any] = {}
    if session.has_terminal:
        options = {"term_type": os.environ.get("TERM") or "xterm-256color", "term_size": terminal.size()}
    try:
        process = await connection.create_process(session.command, encoding=None, **options)
    except asyncssh.Error as error:
        raise CliError(f"The workspace opened no session: {error}", status=LOST) from error
    is_raw = session.has_terminal and sys.stdin.isatty()
    with contextlib.ExitStack() as stack:
        if is_raw:
            stack.enter_context(terminal.raw())
        if session.has_terminal:
            stack.enter_context(_following_size(process))
        _feed(process)
        await asyncio.gather(_drain(process.stdout, 1), _drain(process.stderr, 2))
        await process.wait_closed()
    return _status(process)


def _status(process: asyncssh.SSHClientProcess[bytes]) -> int:
    if process.exit_signal:
        number = getattr(signal, "SIG" + process.exit_signal[0], None)
        return 128 + (number.value if isinstance(number, signal.Signals) else 0)
    if process.exit_status is None or process.exit_status < 0:
        print("The connection to the workspace was lost.", file=sys.stderr)
        return LOST
    return process.exit_status


@contextlib.contextmanager
def _following_size(process: asyncssh.SSHClientProcess[bytes]) -> Any:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, lambda: process.change_terminal_size(*terminal.size()))
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


async def _drain(reader: asyncssh.SSHReader[bytes], descriptor: int) -> None:
    while data := await reader.read(_CHUNK):
        terminal.write_all(descriptor, data)


def _feed(process: asyncssh.SSHClientProcess[bytes]) -> None:
    """Read standard input in a thread of its own: it may be a terminal, a pipe or a file, and must never hold up the end."""
    loop = asyncio.get_running_loop()

    async def write(data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionError, asyncssh.Error):
            if data:
                process.stdin.write(data)
                await process.stdin.drain()
            else:
                process.stdin.write_eof()

    def read() -> None:
        while True:
            try:
                data = os.read(0, _CHUNK)
            except OSError:
                data = b""
            try:
                asyncio.run_coroutine_threadsafe(write(data), loop).result()
            except (RuntimeError, asyncio.CancelledError):
                return  # the session has ended, and its loop with it
            if not data:
                return

    threading.Thread(target=read, name="stdin", daemon=True).start()
