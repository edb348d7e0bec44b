"""A daemon with the process engine: with bubblewrap, and with isolation switched off."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.process.engine import ProcessEngine
from homeport_provisioner.process.isolation import find_isolator
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.process_workspaces import Workspace, template
from tests.homeport_provisioner.stand_in import StandIn


@pytest.fixture(params=[pytest.param("bubblewrap", marks=pytest.mark.needs("bubblewrap")), "none"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(stand_in: StandIn, tmp_path: Path, isolation: str) -> Settings:
    return Settings(url=stand_in.url, name="tester", data_dir=tmp_path / "data", key="k" * 43, isolation=isolation)  # type: ignore[arg-type]


@pytest.fixture
async def daemon(settings: Settings) -> AsyncIterator[Daemon]:
    """A daemon with the process engine, at work."""
    settings.data_dir.mkdir(mode=0o700)
    isolator = await find_isolator(settings)
    async with ControlPlane(settings) as plane:
        daemon = Daemon(settings, plane=plane, engines={"process": ProcessEngine(settings, isolator=isolator)})
        work = asyncio.create_task(daemon.run())
        yield daemon
        daemon.leave()
        await asyncio.wait_for(work, 30)


@pytest.fixture
def workspace(stand_in: StandIn, settings: Settings, daemon: Daemon) -> Workspace:
    return Workspace(stand_in, settings, template())
