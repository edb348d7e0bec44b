"""The server, and the database under it, killed at the worst moment."""

import os
import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import EXAMPLES
from tests.support.api import PASSWORD
from tests.support.server import Server, workspace_processes
from tests.support.waiting import wait_for

ENDED = {"succeeded", "failed", "canceled"}


def shell() -> dict[str, str | bytes]:
    return {path.name: path.read_bytes() for path in (EXAMPLES / "shell").iterdir()}


def wait_until_taken(server: Server, build_id: str) -> None:
    """Wait until a daemon works on a build."""
    wait_for(lambda: server.api.call("GET", f"/workspacebuilds/{build_id}")["job"]["status"] != "pending", seconds=30)


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("E2E-KILLED-01")
def test_a_server_killed_during_a_build(own_server: Server) -> None:
    api = own_server.api
    template = api.make_template("shell", "process", shell())
    running = api.make_workspace(template, "running")
    api.build_ended(running["latest_build"])
    api.wait_for_agent(running, status="connected", lifecycle_state="ready")
    before = {process.pid for process in workspace_processes(own_server.record(running["id"]).cookie)}

    # Killed at different moments of a build: while it waits, while it is taken, while it works.
    for number, moment in enumerate(("pending", "running", "running")):
        built = api.make_workspace(template, f"built-{number}")
        if moment == "running":
            wait_until_taken(own_server, built["latest_build"]["id"])
        own_server.end(signal.SIGKILL)
        own_server.start()
        build = api.build_ended(built["latest_build"])
        assert build["job"]["status"] in ENDED
        assert build["job"]["status"] == "succeeded" or build["job"]["error"]
        assert api.build(built, "delete")["job"]["status"] == "succeeded"
        assert not own_server.home(built["id"]).parent.exists()
        assert workspace_processes(own_server.record(built["id"]).cookie) == []

    api.wait_for_agent(running, status="connected", lifecycle_state="ready")
    assert before <= {process.pid for process in workspace_processes(own_server.record(running["id"]).cookie)}
    assert api.build(running, "delete")["job"]["status"] == "succeeded"


class Writer:
    """Makes users one after the other, and remembers those whose making was answered."""

    def __init__(self, server: Server) -> None:
        self.made: list[str] = []
        self._server, self._is_over = server, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        headers = {"Coder-Session-Token": self._server.token}
        with httpx.Client(base_url=self._server.url, headers=headers, timeout=30, trust_env=False) as client:
            number = 0
            while not self._is_over.is_set():
                number += 1
                name = f"user{number}"
                wanted = {"username": name, "email": f"{name}@example.com", "login_type": "none"}
                try:
                    if client.post("/api/v2/users", json=wanted).status_code == 201:
                        self.made.append(name)
                except httpx.HTTPError:
                    continue

    def wait_for(self, count: int) -> None:
        wait_for(lambda: len(self.made) >= count, seconds=60)

    def end(self) -> None:
        self._is_over.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.mark.expected_errors(".*")
@pytest.mark.requirement("E2E-KILLED-02")
def test_a_killed_postmaster_loses_no_committed_row(own_server: Server) -> None:
    writer = Writer(own_server)
    for wanted in (20, 60):
        writer.wait_for(wanted)
        killed = own_server.postmaster()
        os.kill(killed, signal.SIGKILL)
        # The same server goes on by itself, on a PostgreSQL that has recovered.
        writer.wait_for(len(writer.made) + 10)
        assert own_server.postmaster() != killed
    writer.end()
    page = own_server.api.call("GET", "/users?limit=0")
    missing = set(writer.made) - {user["username"] for user in page["users"]}
    assert not missing
    assert page["count"] >= len(writer.made) + 1
    own_server.end(signal.SIGKILL)
    own_server.start()
    again = own_server.api.call("GET", "/users?limit=0")
    assert not set(writer.made) - {user["username"] for user in again["users"]}
    assert own_server.api.sign_in("ada@example.com", PASSWORD)


@pytest.mark.requirement("E2E-KILLED-03")
def test_a_second_server_on_the_folder_is_refused(own_server: Server, tmp_path: Path) -> None:
    second = Server(tmp_path / "second")
    (tmp_path / "second").mkdir()
    second.settings["DATA_DIR"] = own_server.settings["DATA_DIR"]
    with pytest.raises(AssertionError, match="Another Homeport server uses the data folder"):
        second.start()
    assert own_server.api.call("GET", "/users/me")["username"] == "ada"
