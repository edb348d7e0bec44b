"""This program's own terminal and standard streams."""

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator


def size() -> tuple[int, int]:
    """Return columns and rows of the terminal, 80 by 24 where there is none."""
    for descriptor in (1, 0, 2):
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(descriptor)
            if columns and rows:
                return columns, rows
    return 80, 24


@contextlib.contextmanager
def raw() -> Iterator[None]:
    """Give every key to the program as it is pressed; the terminal is as before when the block ends, however it ends."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything, also to a stream that somebody else made non-blocking."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
