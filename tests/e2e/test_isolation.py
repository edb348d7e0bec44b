"""What a workspace can do to the machine it runs on, and who may have one where nothing keeps it apart."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.api import Api
from tests.support.server import Server, running_server, workspace_processes
from tests.support.waiting import wait_for

LOOK_AROUND = Path(__file__).with_name("look_around.py").read_text()
MEMBER = {"email": "bob@example.com", "username": "bob", "password": "a-Long-Passphrase-4711"}


def template(start: str, **env: str) -> dict[str, str | bytes]:
    scripts = [{"display_name": "Start", "script": start, "run_on_start": True, "start_blocks_login": True}]
    return {"homeport.yaml": yaml.safe_dump({"agents": [{"name": "main", "env": env, "scripts": scripts}]})}


def make_member(server: Server) -> Api:
    """Make an account without any role, and a client that is signed in as it."""
    organization = server.api.call("GET", "/organizations/default")["id"]
    server.api.call("POST", "/users", json={**MEMBER, "organization_ids": [organization], "user_status": "active"})
    member = Api(server.url)
    member.sign_in(MEMBER["email"], MEMBER["password"])
    return member


def started(api: Api, template: Any, name: str) -> Any:
    """Make a workspace and wait until its start script is through."""
    workspace = api.make_workspace(template, name)
    build = api.build_ended(workspace["latest_build"])
    assert build["job"]["status"] == "succeeded", build["job"]
    api.wait_for_agent(workspace, status="connected", lifecycle_state="ready")
    return workspace


def isolation_of(build: Any) -> str:
    [fact] = [fact for fact in build["resources"][0]["metadata"] if fact["key"] == "isolation"]
    return str(fact["value"])


def environment_of(pid: int) -> dict[str, str]:
    words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


def daemons_of(server: Server) -> list[int]:
    """List the server's built-in daemons."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]
            is_daemon = b"homeport_provisioner" in Path(f"/proc/{name}/cmdline").read_bytes()
        except OSError:
            continue
        if is_daemon and int(parent) == server.pid:
            found.append(int(name))
    return found


def hashes_below(folder: Path, without: Path) -> dict[str, Path]:
    """Map the hash of what lies in every file that holds something to the file."""
    found = {}
    for path in folder.rglob("*"):
        if without not in path.parents and path.is_file():
            # A database comes and goes with its files.
            with suppress(FileNotFoundError):
                data = path.read_bytes()
                if len(data) > 16:
                    found[hashlib.sha256(data).hexdigest()] = path
    return found


