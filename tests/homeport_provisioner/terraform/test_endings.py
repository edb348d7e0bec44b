"""How builds end: the state of each way out, cancel, processes that flee, floods of output."""

import asyncio
import os
from pathlib import Path

import pytest

from homeport_provisioner import job as job_module
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.process.identity import is_alive, mark
from homeport_provisioner.settings import Settings
from homeport_provisioner.terraform import command
from homeport_provisioner.terraform.session import Session
from tests.homeport_provisioner.process_workspaces import until
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.terraform import MAIN, TerraformWorkspace, begun, left_states, names, slow, values

pytestmark = [pytest.mark.needs("terraform"), pytest.mark.timeout(180)]


async def lost(stand_in: StandIn, settings: Settings, tmp_path: Path) -> TerraformWorkspace:
    """Return a workspace whose first build the server has given up in the middle; what it made is left on the machine."""
    workspace = TerraformWorkspace(stand_in, slow(tmp_path))
    job = workspace.submit()
    await begun(tmp_path)
    job.is_lost = True
    await until(lambda: left_states(settings) and not list((settings.data_dir / "jobs").iterdir()), 30)
    return workspace


@pytest.mark.requirement("TF-STATE-01")
async def test_a_failed_build_keeps_what_it_made(
    stand_in: StandIn, daemon: Daemon, settings: Settings, tmp_path: Path
) -> None:
    workspace = TerraformWorkspace(stand_in, slow(tmp_path, "exit 3"))
    job = await workspace.build()
    assert "main.tf:" in job.failure["error"]
    assert "exit status 3" in job.failure["error"]
    assert names(workspace.state) == ["first", "second"]
    # The server has it, sealed; here it would lie open.
    await until(lambda: left_states(settings) == [])
    job = await workspace.build("delete")
    assert job.result, job.failure
    assert workspace.state == b""


@pytest.mark.requirement("TF-STATE-01", "TF-CANCEL-01")
async def test_a_canceled_build_keeps_what_it_made(stand_in: StandIn, daemon: Daemon, tmp_path: Path) -> None:
    workspace = TerraformWorkspace(stand_in, slow(tmp_path))
    job = workspace.submit()
    process = mark(await begun(tmp_path))
    job.is_canceled = True
    await workspace.end(job, 30)
    assert job.failure["canceled"]
    assert names(workspace.state) == ["first", "second"]
    assert not is_alive(process)


@pytest.mark.requirement("TF-STATE-01", "TF-CANCEL-01")
async def test_what_does_not_listen_to_a_cancel_is_killed(
    stand_in: StandIn, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "INTERRUPT_SECONDS", 1.0)
    deaf = f"trap '' INT TERM; (trap '' INT TERM; echo $$ > {tmp_path}/deaf; while :; do sleep 1; done)"
    workspace = TerraformWorkspace(stand_in, slow(tmp_path, deaf))
    job = workspace.submit()
    process = mark(await begun(tmp_path))
    job.is_canceled = True
    await workspace.end(job, 30)
    assert job.failure["canceled"]
    assert "first" in names(workspace.state)
    assert not is_alive(process)


@pytest.mark.requirement("TF-STATE-01", "TF-CANCEL-01")
async def test_force_ends_a_build_and_keeps_what_it_made(stand_in: StandIn, daemon: Daemon, tmp_path: Path) -> None:
    workspace = TerraformWorkspace(stand_in, slow(tmp_path))
    job = workspace.submit()
    await begun(tmp_path)
    job.is_canceled = job.is_forced = True
    await workspace.end(job, 30)
    assert job.failure["canceled"]
    assert "first" in names(workspace.state)


@pytest.mark.requirement("TF-STATE-01")
async def test_a_daemon_that_leaves_reports_what_was_made(stand_in: StandIn, daemon: Daemon, tmp_path: Path) -> None:
    workspace = TerraformWorkspace(stand_in, slow(tmp_path))
    job = workspace.submit()
    await begun(tmp_path)
    daemon.leave()
    await workspace.end(job, 30)
    assert "stopped while" in job.failure["error"]
    assert not job.failure["canceled"]
    assert "first" in names(workspace.state)


@pytest.mark.requirement("TF-STATE-01")
@pytest.mark.expected_errors("does not take")
async def test_a_refused_result_keeps_what_was_made(stand_in: StandIn, daemon: Daemon) -> None:
    stand_in.hiccups = {"/complete": [400]}
    workspace = TerraformWorkspace(stand_in, {"main.tf": MAIN})
    job = await workspace.build()
    assert "refused the result" in job.failure["error"]
    assert names(workspace.state) == ["home", "machine"]


@pytest.mark.requirement("TF-STATE-02")
async def test_a_lost_build_is_found_by_the_next_one(
    stand_in: StandIn, daemon: Daemon, settings: Settings, tmp_path: Path
) -> None:
    workspace = await lost(stand_in, settings, tmp_path)
    assert workspace.state == b""
    workspace.files = {"main.tf": 'resource "terraform_data" "first" {}\nresource "terraform_data" "second" {}\n'}
    made = values(left_states(settings)[0].read_bytes(), "first")["id"]
    job = await workspace.build()
    assert job.result, job.failure
    assert "An earlier build had ended without reporting" in job.text()
    assert values(workspace.state, "first")["id"] == made
    await until(lambda: left_states(settings) == [])


