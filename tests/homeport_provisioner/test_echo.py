"""The daemon and its protocol, by means of the echo engine."""

import gzip
import json
from pathlib import Path

import pytest

from homeport_provisioner import control_plane, packing
from homeport_provisioner import job as job_module
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.conftest import ended, running
from tests.homeport_provisioner.process_workspaces import until
from tests.homeport_provisioner.stand_in import Job, StandIn
from tests.support.archives import pack

RESOURCE = {"type": "echo", "name": "main", "agents": [{"name": "dev", "token": "a-token"}]}


def script(**acts: object) -> dict[str, str | bytes]:
    return {"echo.json": json.dumps(acts), "README.md": "# Hello\n"}


@pytest.mark.requirement("ENGINE-ECHO-01")
async def test_import_reports_variables_readme_parameters_and_both_plans(stand_in: StandIn, daemon: Daemon) -> None:
    files = script(
        variables=[{"name": "region", "default_value": "eu"}],
        parameters=[{"name": "size", "type": "number", "default_value": "3", "required": False}],
        start={"resources": [RESOURCE]},
        stop={"resources": [{"type": "echo", "name": "disk"}]},
    )
    job = await ended(stand_in.submit_import("echo", files))
    result = job.result["template_import"]
    assert [item["name"] for item in result["parameters"]] == ["size"]
    assert result["start_resources"][0]["agents"][0]["name"] == "dev"
    assert result["stop_resources"][0]["name"] == "disk"
    assert result["readme"] == "# Hello\n"
    declared = [update for update in job.updates if update.get("variables") is not None]
    assert declared[0]["variables"][0]["name"] == "region"
    assert declared[0]["readme"] == "# Hello\n"
    assert [line["stage"] for line in job.logs][:2] == ["Setting up", "Reading the template"]
    assert {headers.get("Coder-Provisioner-Daemon-Key") for headers in stand_in.headers} == {"k" * 43}


async def test_required_variable_without_value_fails_with_its_code(stand_in: StandIn, daemon: Daemon) -> None:
    files = script(variables=[{"name": "token", "required": True, "sensitive": True}])
    job = await ended(stand_in.submit_import("echo", files))
    assert job.failure["error_code"] == "REQUIRED_TEMPLATE_VARIABLES"
    assert "token" in job.failure["error"]
    assert (await ended(stand_in.submit_import("echo", files, {"token": "x"}))).result


async def test_build_keeps_state_and_replays_resources(stand_in: StandIn, daemon: Daemon) -> None:
    files = script(start={"resources": [RESOURCE], "state": "one"}, stop={})
    job = await ended(stand_in.submit_build("echo", files))
    assert job.build_state == b"one"
    job = await ended(stand_in.submit_build("echo", files, "stop", state=b"one"))
    assert job.build_state == b"one"


@pytest.mark.requirement("ENGINE-STATE-01")
async def test_failure_carries_error_code_and_state(stand_in: StandIn, daemon: Daemon) -> None:
    files = script(start={"error": "no room", "error_code": "INSUFFICIENT_QUOTA", "state": "half"})
    job = await ended(stand_in.submit_build("echo", files))
    assert job.failure["error"] == "no room"
    assert job.failure["error_code"] == "INSUFFICIENT_QUOTA"
    assert job.kept_state == b"half"
    assert not job.failure["canceled"]


async def test_quota_is_asked_for_and_obeyed(stand_in: StandIn, daemon: Daemon) -> None:
    files = script(start={"resources": [{**RESOURCE, "daily_cost": 7}]}, stop={"daily_cost": 9})
    job = stand_in.submit_build("echo", files)
    job.quota = {"ok": False, "credits_consumed": 5, "budget": 10}
    await ended(job)
    assert job.asked_cost == 7
    assert job.failure["error_code"] == "INSUFFICIENT_QUOTA"
    job = await ended(stand_in.submit_build("echo", files, "stop"))
    assert job.result
    assert job.asked_cost is None


@pytest.mark.requirement("ENGINE-CANCEL-01")
async def test_cancel_stops_an_engine_that_listens(stand_in: StandIn, daemon: Daemon) -> None:
    job = await running(stand_in.submit_build("echo", script(start={"hang": "until_canceled", "state": "kept"})))
    job.is_canceled = True
    await ended(job)
    assert job.failure["canceled"]
    assert job.kept_state == b"kept"


@pytest.mark.requirement("ENGINE-CANCEL-01")
async def test_force_ends_an_engine_that_does_not_listen(stand_in: StandIn, daemon: Daemon) -> None:
    job = await running(stand_in.submit_build("echo", script(start={"hang": "until_killed"})))
    job.is_canceled = job.is_forced = True
    await ended(job)
    assert job.failure["canceled"]


