"""A connection to an agent as the rooms see it: commands, terminals, files, ports. Where its tunnel ends is not told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncssh
import msgspec

from homeport.agents.errors import AgentBroken, AgentNotConnected
from homeport.agents.types import INNER_SSH_HOST, INNER_SSH_PORT, LISTENING_PORTS_SUBSYSTEM, RECONNECT_VARIABLE

TERMINAL = "xterm-256color"
MAX_OUTPUT = 4 * 1024 * 1024
_OPEN_SECONDS = 20.0
_CHUNK = 64 * 1024

Reader = asyncssh.SSHReader[bytes]
Writer = asyncssh.SSHWriter[bytes]
Process = asyncssh.SSHClientProcess[bytes]
T = TypeVar("T")


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended. `exit_status` is None when a signal ended it; outputs are cut at the limit asked for."""

    exit_status: int | None
    exit_signal: str
    stdout: bytes
    stderr: bytes
    is_truncated: bool


class AgentConnection:
    """Opens channels to one agent. Raises AgentNotConnected when the tunnel is gone, AgentBroken when it refuses."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection

    async def exec(
        self,
        command: str,
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float = 60.0,
        max_output: int = MAX_OUTPUT,
    ) -> ExecResult:
        """Run a command in the workspace's shell to its end. Raises TimeoutError; the command is then hung up."""
        process = await self.open_process(command, environment=environment)
        try:
            async with asyncio.timeout(timeout):
                return await _collect(process, stdin, max_output)
        finally:
            process.close()

    async def open_process(self, command: str | None, *, environment: Mapping[str, str] | None = None) -> Process:
        """Start a command (None: the login shell) with its streams as pipes."""
        return await self._open(
            self._connection.create_process(command, encoding=None, env=dict(environment or {}), term_type=None)
        )

    async def open_pty(
        self,
        command: str | None = None,
        *,
        width: int,
        height: int,
        reconnect_id: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a shell, or `command`, on a terminal; under a reconnect id it outlives this session for a while."""
        variables = dict(environment or {})
        if reconnect_id:
            variables[RECONNECT_VARIABLE] = reconnect_id
        return await self._open(
            self._connection.create_process(
                command, encoding=None, env=variables, term_type=TERMINAL, term_size=(width, height)
            )
        )

    async def open_tcp(self, host: str, port: int) -> tuple[Reader, Writer]:
        """Connect to a port inside the workspace; `host` is a loopback name."""
        return await self._open(self._connection.open_connection(host, port, encoding=None))

    async def open_inner_ssh(self) -> tuple[Reader, Writer]:
        """Connect to the SSH server that people log in to."""
        return await self.open_tcp(INNER_SSH_HOST, INNER_SSH_PORT)

    @asynccontextmanager
    async def sftp(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """Work with files for the length of the block."""
        client = await self._open(self._connection.start_sftp_client())
        async with client:
            yield client

    async def listening_ports_json(self) -> bytes:
        """Return what the agent says about its ports, as JSON."""
        process = await self._open(
            self._connection.create_process(subsystem=LISTENING_PORTS_SUBSYSTEM, encoding=None, env={})
        )
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                return (await _collect(process, b"", MAX_OUTPUT)).stdout
        except TimeoutError as error:
            raise AgentBroken("it took too long to list its ports") from error
        finally:
            process.close()

    async def _open(self, opening: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                return await opening
        except TimeoutError as error:
            raise AgentBroken("it took too long to open a channel") from error
        except asyncssh.ChannelOpenError as error:
            if self._connection.is_closed():
                raise AgentNotConnected from error
            raise AgentBroken(error.reason) from error
        except (asyncssh.Error, OSError) as error:
            raise AgentNotConnected(str(error)) from error


async def _collect(process: Process, stdin: bytes, max_output: int) -> ExecResult:
    if stdin:
        process.stdin.write(stdin)
    process.stdin.write_eof()
    async with asyncio.TaskGroup() as group:
        out = group.create_task(_read(process.stdout, max_output))
        err = group.create_task(_read(process.stderr, max_output))
    await process.wait_closed()
    signal = process.exit_signal
    is_truncated = out.result()[1] or err.result()[1]
    return ExecResult(
        exit_status=None if signal else process.exit_status,
        exit_signal=signal[0] if signal else "",
        stdout=out.result()[0],
        stderr=err.result()[0],
        is_truncated=is_truncated,
    )


async def _read(reader: Reader, limit: int) -> tuple[bytes, bool]:
    """Read to the end and keep the first bytes."""
    kept = bytearray()
    is_truncated = False
    while data := await reader.read(_CHUNK):
        room = limit - len(kept)
        kept += data[:room]
        is_truncated = is_truncated or len(data) > room
    return bytes(kept), is_truncated
