"""What a person sees while a job runs: its stages with their time; on a terminal the line counts, elsewhere lines stay plain."""

import os
import sys
from typing import TextIO

from homeport_cli.output import printable
from homeport_sdk import clock

_LOUD = frozenset({"warn", "error"})


class Progress:
    """Writes stages and log lines to standard error. `is_verbose` shows every line, else only warnings and errors."""

    def __init__(self, *, is_verbose: bool = False, out: TextIO | None = None, is_live: bool | None = None) -> None:
        self._out = sys.stderr if out is None else out
        self._is_verbose = is_verbose
        self._is_live = self._out.isatty() if is_live is None else is_live
        self._has_color = self._is_live and not os.environ.get("NO_COLOR")
        self._stage = ""
        self._begun = 0.0
        self._width = 0

    def show_stage(self, name: str) -> None:
        """Begin a stage; the one before is done."""
        if not name or name == self._stage:
            return
        self.finish()
        self._stage, self._begun = printable(name), clock.monotonic()
        if not self._is_live:
            self._write(f"==> {self._stage}")
        self.tick()

    def show_line(self, text: str, *, level: str = "info") -> bool:
        """Show a line of the log, or return False: it is left out."""
        if not self._is_verbose and level not in _LOUD:
            return False
        self._clear()
        mark = f"{level}: " if level in _LOUD else ""
        self._write(f"    {mark}{printable(text)}")
        self.tick()
        return True

    def show_note(self, text: str) -> None:
        """Show a sentence of our own."""
        self._clear()
        self._write(text)
        self.tick()

    def tick(self) -> None:
        """Draw the running stage anew with its time."""
        if not self._is_live or not self._stage:
            return
        line = f"... {self._stage} {clock.monotonic() - self._begun:.0f}s"
        self._out.write("\r" + line.ljust(self._width))
        self._out.flush()
        self._width = len(line)

    def finish(self, *, is_failed: bool = False) -> None:
        """End the running stage."""
        if not self._stage:
            return
        took = clock.monotonic() - self._begun
        if self._is_live:
            self._clear()
            mark = self._paint("failed", "31") if is_failed else self._paint("done", "32")
            self._write(f"{mark} {self._stage} [{took:.1f}s]")
        elif is_failed:
            self._write(f"==> {self._stage} failed [{took:.1f}s]")
        self._stage = ""

    def _paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._has_color else text

    def _clear(self) -> None:
        if self._is_live and self._width:
            self._out.write("\r" + " " * self._width + "\r")
            self._width = 0

    def _write(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()