@pytest.mark.requirement("ENGINE-CANCEL-01")
async def test_cancel_ends_an_engine_that_does_not_listen_after_a_while(
    stand_in: StandIn, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "CANCEL_GRACE_SECONDS", 0.2)
    job = await running(stand_in.submit_build("echo", script(start={"hang": "until_killed"})))
    job.is_canceled = True
    await ended(job)
    assert job.failure["canceled"]


@pytest.mark.requirement("ENGINE-LOST-01")
async def test_lost_job_is_abandoned_and_the_next_one_done(
    stand_in: StandIn, daemon: Daemon, settings: Settings
) -> None:
    job = await running(stand_in.submit_build("echo", script(start={"hang": "until_killed"})))
    job.is_lost = True
    following = await ended(stand_in.submit_build("echo", script()))
    assert following.result
    assert not job.ended.is_set()
    assert not list((settings.data_dir / "jobs").iterdir())


@pytest.mark.requirement("ENGINE-RETRY-01")
async def test_calls_are_repeated_until_answered(stand_in: StandIn, daemon: Daemon) -> None:
    stand_in.hiccups = {"/complete": [503, 502, 500], "/update": [503, 429], "/file": [500], "/acquire": [503]}
    job = await ended(stand_in.submit_build("echo", script(start={"state": "s"})))
    assert job.build_state == b"s"


