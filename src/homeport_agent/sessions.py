"""One SSH session: decides between a command on pipes, a terminal, files, and the list of listening ports."""

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, cast

import asyncssh
from asyncssh import SSHServerChannel
from asyncssh.channel import SSHChannel
from asyncssh.stream import SSHServerStreamSession

from homeport_agent.files import Files
from homeport_agent.logs import get_logger
from homeport_agent.pipes import PipedCommand
from homeport_agent.ports import listening_ports_json
from homeport_agent.terminals import Terminal
from homeport_agent.workspace import Workspace
from homeport_sdk.agent_protocol import LISTENING_PORTS_SUBSYSTEM, RECONNECT_VARIABLE

_log = get_logger(__name__)
_COULD_NOT_START = 127
_STANDARD_SIGNALS = frozenset(
    ["ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"]
)


class Runner(Protocol):
    """What stands behind a session."""

    def feed(self, data: bytes) -> None:
        """Take what the client has sent."""

    def end_input(self) -> None:
        """The client sends no more; output may still follow."""

    def signal(self, number: int) -> None:
        """Pass a signal on."""

    def resize(self, width: int, height: int) -> None:
        """Take the client's window size, in columns and rows."""

    def pause(self) -> None:
        """The channel is full: read no more output for now."""

    def resume(self) -> None:
        """The channel has room again."""

    def hang_up(self) -> None:
        """The channel is gone."""


class Session(asyncssh.SSHServerSession[bytes]):
    """A session channel of either SSH server of the agent."""

    def __init__(self, workspace: Workspace, *, is_control: bool) -> None:
        self._workspace = workspace
        self._is_control = is_control
        self._runner: Runner | None = None
        self._files: SSHServerStreamSession[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self._kind = ""

    def connection_made(self, chan: SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: object) -> bool:
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp" or (self._is_control and subsystem == LISTENING_PORTS_SUBSYSTEM)

    def session_started(self) -> None:
        subsystem = self._channel.get_subsystem()
        self._kind = self._workspace.traffic.session_began(self._channel.get_environment())
        if subsystem == "sftp":
            self._files = SSHServerStreamSession(None, self._make_files, 3)
            self._files.connection_made(self._channel)
            self._files.session_started()
        elif subsystem == LISTENING_PORTS_SUBSYSTEM:
            self._channel.write(listening_ports_json())
            self._channel.exit(0)
        elif self._channel.get_terminal_type() is not None:
            screen = _Screen(self._channel, self._workspace)
            self._runner = screen
            self._run(screen.run(self._arguments()))
        else:
            command = PipedCommand(self._channel)
            self._runner = command
            self._run(self._run_command(command))

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._workspace.traffic.received(len(data))
        if self._files is not None:
            self._files.data_received(data, datatype)
        elif self._runner is not None:
            self._runner.feed(data)

    def eof_received(self) -> bool:
        if self._files is not None:
            return bool(self._files.eof_received())
        if self._runner is not None:
            self._runner.end_input()
        # The other direction stays open: output may follow.
        return True

    def signal_received(self, signal: str) -> None:
        number = _signal_number(signal)
        if self._runner is not None and number is not None:
            self._runner.signal(number)

    def break_received(self, msec: int) -> bool:
        if self._runner is not None:
            self._runner.signal(signal.SIGINT)
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._runner is not None:
            self._runner.resize(width, height)

    def pause_writing(self) -> None:
        if self._files is not None:
            self._files.pause_writing()
        elif self._runner is not None:
            self._runner.pause()

    def resume_writing(self) -> None:
        if self._files is not None:
            self._files.resume_writing()
        elif self._runner is not None:
            self._runner.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._kind:
            self._workspace.traffic.session_ended(self._kind)
        if self._files is not None:
            self._files.connection_lost(exc)
        elif self._runner is not None:
            self._runner.hang_up()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, OSError):
            _end(self._channel, _COULD_NOT_START, f"The command could not be started: {error}\n")
        elif error is not None:
            _log.error("A session failed.", exc_info=error)
            _end(self._channel, _COULD_NOT_START, "The agent failed to run this; see its log.\n")

    def _arguments(self) -> list[str]:
        shell, command = self._workspace.surroundings.shell, self._channel.get_command()
        return [shell, "-c", command] if command is not None else [shell, "-l"]

    async def _run_command(self, command: PipedCommand) -> None:
        surroundings = self._workspace.surroundings
        status = await command.run(
            self._workspace.processes,
            self._arguments(),
            environment=surroundings.variables(session_variables(self._channel)),
            directory=surroundings.directory,
        )
        report_exit(self._channel, status)

    def _make_files(self, channel: SSHChannel[bytes]) -> Files:
        return Files(cast("SSHServerChannel[bytes]", channel), self._workspace.surroundings.directory)


