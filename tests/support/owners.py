"""Servers as processes of their own: started, asked, killed."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg

# Runs a server of its own until it is killed: prints the URL and the numbers of the processes.
OWNER = """
import sys, time, pathlib
from homeport.database.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(pathlib.Path(sys.argv[1]), is_fast=True)
postgres.start()
print(postgres.url, postgres.postmaster_pid, postgres.keeper_pid, flush=True)
sys.stdin.read()
postgres.stop()
"""


def ask(url: str, sql: str) -> object:
    """Run one query on a session of its own."""

    async def work() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(work())


def start_owner(
    folder: Path, *, python: str = sys.executable, **options: Any
) -> tuple["subprocess.Popen[str]", str, int, int]:
    """Start another process that owns the folder."""
    process = subprocess.Popen(
        [python, "-c", OWNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the owner did not start"
    url, postmaster, keeper = line.split()
    return process, url, int(postmaster), int(keeper)


def python_for_everybody() -> str | None:
    """Return an interpreter of our version that every account can execute and that finds our packages, or None."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [candidate, "-c", "import asyncpg, homeport.database"]
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with contextlib.suppress(OSError):
            if not subprocess.run(command, user=65534, cwd="/", env=environment, check=False).returncode:
                return candidate
    return None


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def end(process: "subprocess.Popen[str]") -> None:
    """Kill an owner and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.communicate()