@pytest.mark.requirement("ENGINE-RETRY-01")
async def test_reports_whose_answers_are_lost_count_once(
    stand_in: StandIn, daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    """That of an end too, of a build without agents by whom the server could be asked."""
    stand_in.hiccups = {"/update": ["lost", "lost"], "/complete": ["lost", "lost"]}
    job = await ended(stand_in.submit_build("echo", script(stop={"logs": [{"output": "once"}]}), "stop"))
    assert (await ended(stand_in.submit_build("echo", script()))).result
    assert stand_in.asked.count("complete") == 4
    assert [line["output"] for line in job.logs if line["output"] in ("Setting up", "once")] == ["Setting up", "once"]
    assert "was lost" not in caplog.text


@pytest.mark.requirement("ENGINE-LOST-01")
async def test_nothing_is_done_before_the_server_has_heard_of_its_daemon(stand_in: StandIn, daemon: Daemon) -> None:
    """The server gives a job away that nobody speaks of; whoever cannot reach it must not work then."""
    stand_in.hiccups = {"/update": [503, 503, 503]}
    job = await ended(stand_in.submit_build("echo", script(start={"state": "s"})))
    verbs = [verb for verb in stand_in.asked if verb in {"update", "file"}]
    assert verbs[:5] == ["update", "update", "update", "update", "file"]
    assert job.logs[0]["output"] == "Setting up"


@pytest.mark.requirement("ENGINE-STATE-01")
@pytest.mark.expected_errors("does not take")
async def test_a_job_whose_state_the_server_does_not_take_ends_all_the_same(stand_in: StandIn, daemon: Daemon) -> None:
    stand_in.hiccups = {"/complete": [413], "/fail": [413]}
    job = await ended(stand_in.submit_build("echo", script(start={"state": "too much"})))
    assert "refused the result" in job.failure["error"]
    assert "state of 8 bytes was refused too" in job.failure["error"]
    assert job.failure["workspace_build"] is None


@pytest.mark.requirement("ENGINE-STATE-01")
async def test_a_state_that_no_report_can_hold_ends_its_job(
    stand_in: StandIn, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent all the same, it would be a connection that breaks, and be sent again for ever."""
    monkeypatch.setattr(control_plane, "MOST_REPORT_BYTES", 5_000)
    job = await ended(stand_in.submit_build("echo", script(start={"state": "s" * 6_000})))
    assert "at most" in job.failure["error"]
    assert "state of 6,000 bytes was refused too" in job.failure["error"]


@pytest.mark.requirement("ENGINE-STATE-02")
@pytest.mark.parametrize("transition", ["start", "stop"])
async def test_a_large_state_goes_packed_where_the_server_takes_that(
    stand_in: StandIn, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, transition: str
) -> None:
    monkeypatch.setattr(packing, "PLAIN_BYTES", 1_000)
    monkeypatch.setattr(control_plane, "MOST_REPORT_BYTES", 5_000)
    stand_in.most_state_bytes = 9_000
    acts = {"start": {"state": "s" * 9_000}, "stop": {"error": "no", "state": "t" * 9_000}}
    job = await ended(stand_in.submit_build("echo", script(**acts), transition))
    build = (job.result or job.failure)["workspace_build"]
    assert build["is_state_packed"]
    assert gzip.decompress(job.kept_state or b"") == acts[transition]["state"].encode()
    small = await ended(stand_in.submit_build("echo", script(start={"state": "s" * 1_000})))
    assert small.build_state == b"s" * 1_000
    large = await ended(stand_in.submit_build("echo", script(start={"state": "s" * 9_001})))
    assert "A state has at most 0 MiB" in large.failure["error"]


@pytest.mark.requirement("ENGINE-RETRY-01")
async def test_heartbeats_go_on_while_nothing_happens(
    stand_in: StandIn, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr("homeport_provisioner.reporter.HEARTBEAT_SECONDS", 0.05)
    job = stand_in.submit_build("echo", script(start={"wait_for": "go"}))
    await until(lambda: len(job.updates) > 5)
    (settings.data_dir / "echo").mkdir()
    (settings.data_dir / "echo" / "go").touch()
    assert (await ended(job)).result


async def test_big_log_arrives_whole_and_in_order(stand_in: StandIn, daemon: Daemon) -> None:
    lines = [{"output": "first"}, {"output": "x" * 900, "repeat": 2000}, {"output": "last\ttab\x07", "level": "warn"}]
    job = await ended(stand_in.submit_build("echo", script(start={"logs": lines})))
    texts = [line["output"] for line in job.logs]
    assert texts.count("x" * 900) == 2000
    assert texts.index("first") < texts.index("x" * 900) < texts.index("last\ttab")
    assert max(len(json.dumps(update)) for update in job.updates) < 1024 * 1024


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"other.txt": ""}, "echo.yaml"),
        ({"echo.yaml": "start: {resources: [{type: 3}]}"}, "echo.yaml"),
        ({"echo.yaml": "a: [b"}, "no YAML"),
        ({"echo.yaml": "begin: {}"}, "begin"),
    ],
)
async def test_broken_scripts_fail_with_the_reason(
    stand_in: StandIn, daemon: Daemon, files: dict[str, str | bytes], words: str
) -> None:
    job = await ended(stand_in.submit_import("echo", files))
    assert words in job.failure["error"]


@pytest.mark.expected_errors("broke its engine")
async def test_broken_engine_fails_the_job_and_the_daemon_lives(stand_in: StandIn, daemon: Daemon) -> None:
    job = await ended(stand_in.submit_build("echo", script(start={"crash": True})))
    assert "RuntimeError" in job.failure["error"]
    assert (await ended(stand_in.submit_build("echo", script()))).result


async def test_unknown_engine_and_unreadable_job_fail(stand_in: StandIn, daemon: Daemon) -> None:
    job = await ended(stand_in.submit_build("terraform", script()))
    assert "no engine 'terraform'" in job.failure["error"]
    job = await ended(stand_in.submit("workspace_build", "echo", {"workspace_id": 7}, pack({})))
    assert "does not understand" in job.failure["error"]


async def test_damaged_archive_fails_the_job(stand_in: StandIn, daemon: Daemon) -> None:
    job = stand_in.submit(
        "template_version_import", "echo", {"template_version_id": "5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10"}, b"\1" * 700
    )
    assert "damaged" in (await ended(job)).failure["error"]


@pytest.mark.requirement("ENGINE-DRAIN-01")
async def test_draining_finishes_the_current_job_and_takes_no_other(
    stand_in: StandIn, daemon: Daemon, settings: Settings
) -> None:
    job = await running(stand_in.submit_build("echo", script(start={"wait_for": "go"})))
    daemon.drain()
    other: Job = stand_in.submit_build("echo", script())
    (settings.data_dir / "echo").mkdir()
    (settings.data_dir / "echo" / "go").touch()
    assert (await ended(job)).result
    assert other.state == "pending"


@pytest.mark.requirement("ENGINE-DRAIN-01")
async def test_leaving_fails_the_current_job(stand_in: StandIn, daemon: Daemon) -> None:
    job = await running(stand_in.submit_build("echo", script(start={"hang": "until_killed"})))
    daemon.leave()
    await ended(job)
    assert "stopped while" in job.failure["error"]
    assert not job.failure["canceled"]


async def test_daemon_keeps_its_id_between_jobs(stand_in: StandIn, daemon: Daemon, tmp_path: Path) -> None:
    await ended(stand_in.submit_build("echo", script()))
    await ended(stand_in.submit_build("echo", script()))
    await until(lambda: len(stand_in.acquired) >= 3)
    assert stand_in.acquired[0]["daemon_id"] is None
    assert len({request["daemon_id"] for request in stand_in.acquired[1:]}) == 1


@pytest.mark.requirement("ENGINE-ARCHIVE-01")
async def test_a_script_does_not_multiply_itself(stand_in: StandIn, daemon: Daemon) -> None:
    """A few lines of aliases stand for any number of resources."""
    text = "start: {logs: [&line {output: x}, *line]}\n"
    job = await ended(stand_in.submit_import("echo", {"echo.yaml": text}))
    assert "uses an alias" in job.failure["error"]
