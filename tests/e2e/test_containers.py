"""The main job with containers, on a server as it starts for the first time: on loopback, without any setting of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.podman import COMPONENTS, IMAGE, NOTHING, Podman
from tests.support.program import Cli
from tests.support.server import Server, running_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.needs(*COMPONENTS)


@pytest.fixture(scope="module")
def container_server(tmp_path_factory: pytest.TempPathFactory, podman_service: Podman) -> Iterator[Server]:
    """A server whose daemons find an engine as Docker's own programs do."""
    environment = {"DOCKER_HOST": podman_service.url}
    with running_server(tmp_path_factory.mktemp("containers"), daemons=2, environment=environment) as server:
        server.set_up()
        yield server
    podman_service.clear()


@pytest.mark.requirement("CONTAINER-E2E-01")
def test_push_create_work_stop_start_delete(container_server: Server, podman_service: Podman, tmp_path: Path) -> None:
    cli = Cli(tmp_path / "person")
    cli.ok("login", container_server.url, "--token", container_server.token)
    template = tmp_path / "template"
    cli.ok("templates", "init", "--id", "container", str(template))
    cli.ok("templates", "push", "boxes", "-d", str(template), "-y", "--variable", f"base_image={IMAGE}")
    cli.ok("create", "dev", "--template", "boxes", "-y")
    assert cli.ok("ssh", "dev", "--", "id -un; echo kept > ~/kept; pwd").out.split() == ["dev", "/home/dev"]
    [name] = podman_service.things()["containers"]
    made = podman_service.inspect(name)
    assert made
    assert made["Config"]["Labels"]["homeport.workspace"] == "dev"
    cli.ok("stop", "dev", "-y")
    assert podman_service.things()["containers"] == []
    cli.ok("start", "dev", "-y")
    assert cli.ok("ssh", "dev", "--", "cat ~/kept").out.strip() == "kept"
    cli.ok("delete", "dev", "-y")
    assert podman_service.things() == NOTHING


@pytest.mark.requirement("CONTAINER-E2E-02")
def test_containers_go_on_while_their_server_is_away(container_server: Server, podman_service: Podman) -> None:
    api = container_server.api
    files: dict[str, str | bytes] = {
        "homeport.yaml": json.dumps({"container": {"image": IMAGE, "pull": "never"}, "agents": [{"name": "main"}]})
    }
    template = api.make_template("plain", "container", files)
    workspace = api.make_workspace(template, "plain")
    assert api.build_ended(workspace["latest_build"])["job"]["status"] == "succeeded"
    api.wait_for_agent(workspace, status="connected", lifecycle_state="ready")
    [before] = podman_service.things()["containers"]
    container_server.end()
    container_server.start()
    api.wait_for_agent(workspace, status="connected")
    assert podman_service.things()["containers"] == [before]
    assert api.build(workspace, "delete")["job"]["status"] == "succeeded"
    wait_for(lambda: podman_service.things() == NOTHING, seconds=20)
