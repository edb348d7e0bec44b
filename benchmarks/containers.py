"""The time from `POST …/workspaces` to an agent that is ready, in a container of an image that is there."""

import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.lifecycle import create_until_ready, delete_all, push_template
from benchmarks.running import RunningServer
from tests.support.podman import IMAGE, running_podman

_WORKSPACES = 5


def run() -> list[Figure]:
    """Return seconds, with a Podman of this benchmark's own; nothing where there is no Podman or it may not be used."""
    if shutil.which("podman") is None or os.geteuid() != 0:
        return []
    folder = Path(tempfile.mkdtemp(prefix="homeport-bench-"))
    template = folder / "box"
    template.mkdir()
    content = {"container": {"image": IMAGE, "pull": "never", "user": "dev"}, "agents": [{"name": "main"}]}
    (template / "homeport.yaml").write_text(json.dumps(content))
    with running_podman() as podman:
        server = RunningServer(folder / "data", daemons=2, environment={"DOCKER_HOST": podman.url})
        try:
            server.start()
            server.sign_in()
            made = push_template(server, template, "container")
            ready = [create_until_ready(server, made, f"bench-{number}") for number in range(_WORKSPACES)]
            delete_all(server)
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)
    return [
        Figure("container to agent ready (median)", statistics.median(ready), "s", 3.0),
        Figure("container to agent ready (slowest)", max(ready), "s"),
    ]
