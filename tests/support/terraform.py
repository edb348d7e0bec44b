"""A daemon with the Terraform engine, and workspaces that are built by it from one template and state to the next."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.settings import Settings
from homeport_provisioner.terraform.binary import find_terraform
from homeport_provisioner.terraform.engine import TerraformEngine
from homeport_sdk import clock
from tests.homeport_provisioner.process_workspaces import until
from tests.homeport_provisioner.stand_in import Job, StandIn

Files = dict[str, str | bytes]
MAIN = """
variable "greeting" {
  type    = string
  default = "hello"
}
resource "terraform_data" "home" {
  input = "home"
}
resource "terraform_data" "machine" {
  input = var.greeting
}
"""


@asynccontextmanager
async def terraform_daemon(settings: Settings) -> AsyncIterator[Daemon]:
    """Run a daemon with the Terraform engine in this process."""
    settings.data_dir.mkdir(exist_ok=True)
    engine = TerraformEngine(settings, binary=await find_terraform(settings.terraform))
    async with ControlPlane(settings) as plane:
        daemon = Daemon(settings, plane=plane, engines={"terraform": engine})
        work = asyncio.create_task(daemon.run())
        try:
            yield daemon
        finally:
            daemon.leave()
            await asyncio.wait_for(work, 40)


@dataclass
class TerraformWorkspace:
    """One workspace of a stand-in server, which keeps its state."""

    stand_in: StandIn
    files: Files
    id: str = field(default_factory=lambda: str(uuid4()))
    state: bytes = b""

    def submit(self, transition: str = "start", **more: object) -> Job:
        """Ask for a build."""
        return self.stand_in.submit_build(
            "terraform",
            self.files,
            transition,
            workspace_id=self.id,
            state=self.state,
            **more,  # type: ignore[arg-type]
        )

    async def end(self, job: Job, within: float = 60.0) -> Job:
        """Wait for the end, and keep the state as the server would."""
        # Not in a thread: several that wait at once would take all of those that the daemons need.
        give_up_at = clock.monotonic() + within
        while not job.ended.is_set():
            assert clock.monotonic() < give_up_at, f"the job is still {job.state}:\n{job.text()}"
            await asyncio.sleep(0.05)
        kept = job.kept_state
        self.state = self.state if kept is None else kept
        return job

    async def build(self, transition: str = "start", **more: object) -> Job:
        """Build to the end; the job may have failed."""
        return await self.end(self.submit(transition, **more))


def left_states(settings: Settings) -> list[Path]:
    """List the states that builds have left on this machine."""
    return sorted((settings.data_dir / "terraform" / "states").glob("*/*/terraform.tfstate"))


def names(state: bytes) -> list[str]:
    """Return the names of all resources of a state."""
    return sorted(resource["name"] for resource in json.loads(state)["resources"]) if state else []


def values(state: bytes, name: str) -> dict[str, object]:
    """Return the attributes of a resource of a state."""
    [resource] = [each for each in json.loads(state)["resources"] if each["name"] == name]
    return dict(resource["instances"][0]["attributes"])


def slow(signs: Path, body: str = "sleep 600") -> Files:
    """Return a template whose second resource says that it has begun, and does something that takes long."""
    text = f"""
resource "terraform_data" "first" {{}}
resource "terraform_data" "second" {{
  input = terraform_data.first.id
  provisioner "local-exec" {{
    command = <<-EOT
      echo $$ > {signs}/begun.new; mv {signs}/begun.new {signs}/begun
      {body}
    EOT
  }}
}}
"""
    return {"main.tf": text}


async def begun(signs: Path) -> int:
    """Wait until the slow resource is at work; return the number of its process."""
    await until((signs / "begun").exists)
    return int((signs / "begun").read_text())
