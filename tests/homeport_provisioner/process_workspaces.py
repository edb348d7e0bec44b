"""Workspaces for tests of the process engine: build them, look into their homes, see their processes."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import yaml

from homeport_provisioner.process.folder import Record, WorkspaceFolder
from homeport_provisioner.process.identity import bearers
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.conftest import ended
from tests.homeport_provisioner.stand_in import Job, StandIn


def template(start: str = "touch ready", *, stop: str = "", **more: object) -> dict[str, str | bytes]:
    """Return a template whose agent runs these scripts."""
    scripts: list[dict[str, object]] = [{"display_name": "Start", "script": start, "run_on_start": True}]
    if stop:
        scripts.append({"display_name": "Stop", "script": stop, "run_on_stop": True})
    agent = {"name": "main", "scripts": scripts, **more.pop("agent", {})}  # type: ignore[dict-item]
    return {"homeport.yaml": yaml.safe_dump({"agents": [agent], **more})}


async def until(condition: Callable[[], object], within: float = 20.0, what: Callable[[], object] = lambda: "") -> None:
    """Wait until something is so."""
    try:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - other threads and processes make it so
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise AssertionError(f"it did not become so: {what()}") from error


@dataclass
class Workspace:
    """One workspace of a stand-in server."""

    stand_in: StandIn
    settings: Settings
    files: dict[str, str | bytes]

    def __post_init__(self) -> None:
        self.id = uuid4()
        self.folder = WorkspaceFolder(self.settings.data_dir, self.id)
        self.state = b""

    async def build(self, transition: str, **more: object) -> Job:
        """Build to the end; the job may have failed."""
        job = self.stand_in.submit_build(
            "process",
            self.files,
            transition,
            workspace_id=str(self.id),
            state=self.state,
            **more,  # type: ignore[arg-type]
        )
        await ended(job, 60)
        if job.result:
            self.state = job.build_state
        return job

    async def start(self, **more: object) -> Job:
        """Start, and wait until the start script is through (it makes a file `ready`)."""
        (self.folder.home / "ready").unlink(missing_ok=True)
        job = await self.build("start", **more)
        assert job.result, job.failure
        await until((self.folder.home / "ready").exists, what=self.log)
        return job

    def log(self) -> str:
        """Return what the agents wrote."""
        return self.folder.log.read_text() if self.folder.log.exists() else "nothing"

    def read(self, name: str) -> str:
        """Return a file of the home."""
        return (self.folder.home / name).read_text()

    @property
    def record(self) -> Record:
        return self.folder.read()

    def processes(self) -> list[int]:
        """List every process that was started with the present cookie."""
        return [found.pid for found in bearers(self.record.cookie)] if self.record.cookie else []


def outside(pid: int, name: str) -> str:
    """Return a field of /proc/PID/status, as the machine sees it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(name + ":"))


def tagged(tag: str) -> list[int]:
    """List the processes whose command line holds a word."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if (
                    tag.encode() in Path(f"/proc/{name}/cmdline").read_bytes()
                    and outside(int(name), "State")[0] not in "ZX"
                ):
                    found.append(int(name))
            except OSError:
                continue
    return found
