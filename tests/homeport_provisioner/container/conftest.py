"""A daemon with the container engine, and a real Podman for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from homeport_provisioner.container.engine import ContainerEngine
from homeport_provisioner.container.host import find_host
from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.container.workspaces import AGENT, Workspace, template
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.podman import Podman


@pytest.fixture
def engine_host(podman_service: Podman) -> Iterator[Podman]:
    """Podman, with nothing of Homeport's in it before and after."""
    podman_service.clear()
    yield podman_service
    podman_service.clear()


@pytest.fixture
def settings(stand_in: StandIn, tmp_path: Path, engine_host: Podman) -> Settings:
    stand_in.init_script = AGENT
    return Settings(
        url=stand_in.url, name="tester", data_dir=tmp_path / "data", key="k" * 43, container_host=engine_host.url
    )


@pytest.fixture
async def daemon(settings: Settings) -> AsyncIterator[Daemon]:
    """A daemon with the container engine, at work."""
    settings.data_dir.mkdir(mode=0o700)
    async with ControlPlane(settings) as plane:
        daemon = Daemon(
            settings, plane=plane, engines={"container": ContainerEngine(settings, host=find_host(settings))}
        )
        work = asyncio.create_task(daemon.run())
        yield daemon
        daemon.leave()
        await asyncio.wait_for(work, 30)


@pytest.fixture
def workspace(stand_in: StandIn, settings: Settings, daemon: Daemon, engine_host: Podman) -> Workspace:
    return Workspace(stand_in, engine_host, template())
