"""Daemons, engines and agents against the real server, which is killed on the way."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport_provisioner.process.identity import is_alive
from tests.support.server import Server, running_server
from tests.support.waiting import wait_for

SHELL = Path(__file__).parents[2] / "examples" / "templates" / "shell"
pytestmark = [pytest.mark.xdist_group("real-server"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("real"), daemons=2) as server:
        server.set_up()
        yield server


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("ENGINE-PROCESS-10")
def test_workspace_survives_the_death_of_its_server(server: Server) -> None:
    files: dict[str, str | bytes] = {path.name: path.read_bytes() for path in SHELL.iterdir()}
    template = server.api.make_template("shell", "process", files)
    workspace = server.api.make_workspace(template, "dev")
    assert server.api.build_ended(workspace["latest_build"])["job"]["status"] == "succeeded"
    server.api.wait_for_agent(workspace, status="connected", lifecycle_state="ready")
    home = server.home(workspace["id"])
    (home / "kept").write_text("here")

    server.end(signal.SIGKILL)
    server.start()
    server.api.wait_for_agent(workspace, status="connected")

    assert server.api.build(workspace, "stop")["job"]["status"] == "succeeded"
    assert server.api.build(workspace, "start")["job"]["status"] == "succeeded"
    server.api.wait_for_agent(workspace, status="connected", lifecycle_state="ready")
    assert (home / "kept").read_text() == "here"
    record = server.record(workspace["id"])
    assert is_alive(record.process)
    assert server.api.build(workspace, "delete")["job"]["status"] == "succeeded"
    assert not is_alive(record.process)
    assert not home.parent.exists()


@pytest.mark.requirement("ENGINE-KILLED-01")
def test_server_killed_in_the_middle_of_a_build(server: Server) -> None:
    template = server.api.make_template("slow", "echo", {"echo.yaml": "start: {wait_for: never}\n"})
    workspace = server.api.make_workspace(template, "slow")
    path = f"/workspacebuilds/{workspace['latest_build']['id']}"
    wait_for(lambda: server.api.call("GET", path)["job"]["status"] == "running", seconds=30)
    server.end(signal.SIGKILL)
    server.start()
    build = server.api.build_ended(workspace["latest_build"])
    assert build["job"]["status"] == "failed"
    assert server.api.build(workspace, "delete")["job"]["status"] == "succeeded"
    wait_for(lambda: not list((server.data_dir / "provisioner" / "jobs").iterdir()), seconds=20)


@pytest.mark.requirement("ENGINE-CANCEL-01")
def test_running_build_is_canceled(server: Server) -> None:
    template = server.api.make_template("endless", "echo", {"echo.yaml": "start: {hang: until_canceled}\n"})
    workspace = server.api.make_workspace(template, "endless")
    path = f"/workspacebuilds/{workspace['latest_build']['id']}"
    wait_for(lambda: server.api.call("GET", path)["job"]["status"] == "running", seconds=30)
    server.api.call("PATCH", f"{path}/cancel")
    assert server.api.build_ended(workspace["latest_build"])["job"]["status"] == "canceled"
    assert server.api.build(workspace, "delete")["job"]["status"] == "succeeded"


@pytest.mark.requirement("ENGINE-TEMPLATE-01")
def test_mistakes_reach_the_person_with_their_line(server: Server) -> None:
    version = server.api.import_version("process", {"homeport.yaml": "agents:\n  - name: main\n    colour: red\n"})
    assert version["job"]["status"] == "failed"
    assert "homeport.yaml:3: agents[0].colour: is not known here" in version["job"]["error"]
