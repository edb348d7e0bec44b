"""Built-in provisioner daemons.

Child processes that speak the same protocol as remote ones, with a short-lived key of their own.

A template's code never runs inside the server, and a daemon holds no database credentials: its environment is made
from nothing.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from homeport.kit import clock
from homeport.telemetry import metrics
from homeport.telemetry.logs import get_logger

_logger = get_logger(__name__)
_RESTARTS = metrics.counter(
    "builtin_daemon_restarts", "How often a built-in provisioner daemon ended by itself and was started again."
)
# Inherited so that engines find their tools, certificates and proxies; nothing else of the server's environment is.
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
)
# What the Terraform engine is told goes on to it, and so does what whoever runs this server lists for its templates.
_TERRAFORM = "HOMEPORT_PROVISIONER_TERRAFORM"
# Where the container engine is, by its own conventions and by ours, and what templates may have of this machine.
_CONTAINER = (
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "XDG_RUNTIME_DIR",
    "HOMEPORT_PROVISIONER_CONTAINER_HOST",
    "HOMEPORT_PROVISIONER_CONTAINER_ALLOW",
    "HOMEPORT_PROVISIONER_CONTAINER_DEVICES",
    "HOMEPORT_PROVISIONER_CONTAINER_NETWORK",
    "HOMEPORT_PROVISIONER_CONTAINER_URL",
)
_DRAIN_SECONDS = 5.0
_MAX_PAUSE = 30.0


class BuiltinDaemons:
    """Keeps a number of daemon processes alive until it is stopped."""

    def __init__(
        self,
        *,
        count: int,
        url: str,
        key: str,
        organization: str,
        data_dir: Path,
        isolation: str,
        on_end: Callable[[str], Awaitable[object]],
        hidden: Sequence[str] = (),
    ) -> None:
        """`isolation` is the setting PROVISIONER_ISOLATION; `hidden` are paths that isolated workspaces must not see.

        `on_end` is called with the name of a daemon that has ended by itself, before it is started again.
        """
        self._on_end = on_end
        self._count = count
        self._environment = {
            "HOMEPORT_URL": url,
            "HOMEPORT_PROVISIONER_KEY": key,
            "HOMEPORT_PROVISIONER_DATA_DIR": str(data_dir),
            "HOMEPORT_PROVISIONER_ISOLATION": isolation,
            "HOMEPORT_PROVISIONER_HIDE": ",".join(hidden),
            "HOMEPORT_ORGANIZATION": organization,
            "PYTHONUNBUFFERED": "1",
        } | {name: value for name, value in os.environ.items() if _is_inherited(name)}
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: dict[int, Process] = {}
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Start all daemons; each is started again, with growing pauses, when it ends."""
        self._tasks = [
            asyncio.create_task(self._keep(number), name=f"builtin-daemon-{number}") for number in range(self._count)
        ]

    async def stop(self) -> None:
        """Ask every daemon to finish, wait a little, then end those that did not."""
        self._stopping.set()
        for process in self._processes.values():
            _signal(process, signal.SIGTERM)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DRAIN_SECONDS)
        for process in self._processes.values():
            _signal(process, signal.SIGKILL)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, number: int) -> None:
        pause = 0.5
        while True:
            begun = clock.monotonic()
            code = await self._run(number)
            if self._stopping.is_set():
                return
            _RESTARTS.inc()
            _logger.warning("a built-in provisioner daemon ended", number=number, code=code, restart_seconds=pause)
            await self._on_end(_name(number))
            await clock.sleep(pause)
            pause = 0.5 if clock.monotonic() - begun > 60 else min(pause * 2, _MAX_PAUSE)

    async def _run(self, number: int) -> int:
        # The daemon reads its standard input: when this process dies, however it dies, the pipe closes and
        # the daemon ends.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # Whatever lies in the folder that the server was started in is no part of it.
            "-P",
            "-m",
            "homeport_provisioner",
            env={**self._environment, "HOMEPORT_PROVISIONER_NAME": _name(number)},
            stdin=PIPE,
            start_new_session=True,
        )
        self._processes[number] = process
        try:
            return await process.wait()
        finally:
            self._processes.pop(number, None)


def _name(number: int) -> str:
    return f"builtin-{number}"


def _is_inherited(name: str) -> bool:
    listed = os.environ.get(f"{_TERRAFORM}_ENVIRONMENT", "").split(",")
    return (
        name in _INHERITED
        or name in _CONTAINER
        or name == _TERRAFORM
        or name.startswith(f"{_TERRAFORM}_")
        or any(
            fnmatchcase(name, pattern.strip()) and not name.startswith(("HOMEPORT_", "CODER_")) for pattern in listed
        )
    )


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