def check_powers(report: Any) -> None:
    """No power, and nothing to write to but what is its own."""
    assert report["powers"] == {}
    status = report["status"]
    assert [status[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [""] * 5
    assert status["NoNewPrivs"] == "1"
    own = ("/home/ada", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/dev/pts")
    assert [folder for folder in report["writable"] if not folder.startswith(own)] == []


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("E2E-ISOLATION-01")
def test_what_can_be_seen_and_done_from_inside(own_server: Server) -> None:
    server, api = own_server, own_server.api
    diary = "the private diary of somebody else"
    other = started(api, api.make_template("other", "process", template(f"printf '{diary}' > ~/diary")), "other")
    script = f"\"$HOMEPORT_PYTHON\" - <<'END'\n{LOOK_AROUND}\nEND\n"
    intruder = api.make_template(
        "intruder", "process", template(script, SERVER_PID=str(server.pid), SERVER_DATA=str(server.data_dir))
    )
    workspace = started(api, intruder, "intruder")
    home = server.home(workspace["id"])
    report = json.loads((home / "report.json").read_text())

    # No file of the server, of its database, or of another workspace: neither by its path nor by what it holds.
    assert [path for path in report["files"] if path.startswith(str(server.data_dir))] == []
    assert str(server.data_dir) not in report["folders"]
    hashes = hashes_below(server.data_dir, home)
    assert hashes[hashlib.sha256(diary.encode()).hexdigest()].name == "diary"
    assert server.data_dir / "encryption.key" in hashes.values()
    # PostgreSQL's own samples, which lie among the programs, are what some of its files begin as.
    found = {path: hash for path, hash in report["files"].items() if "/site-packages/" not in path}
    assert len(found) > 100
    seen = {path: str(hashes[hash]) for path, hash in found.items() if hash in hashes}
    # Its own list of accounts is the one thing below the data folder that is meant for it.
    assert set(seen) <= {"/etc/passwd", "/etc/group"}, seen

    # No process of anybody else, and in no environment a secret of the daemon.
    commands = [process.get("cmdline", "") for process in report["processes"]]
    assert not [command for command in commands if "postgres" in command or "homeport_cli" in command], commands
    assert len(commands) < 15
    environments = "\n".join(process.get("environ", "") for process in report["processes"])
    daemons = daemons_of(server)
    assert len(daemons) == 2
    for pid in daemons:
        assert environment_of(pid)["HOMEPORT_PROVISIONER_KEY"] not in environments
    assert "HOMEPORT_PROVISIONER" not in environments
    record = server.record(other["id"])
    assert record.cookie not in environments

    # Neither the database's socket nor any other that has a path.
    assert [path for path in report["sockets"] if not path.startswith("@")] == []

    check_powers(report)
    if os.geteuid() == 0:
        users = {Path(f"/proc/{process.pid}").stat().st_uid for process in workspace_processes(record.cookie)}
        assert report["uid"] > 65_536
        assert report["uid"] not in users

    # Nothing is left of it, in whatever way it was left running.
    cookie = server.record(workspace["id"]).cookie
    assert api.build(workspace, "delete")["job"]["status"] == "succeeded"
    assert workspace_processes(cookie) == []
    assert not home.parent.exists()
    if os.geteuid() == 0:
        assert [path for path in server.data_dir.rglob("*") if path.lstat().st_uid == report["uid"]] == []
    assert api.build(other, "delete")["job"]["status"] == "succeeded"


@pytest.fixture
def plain_server(tmp_path: Path) -> Iterator[Server]:
    """A server whose daemons isolate nothing."""
    with running_server(tmp_path, daemons=2, PROVISIONER_ISOLATION="none") as server:
        server.set_up()
        yield server


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("E2E-ISOLATION-02")
def test_without_isolation_workspaces_are_for_owners_until_there_is_isolation(plain_server: Server) -> None:
    server, owner = plain_server, plain_server.api
    shell = owner.make_template("shell", "process", template("touch ~/ready"))
    member = make_member(server)
    wanted = {"name": "dev", "template_id": shell["id"]}

    refused = member.client.post("/api/v2/users/me/workspaces", json=wanted)
    assert refused.status_code == 403
    assert "Install bubblewrap" in refused.json()["message"]
    for_member = owner.client.post("/api/v2/users/bob/workspaces", json=wanted)
    assert for_member.status_code == 403
    assert owner.call("GET", "/workspaces")["count"] == 0

    mine = started(owner, shell, "mine")
    assert isolation_of(owner.call("GET", f"/workspaces/{mine['id']}")["latest_build"]) == "none"
    [user] = {Path(f"/proc/{each.pid}").stat().st_uid for each in workspace_processes(server.record(mine["id"]).cookie)}
    assert user == os.geteuid()

    # It is said, to everybody in their words, and to monitoring.
    assert "You may start them because you own" in page(server, owner, "/templates/shell/workspace")
    assert "You cannot start workspaces of this template" in page(server, member, "/templates/shell")
    assert "not isolated on the provisioners builtin-0, builtin-1" in page(server, owner, "/workspaces")
    assert "This workspace is not isolated" in page(server, owner, "/@ada/mine")
    health = owner.call("GET", "/debug/health")["provisioner_daemons"]
    assert health["severity"] == "warning"
    assert {warning["code"] for warning in health["warnings"]} == {"HPD01"}

    # With isolation everybody may; what runs goes on as it is until it is started again.
    before = {process.pid for process in workspace_processes(server.record(mine["id"]).cookie)}
    server.end()
    server.settings["PROVISIONER_ISOLATION"] = "auto"
    server.start()
    wait_for(lambda: isolations(owner) == {"bubblewrap"}, seconds=30)
    dev = started(member, shell, "dev")
    assert isolation_of(member.call("GET", f"/workspaces/{dev['id']}")["latest_build"]) == "bubblewrap"
    assert before == {process.pid for process in workspace_processes(server.record(mine["id"]).cookie)}
    assert owner.build(mine, "start")["job"]["status"] == "succeeded"
    assert isolation_of(owner.call("GET", f"/workspaces/{mine['id']}")["latest_build"]) == "bubblewrap"

    # And when it is lost again, a member's workspace may be stopped and deleted, but not started.
    server.end()
    server.settings["PROVISIONER_ISOLATION"] = "none"
    server.start()
    wait_for(lambda: isolations(owner) == {"none"}, seconds=30)
    assert member.build(dev, "stop")["job"]["status"] == "succeeded"
    again = member.client.post(f"/api/v2/workspaces/{dev['id']}/builds", json={"transition": "start"})
    assert again.status_code == 403
    assert member.build(dev, "delete")["job"]["status"] == "succeeded"


def isolations(api: Api) -> set[str]:
    """Return what the daemons say of themselves."""
    return {daemon["isolation"] for daemon in api.call("GET", "/organizations/default/provisionerdaemons")}


def page(server: Server, person: Api, path: str) -> str:
    """Open a page of the dashboard as a browser that is signed in."""
    cookies = {"coder_session_token": str(person.client.headers["Coder-Session-Token"])}
    answer = httpx.get(f"{server.url}{path}", cookies=cookies, trust_env=False)
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())
