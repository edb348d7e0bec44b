"""How a container reaches the server, and whom else."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import pytest

from homeport_provisioner.container.client import Identity
from homeport_provisioner.container.host import Host, is_loopback
from homeport_provisioner.container.network import Choice, choose_network, provide_network
from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.container.workspaces import Workspace, template
from tests.homeport_provisioner.process_workspaces import until
from tests.support.podman import COMPONENTS, NOTHING

HERE, THERE = Host(url="unix:///run/docker.sock"), Host(url="https://10.0.0.5:2376", certificates=Path("/certificates"))
LOOPBACK, PUBLIC = "http://127.0.0.1:3000", "https://homeport.example.com"


def settings_with(**more: object) -> Settings:
    return Settings(url=LOOPBACK, name="tester", data_dir=Path("/data"), key="k", **more)  # type: ignore[arg-type]


@pytest.mark.requirement("CONTAINER-NETWORK-01")
@pytest.mark.parametrize(
    ("url", "is_it"),
    [
        (LOOPBACK, True),
        ("http://localhost:3000", True),
        ("http://LOCALHOST.:3000", True),
        ("http://homeport.localhost", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:3000", True),
        ("http://0.0.0.0:3000", True),
        (PUBLIC, False),
        ("http://10.0.0.5:3000", False),
        ("http://127.0.0.1.example.com", False),
        ("http://host.docker.internal:3000", False),
    ],
)
def test_addresses_that_lead_a_container_to_itself(url: str, is_it: bool) -> None:
    assert is_loopback(url) is is_it


@pytest.mark.requirement("CONTAINER-NETWORK-01")
@pytest.mark.parametrize(
    ("wanted", "settings", "host", "url", "mode"),
    [
        ("", settings_with(), HERE, LOOPBACK, "host"),
        ("", settings_with(), HERE, PUBLIC, "own"),
        ("", settings_with(), THERE, PUBLIC, "own"),
        ("", settings_with(container_network="team"), HERE, PUBLIC, "team"),
        ("", settings_with(container_network="host"), THERE, PUBLIC, "host"),
        ("", settings_with(container_url="http://host.docker.internal:3000"), HERE, LOOPBACK, "own"),
        ("services", settings_with(container_network="team"), HERE, PUBLIC, "services"),
        ("host", settings_with(), HERE, LOOPBACK, "host"),
    ],
)
def test_network_follows_from_template_operator_and_address(
    wanted: str, settings: Settings, host: Host, url: str, mode: str
) -> None:
    choice = choose_network(wanted, settings, host, url=url)
    assert choice.mode == mode
    assert choice.url == (settings.container_url or url)
    assert bool(choice.note) is (mode == "host" and not wanted and settings.container_network == "auto")


@pytest.mark.requirement("CONTAINER-NETWORK-01")
@pytest.mark.parametrize(
    ("wanted", "settings", "host"),
    [
        ("", settings_with(), THERE),
        ("host", settings_with(), THERE),
        ("services", settings_with(), HERE),
        ("", settings_with(container_network="own"), HERE),
    ],
)
def test_address_that_no_container_reaches_says_what_to_do(wanted: str, settings: Settings, host: Host) -> None:
    with pytest.raises(EngineFailure) as caught:
        choose_network(wanted, settings, host, url=LOOPBACK)
    for word in (LOOPBACK, "ACCESS_URL", "--http-address", "HOMEPORT_PROVISIONER_CONTAINER_URL", "`host`"):
        assert word in str(caught.value)


@contextmanager
def relay(address: str, port: int, target: int) -> Iterator[None]:
    """Bring connections to a private address of this machine to a port of its loopback."""

    def pump(source: socket.socket, drain: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                drain.sendall(data)
        with suppress(OSError):
            drain.shutdown(socket.SHUT_WR)

    def carry(near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", target)) as far:
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join()

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=carry, args=(near,), daemon=True).start()

    listener = socket.create_server((address, port))
    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class Engine:
    """Finds every network as the one that it has, as engines do by the beginning of its number."""

    def __init__(self, name: str, labels: dict[str, str]) -> None:
        self._network: dict[str, object] = {
            "Name": name,
            "Labels": labels,
            "IPAM": {"Config": [{"Gateway": "10.1.0.1/16"}]},
        }

    async def network(self, name: str) -> dict[str, object]:
        return self._network


@pytest.mark.requirement("CONTAINER-NETWORK-02")
@pytest.mark.parametrize(
    ("engine", "name", "words"),
    [
        (Engine("team", {}), "team", ""),
        (Engine("host", {}), "0fe1", "no network '0fe1'"),
        (Engine("other", {"homeport.workspace-id": str(uuid4())}), "other", "is the network of a workspace"),
    ],
)
async def test_templates_name_networks_by_name_and_none_of_a_workspace(engine: Engine, name: str, words: str) -> None:
    provided = provide_network(
        engine,  # type: ignore[arg-type]  # all of the client that is used
        Choice(mode=name, url=PUBLIC),
        workspace_id=uuid4(),
        labels={},
        identity=Identity(name="x", host="x", architecture="amd64", is_podman=False, log_driver="", api="1.41"),
    )
    if words:
        with pytest.raises(EngineFailure, match=words):
            await provided
    else:
        assert await provided == ("team", "10.1.0.1")


@pytest.mark.needs(*COMPONENTS)
@pytest.mark.xdist_group("podman")
class TestOwn:
    """Containers with networks of their own."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return msgspec.structs.replace(settings, container_url="http://host.docker.internal:39871")

    @pytest.mark.requirement("CONTAINER-NETWORK-02")
    async def test_server_is_reached_by_the_name_of_the_machine(self, workspace: Workspace) -> None:
        job = await workspace.build("start")
        assert job.result, job.failure
        assert workspace.podman.things()["networks"] == [workspace.name]
        hosts = workspace.run("cat /etc/hosts")
        found = re.search(r"(\S+)\s+host\.docker\.internal", hosts)
        assert found, hosts
        port = urlsplit(workspace.stand_in.url).port
        assert port
        with relay(found[1], 39871, port):
            await until(lambda: workspace.ready, what=workspace.log)
        assert workspace.run("hostname") == "dev"
        assert (await workspace.build("stop")).result
        assert workspace.podman.things() == {**NOTHING, "volumes": [f"{workspace.name}-home"]}

    @pytest.mark.requirement("CONTAINER-NETWORK-02")
    async def test_workspaces_do_not_reach_each_other_nor_the_machines_loopback(self, workspace: Workspace) -> None:
        other = Workspace(workspace.stand_in, workspace.podman, template())
        for one in (workspace, other):
            job = await one.build("start")
            assert job.result, job.failure
        other.podman.call(
            "exec",
            "-d",
            other.name,
            "python3",
            "-m",
            "http.server",
            "8123",
            "--bind",
            "0.0.0.0",
        )
        address = other.run("hostname -I").split()[0]
        reach = (
            "python3 -c 'import urllib.request as r; print(r.urlopen(\"http://%s\", timeout=3).status)' 2>&1 | tail -1"
        )
        await until(lambda: other.run(reach % "127.0.0.1:8123") == "200")
        # Some machines answer for every address: so it counts what is said, not whether a connection comes about.
        assert workspace.run(reach % f"{address}:8123") != "200"
        assert workspace.run(reach % urlsplit(workspace.stand_in.url).netloc) != "200"

    @pytest.mark.requirement("CONTAINER-NAMES-01")
    async def test_network_that_is_not_ours_is_neither_used_nor_touched(self, workspace: Workspace) -> None:
        workspace.podman.call("network", "create", workspace.name)
        assert f"{workspace.name} that is not Homeport's" in await workspace.refused()
        assert (await workspace.build("delete")).result
        assert workspace.podman.things()["networks"] == [workspace.name]
        workspace.podman.call("network", "rm", workspace.name)

    @pytest.mark.requirement("CONTAINER-NETWORK-02")
    async def test_networks_with_a_name_are_used_and_left(self, workspace: Workspace) -> None:
        workspace.files = template(container={"network": "homeport-team"})
        assert "no network 'homeport-team'" in await workspace.refused()
        workspace.podman.call("network", "create", "homeport-team")
        job = await workspace.build("start")
        assert job.result, job.failure
        assert list(workspace.inspect()["NetworkSettings"]["Networks"]) == ["homeport-team"]
        assert (await workspace.build("delete")).result
        assert workspace.podman.things() == {**NOTHING, "networks": ["homeport-team"]}
        workspace.podman.call("network", "rm", "homeport-team")


@pytest.mark.needs(*COMPONENTS)
@pytest.mark.xdist_group("podman")
@pytest.mark.requirement("CONTAINER-NETWORK-01")
async def test_first_server_on_loopback_works_and_says_how_it_is_reached(workspace: Workspace) -> None:
    job = await workspace.start()
    assert "the container shares the machine's network" in job.text()
    assert workspace.inspect()["HostConfig"]["NetworkMode"] == "host"
    powers = re.search(r"CapEff:\s*(\w+)", workspace.run("cat /proc/1/status"))
    assert powers
    assert not int(powers[1], 16) & (1 << 13 | 1 << 10), "NET_RAW and NET_BIND_SERVICE are for networks of one's own"
