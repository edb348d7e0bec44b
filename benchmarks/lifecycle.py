"""Starting a server cold and warm, and the time from `POST …/workspaces` to an agent that is ready."""

import io
import shutil
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.running import RunningServer

_TEMPLATE = Path(__file__).parent.parent / "examples" / "templates" / "shell"
_WORKSPACES = 5


def run() -> list[Figure]:
    """Return seconds of each and the server's memory with the workspaces running."""
    folder = Path(tempfile.mkdtemp(prefix="homeport-bench-"))
    server = RunningServer(folder / "data", daemons=2)
    try:
        cold = server.start()
        server.sign_in()
        server.stop()
        warm = []
        for _ in range(3):
            warm.append(server.start())
            server.stop()
        server.start()
        template = push_template(server, _TEMPLATE, "process")
        ready = [create_until_ready(server, template, f"bench-{number}") for number in range(_WORKSPACES)]
        memory = server.resident_megabytes()
        delete_all(server)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Figure("server start, first", cold, "s", 6.0),
        Figure("server start, warm", statistics.median(warm), "s", 2.0),
        Figure("workspace to agent ready (median)", statistics.median(ready), "s", 2.0),
        Figure("workspace to agent ready (slowest)", max(ready), "s"),
        Figure(f"server memory, {_WORKSPACES} workspaces", memory, "MB", 150.0),
    ]


def push_template(server: RunningServer, folder: Path, engine: str) -> str:
    """Make a template of a folder; return its id."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(folder, arcname=".")
    file = server.call("POST", "/files", archive.getvalue(), content_type="application/x-tar")
    request = {"storage_method": "file", "file_id": file["hash"], "provisioner": engine}
    version = server.call("POST", "/organizations/default/templateversions", request)
    until(lambda: is_done(server.call("GET", f"/templateversions/{version['id']}")["job"]))
    body = {"name": folder.name, "template_version_id": version["id"]}
    return str(server.call("POST", "/organizations/default/templates", body)["id"])


def is_done(job: dict[str, Any]) -> bool:
    """Tell whether a job has succeeded; raises RuntimeError when it has ended otherwise."""
    if job["status"] in {"failed", "canceled"}:
        raise RuntimeError(f"the job has ended: {job}")
    return bool(job["status"] == "succeeded")


def create_until_ready(server: RunningServer, template: str, name: str) -> float:
    """Make a workspace; return after how many seconds its agents are ready."""
    begun = time.perf_counter()
    workspace = server.call("POST", "/users/me/workspaces", {"name": name, "template_id": template})

    def is_ready() -> bool:
        seen: dict[str, Any] = server.call("GET", f"/workspaces/{workspace['id']}")
        resources = seen["latest_build"]["resources"]
        agents = [agent for resource in resources for agent in resource.get("agents") or []]
        return bool(agents) and all(
            agent["status"] == "connected" and agent["lifecycle_state"] == "ready" for agent in agents
        )

    until(is_ready)
    return time.perf_counter() - begun


def delete_all(server: RunningServer) -> None:
    """Delete every workspace, and wait until they are gone."""
    for workspace in server.call("GET", "/workspaces?q=owner:me")["workspaces"]:
        server.call("POST", f"/workspaces/{workspace['id']}/builds", {"transition": "delete"})
    until(lambda: not server.call("GET", "/workspaces?q=owner:me")["workspaces"])


def until(holds: Callable[[], Any]) -> None:
    """Wait until something is so, a minute at most."""
    end = time.perf_counter() + 60
    while not holds():
        if time.perf_counter() > end:
            raise RuntimeError("waited for a minute in vain")
        time.sleep(0.01)