@pytest.mark.requirement("TF-STATE-02")
async def test_what_is_left_does_not_go_before_a_newer_state(
    stand_in: StandIn, daemon: Daemon, settings: Settings, tmp_path: Path
) -> None:
    workspace = await lost(stand_in, settings, tmp_path)
    other = TerraformWorkspace(stand_in, {"main.tf": MAIN})
    await other.build()
    workspace.state, workspace.files = other.state, {"main.tf": MAIN}
    job = await workspace.build()
    assert job.result, job.failure
    assert names(workspace.state) == ["home", "machine"]
    await until(lambda: left_states(settings) == [])


@pytest.mark.requirement("TF-STATE-01")
@pytest.mark.expected_errors("the engine broke")
async def test_an_engine_that_breaks_after_the_apply_tells_the_state(
    stand_in: StandIn, daemon: Daemon, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Session, "read", broken)
    workspace = TerraformWorkspace(stand_in, {"main.tf": MAIN})
    job = await workspace.build()
    assert "No space left on device" in job.failure["error"]
    assert names(workspace.state) == ["home", "machine"]
    await until(lambda: left_states(settings) == [])


@pytest.mark.requirement("TF-STATE-02")
async def test_what_is_left_outlives_a_build_that_fails_before_its_apply(
    stand_in: StandIn, daemon: Daemon, settings: Settings, tmp_path: Path
) -> None:
    workspace = await lost(stand_in, settings, tmp_path)
    made = values(left_states(settings)[0].read_bytes(), "first")["id"]
    workspace.files = {"main.tf": 'resource "terraform_data" "first" {\n  input = file("missing")\n}\n'}
    # Its failure is reported without a state: the plan, not the apply, has failed.
    assert "missing" in (await workspace.build()).failure["error"]
    assert workspace.state == b""
    workspace.files = {"main.tf": 'resource "terraform_data" "first" {}\nresource "terraform_data" "second" {}\n'}
    job = await workspace.build()
    assert job.result, job.failure
    assert values(workspace.state, "first")["id"] == made
    await until(lambda: left_states(settings) == [])


@pytest.mark.requirement("TF-STATE-02")
@pytest.mark.expected_errors("does not take")
async def test_a_state_that_the_server_never_takes_stays_for_the_next_build(
    stand_in: StandIn, daemon: Daemon, settings: Settings
) -> None:
    stand_in.hiccups = {"/complete": [413], "/fail": [413]}
    workspace = TerraformWorkspace(stand_in, {"main.tf": MAIN})
    job = await workspace.build()
    assert "was refused too" in job.failure["error"]
    assert workspace.state == b""
    made = values(left_states(settings)[0].read_bytes(), "home")["id"]
    job = await workspace.build()
    assert job.result, job.failure
    assert values(workspace.state, "home")["id"] == made


@pytest.mark.requirement("TF-STATE-02")
async def test_a_state_that_is_none_is_refused(stand_in: StandIn, daemon: Daemon) -> None:
    for state in (b"not json", b"[]", b'{"resources": 3, "version": 4}'):
        workspace = TerraformWorkspace(stand_in, {"main.tf": MAIN}, state=state)
        job = await workspace.build("stop")
        assert "state is none of Terraform's" in job.failure["error"]
        assert workspace.state == state


@pytest.mark.requirement("TF-PROCESS-01")
async def test_nothing_outlives_a_command(stand_in: StandIn, daemon: Daemon, tmp_path: Path) -> None:
    escape = (
        f"env -i /usr/bin/setsid /bin/sh -c 'echo $$ > {tmp_path}/escaped; exec sleep 600' >/dev/null 2>&1 & sleep 0.5"
    )
    workspace = TerraformWorkspace(stand_in, slow(tmp_path, escape))
    job = await workspace.build()
    assert job.result, job.failure
    assert mark(int((tmp_path / "escaped").read_text())) is None


@pytest.mark.requirement("TF-PROCESS-01")
async def test_a_fork_bomb_is_ended_and_the_daemon_lives(
    stand_in: StandIn, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MOST_PROCESSES", 200)
    bomb = "b() { b | b & sleep 300; }; b; sleep 300"
    workspace = TerraformWorkspace(stand_in, slow(tmp_path, bomb))
    job = await workspace.build()
    assert "more than 200 processes" in job.failure["error"] or "exit status" in job.failure["error"]
    assert "first" in names(workspace.state)
    left = [
        number for number in os.listdir("/proc") if number.isdigit() and str(tmp_path).encode() in _command_of(number)
    ]
    assert left == []
    assert (await TerraformWorkspace(stand_in, {"main.tf": MAIN}).build()).result


def _command_of(number: str) -> bytes:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return b""


async def test_huge_lines_and_many_lines_do_no_harm(stand_in: StandIn, daemon: Daemon, tmp_path: Path) -> None:
    body = "head -c 5000000 /dev/zero | tr '\\0' x; echo; seq 1 20000"
    workspace = TerraformWorkspace(stand_in, slow(tmp_path, body))
    job = await workspace.build()
    assert job.result, job.failure
    assert max(len(line["output"]) for line in job.logs) < 20_000
    assert "20000" in job.text()


async def test_jobs_end_also_while_nobody_takes_the_log(
    stand_in: StandIn, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "CANCEL_GRACE_SECONDS", 5.0)
    workspace = TerraformWorkspace(stand_in, slow(tmp_path, "yes"))
    job = workspace.submit()
    await begun(tmp_path)
    await asyncio.sleep(1)
    job.is_canceled = True
    await workspace.end(job, 60)
    assert job.failure["canceled"]
    assert "first" in names(workspace.state)
