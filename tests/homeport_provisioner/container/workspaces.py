"""Container workspaces for tests: build them, look into them, see what is left of them."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.homeport_provisioner.conftest import ended
from tests.homeport_provisioner.process_workspaces import until
from tests.homeport_provisioner.stand_in import Job, StandIn
from tests.support.podman import IMAGE, Podman

AGENT = rb"""
exec python3 -I -u -c '
import json, os, signal, subprocess, time, urllib.request
url, token = os.environ["HOMEPORT_AGENT_URL"], os.environ["HOMEPORT_AGENT_TOKEN"]
def call(verb, data=None):
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url + "/api/v2/workspaceagents/me/" + verb, body, {"Coder-Session-Token": token})
    while True:
        try:
            return urllib.request.urlopen(request, timeout=5).read()
        except OSError:
            time.sleep(0.05)
def stop(*_):
    for script in scripts:
        if script["run_on_stop"]:
            subprocess.run(["/bin/sh", "-c", script["script"]])
    raise SystemExit(0)
scripts = json.loads(call("manifest"))["scripts"]
signal.signal(signal.SIGTERM, stop)
for script in scripts:
    if script["run_on_start"]:
        subprocess.run(["/bin/sh", "-c", script["script"]])
call("report-lifecycle", {"state": "ready"})
while True:
    time.sleep(60)
'
"""
"""What the server brings in these tests: an agent that runs the scripts and says that it is ready."""


def template(
    start: str = "true",
    *,
    stop: str = "",
    container: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, str | bytes]:
    """Return a template whose agent runs these scripts in a container of the tests' image."""
    scripts: list[dict[str, Any]] = [{"display_name": "Start", "script": start, "run_on_start": True}]
    if stop:
        scripts.append({"display_name": "Stop", "script": stop, "run_on_stop": True})
    agents = more.pop("agents", [{"name": "main", "scripts": scripts}])
    container = {"pull": "never", **(container or {})}
    if "build" not in container:
        container.setdefault("image", IMAGE)
    else:
        container.pop("pull")
    # JSON is YAML without aliases.
    return {"homeport.yaml": json.dumps({"agents": agents, "container": container, **more}), **(files or {})}


@dataclass
class Workspace:
    """One workspace of a stand-in server."""

    stand_in: StandIn
    podman: Podman
    files: dict[str, str | bytes]

    def __post_init__(self) -> None:
        self.id = str(uuid4())
        self.name = f"homeport-{self.id}"
        self.state = b""

    def submit(self, transition: str = "start", **more: Any) -> Job:
        """Begin a build."""
        return self.stand_in.submit_build(
            "container", self.files, transition, workspace_id=self.id, state=self.state, **more
        )

    async def build(self, transition: str = "start", **more: Any) -> Job:
        """Build to the end; the job may have failed."""
        job = await ended(self.submit(transition, **more), 100)
        if job.result:
            self.state = job.build_state
        return job

    async def start(self, **more: Any) -> Job:
        """Start, and wait until the agent is ready."""
        self.stand_in.agent_calls.clear()
        job = await self.build("start", **more)
        assert job.result, job.failure
        await until(lambda: self.ready >= len(job.agents), what=self.log)
        return job

    async def refused(self, **more: Any) -> str:
        """Start, and return why it failed."""
        job = await self.build("start", **more)
        assert job.failure, "it started"
        return str(job.failure["error"])

    @property
    def ready(self) -> int:
        """How often an agent said that it is ready."""
        return sum(verb == "report-lifecycle" for verb, _, _ in self.stand_in.agent_calls)

    def log(self) -> str:
        """Return what the container wrote."""
        return self.podman.call("logs", self.name, check=False)

    def run(self, command: str, *, user: str = "") -> str:
        """Run a command of the shell in the container."""
        return self.podman.execute(self.name, "/bin/sh", "-c", command, user=user)

    def inspect(self) -> dict[str, Any]:
        """Return what the engine shows of the container."""
        found = self.podman.inspect(self.name)
        assert found is not None
        return found

    @property
    def is_running(self) -> bool:
        found = self.podman.inspect(self.name)
        return found is not None and bool(found["State"]["Running"])