class _Screen:
    """A viewer of a terminal, over one SSH channel."""

    def __init__(self, channel: SSHServerChannel[bytes], workspace: Workspace) -> None:
        self._channel = channel
        self._workspace = workspace
        self._terminal: Terminal | None = None
        self._key = channel.get_environment().get(RECONNECT_VARIABLE, "")
        self._early: list[bytes] = []
        self._is_gone = False
        self._has_ended = asyncio.Event()

    async def run(self, arguments: list[str]) -> None:
        """Find or start the terminal and show it until either side leaves."""
        terminals = self._workspace.terminals
        if not self._key:
            self._enter(await self._start(arguments), with_replay=False)
        else:
            async with terminals.lock(self._key):
                terminal = terminals.find(self._key)
                if terminal is None:
                    terminal = await self._start(arguments)
                    terminals.keep(self._key, terminal)
            self._enter(terminal, with_replay=True)
        await self._has_ended.wait()

    def show(self, data: bytes) -> None:
        self._workspace.traffic.sent(len(data))
        try:
            self._channel.write(data)
        except OSError:
            self.hang_up()

    def terminal_ended(self, status: int) -> None:
        report_exit(self._channel, status)
        self._has_ended.set()

    def feed(self, data: bytes) -> None:
        if self._terminal is None:
            self._early.append(data)
        else:
            self._terminal.write(data)

    def end_input(self) -> None:
        # As a keyboard would: end of transmission.
        self.feed(b"\x04")

    def signal(self, number: int) -> None:
        if self._terminal is not None:
            self._terminal.signal(number)

    def resize(self, width: int, height: int) -> None:
        if self._terminal is not None:
            self._terminal.resize(width, height)

    def pause(self) -> None:
        if self._terminal is not None:
            self._terminal.pause(self)

    def resume(self) -> None:
        if self._terminal is not None:
            self._terminal.resume(self)

    def hang_up(self) -> None:
        """The viewer is gone. A terminal with an id waits for the next one, another ends."""
        if self._is_gone:
            return
        self._is_gone = True
        self._has_ended.set()
        if self._terminal is None:
            return
        is_last = self._terminal.detach(self) == 0
        if not self._key:
            self._terminal.hang_up()
        elif is_last and not self._terminal.has_ended.is_set():
            self._workspace.terminals.leave(self._key)

    async def _start(self, arguments: list[str]) -> Terminal:
        surroundings = self._workspace.surroundings
        variables = surroundings.variables(session_variables(self._channel))
        variables["TERM"] = self._channel.get_terminal_type() or "xterm-256color"
        terminal = Terminal()
        await terminal.start(
            self._workspace.processes,
            arguments,
            environment=variables,
            directory=surroundings.directory,
            size=self._channel.get_terminal_size()[:2],
        )
        if self._channel.get_command() is None:
            self._greet()
        return terminal

    def _greet(self) -> None:
        """Show the message of the day, unless the user hushed it."""
        surroundings = self._workspace.surroundings
        path = surroundings.motd_path
        if path and not (Path(surroundings.home) / ".hushlogin").exists():
            try:
                text = Path(path).read_bytes()[: 64 * 1024]
            except OSError:
                return
            self._channel.write(text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def _enter(self, terminal: Terminal, *, with_replay: bool) -> None:
        self._terminal = terminal
        if self._is_gone:
            self._is_gone = False
            self.hang_up()
            return
        if self._key:
            self._workspace.terminals.visit(self._key)
        terminal.attach(self, with_replay=with_replay)
        width, height, _, _ = self._channel.get_terminal_size()
        if width and height:
            terminal.resize(width, height)
        for data in self._early:
            terminal.write(data)
        self._early.clear()


def session_variables(channel: SSHServerChannel[bytes]) -> dict[str, str]:
    """Return what the client asked to set, and what says that this is an SSH session."""
    variables = {
        name: value for name, value in channel.get_environment().items() if "\0" not in value and "=" not in name
    }
    variables.pop(RECONNECT_VARIABLE, None)
    variables["SSH_CONNECTION"] = "127.0.0.1 0 127.0.0.1 22"
    variables["SSH_CLIENT"] = "127.0.0.1 0 22"
    agent_path = channel.get_agent_path()
    if agent_path:
        variables["SSH_AUTH_SOCK"] = agent_path
    return variables


def report_exit(channel: SSHServerChannel[bytes], status: int) -> None:
    """Tell the client how the command ended, and close the channel."""
    if channel.is_closing():
        return
    if status >= 0:
        channel.exit(status)
        return
    name = _signal_name(-status)
    channel.exit_with_signal(name if name in _STANDARD_SIGNALS else f"{name}@openssh.com")


def _end(channel: SSHServerChannel[bytes], status: int, message: str) -> None:
    if not channel.is_closing():
        channel.write_stderr(message.encode())
        channel.exit(status)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _signal_number(name: str) -> int | None:
    try:
        return signal.Signals[f"SIG{name.split('@', maxsplit=1)[0]}"].value
    except KeyError:
        return None
