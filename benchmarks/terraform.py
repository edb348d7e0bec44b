"""How long a build of a Terraform template with the bundled provider takes, and one start of that provider."""

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.lifecycle import is_done, push_template, until
from benchmarks.running import RunningServer
from homeport_provisioner.terraform_provider.mirror import offer

_SOURCES = Path(__file__).parent.parent / "tests" / "homeport_terraform_provider"
_TAGS = re.compile(r'^data "coder_workspace_tags" .*?^}$', re.MULTILINE | re.DOTALL)
_WORKSPACES = 5
_STARTS = 20
_GREETING = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"


def run() -> list[Figure]:
    """Return seconds and milliseconds; nothing where there is no Terraform."""
    if shutil.which("terraform") is None:
        return []
    folder = Path(tempfile.mkdtemp(prefix="homeport-bench-"))
    template = folder / "full"
    (template / "code-server").mkdir(parents=True)
    # Without its tags, which the server's own daemons do not offer.
    (template / "main.tf").write_text(_TAGS.sub("", (_SOURCES / "full.tf").read_text()))
    shutil.copy(_SOURCES / "module.tf", template / "code-server" / "main.tf")
    server = RunningServer(folder / "data", daemons=2)
    try:
        server.start()
        server.sign_in()
        made = push_template(server, template, "terraform")
        seconds = [_create(server, made, f"bench-{number}") for number in range(_WORKSPACES)]
    finally:
        server.stop()
    try:
        started = asyncio.run(_start_providers(folder / "provider"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Figure("Terraform template with the bundled provider, started (median)", statistics.median(seconds), "s", 8.0),
        Figure("Terraform template with the bundled provider, started (slowest)", max(seconds), "s"),
        Figure("start of the bundled provider (median)", statistics.median(started), "ms"),
    ]


def _create(server: RunningServer, template: str, name: str) -> float:
    begun = time.perf_counter()
    values = [{"name": "name", "value": "bench"}]
    body = {"name": name, "template_id": template, "rich_parameter_values": values}
    workspace = server.call("POST", "/users/me/workspaces", body)
    until(lambda: is_done(server.call("GET", f"/workspaces/{workspace['id']}")["latest_build"]["job"]))
    return time.perf_counter() - begun


async def _start_providers(folder: Path) -> list[float]:
    [program] = (await offer(folder, ())).rglob("terraform-provider-coder_v*")
    return await asyncio.to_thread(lambda: [_start_provider(program) for _ in range(_STARTS)])


def _start_provider(program: Path) -> float:
    begun = time.perf_counter()
    environment = {**os.environ, "TF_PLUGIN_MAGIC_COOKIE": _GREETING}
    with subprocess.Popen([program], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        milliseconds = (time.perf_counter() - begun) * 1000
        process.terminate()
    return milliseconds
