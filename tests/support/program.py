"""The program `homeport` as people run it, with nothing of this machine's environment."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 120
PROGRAM = (sys.executable, "-m", "homeport_cli")


class Result(NamedTuple):
    """How a call ended."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """Runs `homeport` with a home and a folder for what it remembers of its own, in that home."""

    def __init__(self, folder: Path, *, program: Sequence[str] = PROGRAM, **environment: str) -> None:
        self.program = [*program]
        folder.mkdir(parents=True, exist_ok=True)
        self.home = folder
        self.config = folder / "config"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "HOMEPORT_CONFIG_DIR": str(self.config),
            "TERM": "xterm",
            **environment,
        }

    def words(self, *arguments: str) -> list[str]:
        """Return the command line of one call."""
        return [*self.program, *arguments]

    def bytes(
        self, *command: str, stdin: bytes = b"", seconds: float = SECONDS, **environment: str
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run any program as this person, without a terminal."""
        return subprocess.run(
            command, check=False, input=stdin, capture_output=True, timeout=seconds,
            env={**self.environment, **environment}, cwd=self.home,
        )  # fmt: skip

    def run(self, *arguments: str, stdin: str = "", seconds: float = SECONDS, **environment: str) -> Result:
        """Run one command to its end, without a terminal."""
        done = self.bytes(*self.words(*arguments), stdin=stdin.encode(), seconds=seconds, **environment)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *arguments: str, stdin: str = "", seconds: float = SECONDS) -> Result:
        """Run one command that must succeed."""
        result = self.run(*arguments, stdin=stdin, seconds=seconds)
        assert result.status == 0, result
        return result

    def json(self, *arguments: str) -> Any:
        """Run one command that must succeed and write JSON."""
        return self.ok(*arguments, "-o", "json").json()
