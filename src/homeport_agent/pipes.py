"""A command without a terminal: standard streams over one SSH channel, byte for byte, with back pressure and half-close."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import cast

from asyncssh import SSHServerChannel

from homeport_agent.processes import Child, Processes

QUIET_SECONDS = 2.0
"""A background process may keep the output open after the command has ended; after this much silence nobody waits for it."""


class PipedCommand:
    """Feeds a channel's data to a child's stdin, and its stdout and stderr back."""

    def __init__(self, channel: SSHServerChannel[bytes]) -> None:
        self._channel = channel
        self._child: Child | None = None
        self._input = _Input(channel)
        self._stdin: asyncio.WriteTransport | None = None
        self._outputs: list[_Output] = []
        self._early: list[bytes] = []
        self._has_input_ended = False
        self._is_hung_up = False

    async def run(
        self, processes: Processes, arguments: Sequence[str], *, environment: Mapping[str, str], directory: str
    ) -> int:
        """Run the command to its end; return its exit status or negative signal. Raises OSError when it cannot start."""
        pipes = [os.pipe() for _ in range(3)]
        (stdin, input_end), (output_end, stdout), (error_end, stderr) = pipes
        try:
            self._child = await processes.spawn(
                arguments, environment=environment, directory=directory, stdin=stdin, stdout=stdout, stderr=stderr
            )
        except BaseException:
            for descriptor in (input_end, output_end, error_end):
                os.close(descriptor)
            raise
        finally:
            for descriptor in (stdin, stdout, stderr):
                os.close(descriptor)
        await self._connect(input_end, output_end, error_end)
        status = await self._child.wait()
        await self._drain_outputs()
        return status

    def feed(self, data: bytes) -> None:
        """Write to the command's standard input."""
        if self._stdin is not None:
            if not self._input.is_lost:
                self._stdin.write(data)
        elif not self._has_input_ended:
            self._early.append(data)

    def end_input(self) -> None:
        """Close the command's standard input once all is written."""
        self._has_input_ended = True
        if self._stdin is not None and not self._input.is_lost:
            self._stdin.write_eof()

    def signal(self, number: int) -> None:
        """Send a signal to the command's process group."""
        if self._child is not None and not self._child.has_ended:
            self._child.signal_group(number)

    def resize(self, _width: int, _height: int) -> None:
        """There is no terminal to resize."""

    def pause(self) -> None:
        """Stop reading output: the channel is full."""
        for output in self._outputs:
            output.pause()

    def resume(self) -> None:
        """Read output again."""
        for output in self._outputs:
            output.resume()

    def hang_up(self) -> None:
        """The channel is gone: close the streams and tell the command."""
        self._is_hung_up = True
        self._drop_input()
        self.signal(signal.SIGHUP)
        for output in self._outputs:
            output.close()

    async def _connect(self, input_end: int, output_end: int, error_end: int) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_write_pipe(lambda: self._input, os.fdopen(input_end, "wb", 0))
        self._stdin = transport
        for chunk in self._early:
            self._stdin.write(chunk)
        self._early.clear()
        if self._has_input_ended:
            self._stdin.write_eof()
        for descriptor, datatype in ((output_end, None), (error_end, 1)):
            output = _Output(self._channel, datatype)
            await loop.connect_read_pipe(lambda output=output: output, os.fdopen(descriptor, "rb", 0))  # type: ignore[misc]
            self._outputs.append(output)
        if self._is_hung_up:
            self.hang_up()

    async def _drain_outputs(self) -> None:
        """Pass on what is left in the pipes; wait for late writers only while they write."""
        while not all(output.has_ended.is_set() for output in self._outputs):
            before = sum(output.received for output in self._outputs)
            pending = [asyncio.ensure_future(output.has_ended.wait()) for output in self._outputs]
            await asyncio.wait(pending, timeout=QUIET_SECONDS, return_when=asyncio.ALL_COMPLETED)
            for waiter in pending:
                waiter.cancel()
            is_quiet = sum(output.received for output in self._outputs) == before
            if is_quiet and not any(output.is_paused for output in self._outputs):
                break
        for output in self._outputs:
            output.close()
        self._drop_input()

    def _drop_input(self) -> None:
        """Close standard input and lose what the command did not read; asyncio refuses to abort a closed pipe."""
        if self._stdin is not None and not self._input.is_lost:
            self._stdin.abort()


class _Input(asyncio.BaseProtocol):
    """Slows the channel down while the command does not read."""

    def __init__(self, channel: SSHServerChannel[bytes]) -> None:
        self._channel = channel
        self.is_lost = False

    def pause_writing(self) -> None:
        self._channel.pause_reading()

    def resume_writing(self) -> None:
        # Later, not now: the transport that calls this would take an end of input that comes with the next data for
        # its own, and close before it has written them.
        asyncio.get_running_loop().call_soon(self._resume)

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_lost = True
        # The command no longer reads: let the channel run on so that what the client still sends is dropped, not stuck.
        self._resume()

    def _resume(self) -> None:
        with suppress(OSError):
            self._channel.resume_reading()


class _Output(asyncio.Protocol):
    """Copies one of the command's outputs to the channel."""

    def __init__(self, channel: SSHServerChannel[bytes], datatype: int | None) -> None:
        self._channel = channel
        self._datatype = datatype
        self._transport: asyncio.ReadTransport | None = None
        self.has_ended = asyncio.Event()
        self.is_paused = False
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.ReadTransport, transport)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        try:
            self._channel.write(data, self._datatype)
        except OSError:
            self.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self.has_ended.set()

    def pause(self) -> None:
        """Read no more for now."""
        if self._transport is not None and not self.has_ended.is_set() and self._transport.is_reading():
            self._transport.pause_reading()
            self.is_paused = True

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and self.is_paused:
            self.is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def close(self) -> None:
        """Read nothing any more."""
        if self._transport is not None:
            self._transport.close()
