"""Daemons elsewhere: by a key from a network of their own, killed, frozen and cut off in the middle of their work."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.names import unique_name
from tests.support.remote_daemon import RemoteDaemon, namespace, remote_daemon
from tests.support.server import Server, running_server
from tests.support.waiting import wait_for

PSK = "the secret of all daemons of this deployment"
FAR = {"zone": "far"}
ORGANIZATION = "/organizations/default"
SCRIPT = """
start:
  logs: [{output: starting}]
  wait_for: go
  state: made
delete:
  logs: [{output: deleting}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without daemons of its own, which gives silent ones up soon."""
    folder = tmp_path_factory.mktemp("remote")
    with running_server(folder, daemons=0, PROVISIONER_DAEMON_PSK=PSK, PROVISIONER_HANG_TIMEOUT="10s") as server:
        server.set_up()
        yield server


def make_key(server: Server, **tags: str) -> str:
    body = {"name": unique_name("key"), "tags": tags}
    made: str = server.api.call("POST", f"{ORGANIZATION}/provisionerkeys", json=body)["key"]
    return made


def job_of(server: Server, build: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = server.api.call("GET", f"/workspacebuilds/{build['id']}")["job"]
    return found


def is_running(server: Server, build: dict[str, Any]) -> bool:
    return bool(job_of(server, build)["status"] == "running")


def make_template(server: Server, tags: dict[str, str] | None = None) -> dict[str, Any]:
    files = {"echo.yaml": SCRIPT}
    version = server.api.import_version("echo", files, tags=tags or {})
    assert version["job"]["status"] == "succeeded", version["job"]
    wanted = {"name": unique_name("tpl"), "template_version_id": version["id"]}
    made: dict[str, Any] = server.api.call("POST", f"{ORGANIZATION}/templates", json=wanted)
    return made | {"worker": version["job"]["worker_name"]}


def begin(server: Server, template: dict[str, Any]) -> dict[str, Any]:
    """Make a workspace, and wait until a daemon is in the middle of its build."""
    workspace = server.api.make_workspace(template, unique_name("ws"))
    build = workspace["latest_build"]
    wait_for(lambda: is_running(server, build), seconds=30)
    wait_for(lambda: "starting" in str(server.api.call("GET", f"/workspacebuilds/{build['id']}/logs")), seconds=30)
    return workspace


def ends_as_hung(server: Server, workspace: dict[str, Any]) -> dict[str, Any]:
    ended = server.api.build_ended(workspace["latest_build"])
    assert ended["job"]["status"] == "failed"
    assert "has not reported for 10 seconds" in ended["job"]["error"]
    lines = server.api.call("GET", f"/workspacebuilds/{ended['id']}/logs")
    assert {line["stage"] for line in lines[-5:]} == {"Starting the workspace"}
    return ended


def recovers(server: Server, workspace: dict[str, Any], daemon: RemoteDaemon) -> None:
    """Start the workspace again on this daemon, and delete it."""
    daemon.allow("go")
    again = server.api.build(workspace, "start")
    assert (again["job"]["status"], again["job"]["worker_name"]) == ("succeeded", daemon.name), again["job"]
    assert server.api.build(workspace, "delete")["job"]["status"] == "succeeded"


def status_of(server: Server, daemon: RemoteDaemon) -> str:
    found = server.api.call("GET", f"{ORGANIZATION}/provisionerdaemons?offline=true&limit=500")
    return next((each["status"] for each in found if each["name"] == daemon.name), "")


def is_idle(server: Server, daemon: RemoteDaemon) -> None:
    wait_for(lambda: status_of(server, daemon) == "idle", seconds=60)


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root")
@pytest.mark.needs("ip")
@pytest.mark.requirement("QUEUE-REMOTE-01")
def test_a_daemon_in_a_network_of_its_own_takes_its_tags_alone_and_may_be_cut_off(
    server: Server, tmp_path: Path
) -> None:
    key = make_key(server, **FAR)
    with (
        namespace(server.url) as network,
        remote_daemon(tmp_path, server.url, name=unique_name("near"), psk=PSK) as near,
        remote_daemon(
            tmp_path, network.url, name=unique_name("far"), key=key, inside=network.inside
        ) as far,
    ):  # fmt: skip
        for daemon in (near, far):
            is_idle(server, daemon)
        # Each takes what is for it, whoever asks first.
        assert [make_template(server)["worker"] for _ in range(3)] == [near.name] * 3
        template = make_template(server, FAR)
        assert template["worker"] == far.name
        workspace = begin(server, template)
        assert job_of(server, workspace["latest_build"])["worker_name"] == far.name
        network.cut()
        ends_as_hung(server, workspace)
        # It gave the work up by itself before that, and says so as soon as it can be read.
        wait_for(lambda: "was lost: the server could not be reached for 6 s" in far.words(), seconds=30)
        second = server.api.call("POST", f"/workspaces/{workspace['id']}/builds", json={"transition": "start"})
        assert job_of(server, second)["wait"]["reason"] in {"next", "busy", "none_alive"}
        network.mend()
        far.allow("go")
        ended = server.api.build_ended(second)
        assert (ended["job"]["status"], ended["job"]["worker_name"]) == ("succeeded", far.name), ended["job"]
        assert server.api.build(workspace, "delete")["job"]["status"] == "succeeded"


@pytest.mark.requirement("QUEUE-REMOTE-02")
def test_a_daemon_that_is_killed_loses_its_job_and_another_goes_on(server: Server, tmp_path: Path) -> None:
    tags = {"case": "killed"}
    key = make_key(server, **tags)
    with remote_daemon(tmp_path, server.url, name=unique_name("killed"), key=key) as first:
        template = make_template(server, tags)
        workspace = begin(server, template)
        first.send(signal.SIGKILL)
        with remote_daemon(tmp_path, server.url, name=unique_name("heir"), key=key) as second:
            ends_as_hung(server, workspace)
            recovers(server, workspace, second)


@pytest.mark.requirement("QUEUE-REMOTE-02")
def test_a_daemon_that_was_frozen_finds_its_job_gone_and_works_on(server: Server, tmp_path: Path) -> None:
    tags = {"case": "frozen"}
    key = make_key(server, **tags)
    with remote_daemon(tmp_path, server.url, name=unique_name("frozen"), key=key) as first:
        template = make_template(server, tags)
        workspace = begin(server, template)
        first.send(signal.SIGSTOP)
        ended = ends_as_hung(server, workspace)
        with remote_daemon(tmp_path, server.url, name=unique_name("heir"), key=key) as second:
            second.allow("go")
            again = server.api.build(workspace, "start")
            assert (again["job"]["status"], again["job"]["worker_name"]) == ("succeeded", second.name)
        # Thawed, it would report the old job done: nothing of that counts.
        first.allow("go")
        first.send(signal.SIGCONT)
        wait_for(lambda: f"Job {ended['job']['id']} ends" in first.words(), seconds=30)
        job = job_of(server, ended)
        assert (job["status"], job["error"]) == (ended["job"]["status"], ended["job"]["error"])
        assert server.api.call("GET", f"/workspaces/{workspace['id']}")["latest_build"]["status"] == "running"
        recovers(server, workspace, first)


@pytest.mark.requirement("QUEUE-TOKEN-03")
def test_a_daemon_whose_key_is_deleted_stops_working(server: Server, tmp_path: Path) -> None:
    tags = {"case": "revoked"}
    name = unique_name("key")
    body = {"name": name, "tags": tags}
    key = server.api.call("POST", f"{ORGANIZATION}/provisionerkeys", json=body)["key"]
    with remote_daemon(tmp_path, server.url, name=unique_name("busy"), key=key) as busy:
        workspace = begin(server, make_template(server, tags))
        server.api.call("DELETE", f"{ORGANIZATION}/provisionerkeys/{name}")
        ended = server.api.build_ended(workspace["latest_build"])
        assert "key of its provisioner daemon was deleted" in ended["job"]["error"]
        wait_for(lambda: "was lost" in busy.words(), seconds=30)
        wait_for(lambda: "No job could be asked for" in busy.words(), seconds=30)
    with remote_daemon(tmp_path, server.url, name=unique_name("heir"), key=make_key(server, **tags)) as heir:
        recovers(server, workspace, heir)


@pytest.mark.requirement("QUEUE-REMOTE-03")
def test_a_job_handed_to_a_daemon_that_died_or_froze_while_it_waited_goes_to_another(
    server: Server, tmp_path: Path
) -> None:
    tags = {"case": "waiting"}
    key = make_key(server, **tags)
    with remote_daemon(tmp_path, server.url, name=unique_name("dead"), key=key) as dead:
        template = make_template(server, tags)
        is_idle(server, dead)
    with remote_daemon(tmp_path, server.url, name=unique_name("frozen"), key=key) as frozen:
        is_idle(server, frozen)
        frozen.send(signal.SIGSTOP)
        workspace = server.api.make_workspace(template, unique_name("ws"))
        build = workspace["latest_build"]
        wait_for(lambda: is_running(server, build), seconds=30)
        assert job_of(server, build)["worker_name"] == frozen.name
        with remote_daemon(tmp_path, server.url, name=unique_name("heir"), key=key) as heir:
            heir.allow("go")
            ended = server.api.build_ended(build)
            assert (ended["job"]["status"], ended["job"]["worker_name"]) == ("succeeded", heir.name), ended["job"]
            # Thawed, it finds an answer that is not worth anything any more.
            frozen.send(signal.SIGCONT)
            wait_for(lambda: "was lost" in frozen.words(), seconds=30)
            assert job_of(server, build) == ended["job"]
            assert server.api.build(workspace, "delete")["job"]["status"] == "succeeded"
