"""Terminals: a shell on a pseudo-terminal with any number of viewers, kept for a while when the last one leaves.

What is replayed to a viewer who comes back is the last 64 KiB of raw output.
"""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from homeport_agent.processes import Child, Processes

REPLAY_BYTES = 64 * 1024
IDLE_SECONDS = 300.0
MAX_TERMINALS = 256
_READ_BYTES = 64 * 1024
_MAX_SIZE = 4096


class Viewer(Protocol):
    """Somebody who looks at a terminal."""

    def show(self, data: bytes) -> None:
        """Take output."""

    def terminal_ended(self, status: int) -> None:
        """The shell has ended with this status, or negative signal."""


class Terminal:
    """A child process on a pseudo-terminal."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._master = -1
        self._viewers: list[Viewer] = []
        self._paused: set[Viewer] = set()
        self._history: deque[bytes] = deque()
        self._history_size = 0
        self._unwritten = bytearray()
        self.has_ended = asyncio.Event()
        self.status = 0

    async def start(
        self,
        processes: Processes,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: str,
        size: tuple[int, int],
    ) -> None:
        """Start the command; `size` is columns and rows. Raises OSError when it cannot start."""
        master, slave = pty.openpty()
        try:
            _set_size(slave, size)
            _accept_utf8(slave)
            self._child = await processes.spawn(
                arguments,
                environment=environment,
                directory=directory,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                is_terminal=True,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        os.set_blocking(master, False)
        self._master = master
        asyncio.get_running_loop().add_reader(master, self._read)
        self._waiter = asyncio.create_task(self._wait(self._child))

    def attach(self, viewer: Viewer, *, with_replay: bool) -> None:
        """Show output to `viewer` from now on, after what was shown before."""
        if with_replay:
            for chunk in self._history:
                viewer.show(chunk)
        if self.has_ended.is_set():
            viewer.terminal_ended(self.status)
        else:
            self._viewers.append(viewer)

    def detach(self, viewer: Viewer) -> int:
        """Forget `viewer`; return how many are left."""
        if viewer in self._viewers:
            self._viewers.remove(viewer)
        self.resume(viewer)
        return len(self._viewers)

    def write(self, data: bytes) -> None:
        """Type `data`."""
        if self._master < 0:
            return
        if not self._unwritten:
            with suppress(BlockingIOError, OSError):
                data = data[os.write(self._master, data) :]
        if data:
            self._unwritten += data
            asyncio.get_running_loop().add_writer(self._master, self._write_rest)

    def has_backlog(self) -> bool:
        """Whether the shell reads more slowly than somebody types."""
        return len(self._unwritten) > _READ_BYTES

    def resize(self, width: int, height: int) -> None:
        """Set the window size: the last viewer's wish counts."""
        if self._master >= 0:
            _set_size(self._master, (width, height))

    def pause(self, viewer: Viewer) -> None:
        """`viewer` cannot take more for now: the shell waits."""
        self._paused.add(viewer)
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)

    def resume(self, viewer: Viewer) -> None:
        """`viewer` can take more."""
        if viewer in self._paused:
            self._paused.remove(viewer)
            if not self._paused and self._master >= 0:
                asyncio.get_running_loop().add_reader(self._master, self._read)

    def signal(self, number: int) -> None:
        """Send a signal to the foreground process group of the terminal."""
        if self._master >= 0:
            with suppress(OSError):
                os.killpg(os.tcgetpgrp(self._master), number)

    def hang_up(self) -> None:
        """End the terminal as when a modem line drops."""
        if self._child is not None and not self._child.has_ended:
            self._child.signal_group(signal.SIGHUP)
            self._child.signal_group(signal.SIGCONT)
        self._close()

    async def _wait(self, child: Child) -> None:
        self.status = await child.wait()
        # What the shell has said last is still on its way through the terminal.
        while self._read():
            pass
        self._close()
        self.has_ended.set()
        for viewer in list(self._viewers):
            viewer.terminal_ended(self.status)
        self._viewers.clear()

    def _read(self) -> bool:
        """Pass on what the terminal says; return whether there was anything.

        Bounded per call, so that one talkative shell does not starve the others.
        """
        if self._master < 0:
            return False
        try:
            data = os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            # Linux answers EIO when every process has closed the terminal.
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
            return False
        self._remember(data)
        for viewer in list(self._viewers):
            viewer.show(data)
        return True

    def _remember(self, data: bytes) -> None:
        self._history.append(data)
        self._history_size += len(data)
        while self._history_size > REPLAY_BYTES:
            excess = self._history_size - REPLAY_BYTES
            oldest = self._history.popleft()
            if len(oldest) > excess:
                self._history.appendleft(oldest[excess:])
                self._history_size -= excess
            else:
                self._history_size -= len(oldest)

    def _write_rest(self) -> None:
        try:
            del self._unwritten[: os.write(self._master, self._unwritten)]
        except BlockingIOError:
            return
        except OSError:
            self._unwritten.clear()
        if not self._unwritten:
            asyncio.get_running_loop().remove_writer(self._master)

    def _close(self) -> None:
        if self._master >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._master)
            loop.remove_writer(self._master)
            os.close(self._master)
            self._master = -1


class Terminals:
    """Terminals that people come back to, by the id they chose."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._terminals: dict[str, Terminal] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._starting: dict[str, asyncio.Lock] = {}

    def find(self, key: str) -> Terminal | None:
        """Return the live terminal of this id, if there is one."""
        terminal = self._terminals.get(key)
        return None if terminal is None or terminal.has_ended.is_set() else terminal

    def lock(self, key: str) -> asyncio.Lock:
        """Two viewers who come at once must get the same terminal."""
        return self._starting.setdefault(key, asyncio.Lock())

    def keep(self, key: str, terminal: Terminal) -> None:
        """Remember a started terminal. Raises OSError when there are too many."""
        self._forget_ended()
        if len(self._terminals) >= MAX_TERMINALS:
            terminal.hang_up()
            raise OSError(f"There are {MAX_TERMINALS} terminals already; close some.")
        self._terminals[key] = terminal

    def visit(self, key: str) -> None:
        """Somebody looks at the terminal: it is not idle."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def leave(self, key: str) -> None:
        """Nobody looks at the terminal: end it after a while."""
        self.visit(key)
        self._timers[key] = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire, key)

    def _expire(self, key: str) -> None:
        self._timers.pop(key, None)
        terminal = self._terminals.pop(key, None)
        self._starting.pop(key, None)
        if terminal is not None:
            terminal.hang_up()

    def _forget_ended(self) -> None:
        for key in [key for key, terminal in self._terminals.items() if terminal.has_ended.is_set()]:
            self.visit(key)
            del self._terminals[key]
        for key in [key for key, lock in self._starting.items() if key not in self._terminals and not lock.locked()]:
            del self._starting[key]


def _set_size(descriptor: int, size: tuple[int, int]) -> None:
    width, height = (max(0, min(value, _MAX_SIZE)) for value in size)
    with suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


def _accept_utf8(descriptor: int) -> None:
    """Let the line editor of the kernel erase whole characters."""
    attributes = termios.tcgetattr(descriptor)
    attributes[0] |= getattr(termios, "IUTF8", 0o40000)
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
