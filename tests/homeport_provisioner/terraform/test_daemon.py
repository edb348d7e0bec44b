"""The daemon as a program: what it offers, and what is left when it is killed in the middle of an apply."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from homeport_provisioner.process.identity import is_alive, mark
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.process_workspaces import until
from tests.homeport_provisioner.stand_in import StandIn
from tests.homeport_provisioner.test_program import program
from tests.support.terraform import TerraformWorkspace, left_states, terraform_daemon

pytestmark = pytest.mark.timeout(180)


def slow(signs: Path, ending: str) -> dict[str, str | bytes]:
    return {
        "main.tf": f"""
resource "terraform_data" "first" {{}}
resource "terraform_data" "second" {{
  input = terraform_data.first.id
  provisioner "local-exec" {{
    command = "echo $$ > {signs}/begun; {ending}"
  }}
}}
"""
    }


def is_whole(state: Path) -> bool:
    """Tell whether a file holds a whole state."""
    try:
        return bool(json.loads(state.read_bytes())["resources"])
    except ValueError:
        return False


@pytest.mark.needs("terraform")
@pytest.mark.requirement("TF-STATE-02", "TF-PROCESS-01")
async def test_a_killed_daemon_loses_neither_state_nor_processes(
    stand_in: StandIn, settings: Settings, tmp_path: Path
) -> None:
    workspace = TerraformWorkspace(stand_in, slow(tmp_path, "sleep 600"))
    async with program(settings) as daemon:
        workspace.submit()
        await until(lambda: (tmp_path / "begun").exists() and (tmp_path / "begun").read_text().strip(), 40)
        sleeper = mark(int((tmp_path / "begun").read_text()))
        assert is_alive(sleeper)
        daemon.kill()
        await daemon.wait()
    await until(lambda: not is_alive(sleeper), 30)
    [left] = left_states(settings)
    # Terraform, which outlives the command that it waited for, writes it anew in place.
    await until(lambda: is_whole(left), 30)
    made = next(each for each in json.loads(left.read_bytes())["resources"] if each["name"] == "first")
    assert left.parent.stat().st_mode & 0o077 == 0

    workspace.files = slow(tmp_path, "true")
    async with terraform_daemon(settings):
        job = await workspace.build()
        assert job.result, job.failure
        assert "its state was found here" in job.text()
        found = next(each for each in json.loads(workspace.state)["resources"] if each["name"] == "first")
        assert found["instances"][0]["attributes"]["id"] == made["instances"][0]["attributes"]["id"]
        assert (await workspace.build("delete")).result
        await until(lambda: left_states(settings) == [])


@pytest.mark.needs("terraform")
@pytest.mark.requirement("TF-STATE-02")
async def test_a_build_waits_until_terraform_has_ended_for_the_one_before(
    stand_in: StandIn, settings: Settings, tmp_path: Path
) -> None:
    """Its keeper gives Terraform time to write its state, which holds the lock although its daemon is gone."""
    stubborn = f"trap '' INT; (trap '' INT; sleep 4; touch {tmp_path}/done)"
    workspace = TerraformWorkspace(stand_in, slow(tmp_path, stubborn))
    async with program(settings) as daemon:
        workspace.submit()
        await until((tmp_path / "begun").exists, 40)
        daemon.kill()
        await daemon.wait()
    workspace.files = slow(tmp_path, "true")
    async with terraform_daemon(settings):
        job = await workspace.build()
        assert job.result, job.failure
        assert "its state was found here" in job.text()


@pytest.mark.requirement("TF-BINARY-01")
async def test_without_terraform_it_is_not_offered_and_named_it_ends_the_daemon(
    stand_in: StandIn, settings: Settings
) -> None:
    missing = {"HOMEPORT_PROVISIONER_TERRAFORM": "/no/where/terraform"}
    async with program(settings, **missing):
        await until(lambda: stand_in.acquired)
        assert "terraform" not in stand_in.acquired[0]["provisioners"]
        assert "process" in stand_in.acquired[0]["provisioners"]
    async with program(settings, **missing, HOMEPORT_PROVISIONER_ENGINES="terraform") as daemon:
        assert daemon.stderr is not None
        said = (await asyncio.wait_for(daemon.stderr.read(), 20)).decode()
        assert await asyncio.wait_for(daemon.wait(), 20) == 2
        assert "HOMEPORT_PROVISIONER_TERRAFORM names '/no/where/terraform'" in said


@pytest.mark.needs("terraform")
@pytest.mark.requirement("TF-BINARY-01")
async def test_with_terraform_it_is_offered(stand_in: StandIn, settings: Settings) -> None:
    async with program(settings, HOME=os.environ.get("HOME", "/")):
        await until(lambda: stand_in.acquired)
        assert "terraform" in stand_in.acquired[0]["provisioners"]
