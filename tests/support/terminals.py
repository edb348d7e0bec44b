"""A program on a pseudo-terminal, as a person sits before it."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType


class Terminal:
    """Runs a command on a terminal of its own; kills what is left of it at the end."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, rows: int = 24, columns: int = 80
    ) -> None:
        self.seen = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvpe(command[0], list(command), dict(environment))

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def resize(self, *, rows: int, columns: int) -> None:
        """Change the window; the program gets SIGWINCH."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str, *, until: str = "") -> None:
        """Press keys, and read on until a text is seen that was not there before (empty: until the program ends)."""
        begin = len(self.seen)
        os.write(self._terminal, keys.encode())
        deadline = time.monotonic() + 60
        while not until or until not in self.seen[begin:]:
            if not select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"never saw {until!r}: {self.seen!r}")
            try:
                self.seen += os.read(self._terminal, 4096).decode(errors="replace")
            except OSError:
                break

    def status(self) -> int:
        """Wait for the program's end and return its exit status."""
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
