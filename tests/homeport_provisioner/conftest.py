"""A server to talk to, and a daemon that talks to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.echo.engine import EchoEngine
from homeport_provisioner.process.folder import Record
from homeport_provisioner.process.identity import bearers, kill
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.stand_in import Job, StandIn


@pytest.fixture(autouse=True)
def leave_nothing(tmp_path: Path) -> Iterator[None]:
    """Kill what a failed test leaves: workspaces are made to outlive whoever started them."""
    yield
    end_workspaces(tmp_path)


def end_workspaces(folder: Path) -> None:
    """Kill every process of the workspaces whose records lie somewhere below a folder."""
    for path in folder.glob("**/workspaces/*/state.json"):
        cookie = msgspec.json.decode(path.read_bytes(), type=Record).cookie
        kill(bearers(cookie) if cookie else [])


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def settings(stand_in: StandIn, tmp_path: Path) -> Settings:
    return Settings(url=stand_in.url, name="tester", data_dir=tmp_path / "data", key="k" * 43)


@pytest.fixture
async def daemon(settings: Settings) -> AsyncIterator[Daemon]:
    """A daemon with the echo engine, at work."""
    settings.data_dir.mkdir()
    async with ControlPlane(settings) as plane:
        daemon = Daemon(settings, plane=plane, engines={"echo": EchoEngine(settings.data_dir)})
        work = asyncio.create_task(daemon.run())
        yield daemon
        daemon.leave()
        await asyncio.wait_for(work, 20)


async def ended(job: Job, within: float = 30.0) -> Job:
    """Wait until the job has ended."""
    assert await asyncio.to_thread(job.ended.wait, within), f"the job is still {job.state}:\n{job.text()}"
    return job


async def running(job: Job, within: float = 30.0) -> Job:
    """Wait until a daemon has taken the job and said so: before, it may still turn away with the answer in its hands."""
    assert await asyncio.to_thread(job.running.wait, within)
    async with asyncio.timeout(within):
        while not job.updates:  # noqa: ASYNC110 - another thread makes it so
            await asyncio.sleep(0.01)
    return job
