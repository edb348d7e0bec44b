"""The daemon as a program: its start, its end, and what is left when it is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from homeport_provisioner.process.identity import is_alive
from homeport_provisioner.settings import Settings, read
from tests.homeport_provisioner.conftest import ended, running
from tests.homeport_provisioner.process_workspaces import Workspace, template, until
from tests.homeport_provisioner.stand_in import StandIn

ECHO: dict[str, str | bytes] = {"echo.json": "{}"}
HANGING: dict[str, str | bytes] = {"echo.json": '{"start": {"hang": "until_killed"}}'}
Process = asyncio.subprocess.Process


@asynccontextmanager
async def program(settings: Settings, *flags: str, **more: str) -> AsyncIterator[Process]:
    """Run a daemon as the server does; it is killed in the end."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOMEPORT_URL": settings.url,
        "HOMEPORT_PROVISIONER_KEY": settings.key,
        "HOMEPORT_PROVISIONER_DATA_DIR": str(settings.data_dir),
        "HOMEPORT_PROVISIONER_NAME": "builtin-0",
        "HOMEPORT_ORGANIZATION": "default",
        # A proxy that nobody serves: a server on this machine is reached without it.
        "HTTP_PROXY": "http://127.0.0.1:9",
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "homeport_provisioner",
        *flags,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.requirement("ENGINE-DRAIN-01")
async def test_ends_with_the_server_that_started_it(stand_in: StandIn, settings: Settings) -> None:
    async with program(settings) as process:
        assert process.stdin is not None
        assert (await ended(stand_in.submit_build("echo", ECHO))).result
        job = await running(stand_in.submit_build("echo", HANGING))
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 20) == 0
        await ended(job)
        assert "stopped while" in job.failure["error"]
    assert not list((settings.data_dir / "jobs").iterdir())


@pytest.mark.requirement("ENGINE-DRAIN-01")
async def test_term_waits_for_the_job_and_twice_does_not(stand_in: StandIn, settings: Settings) -> None:
    async with program(settings) as process:
        job = await running(stand_in.submit_build("echo", HANGING))
        process.send_signal(signal.SIGTERM)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.5)
        assert not job.ended.is_set()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
        assert job.failure


@pytest.mark.requirement("ENGINE-KILLED-01")
async def test_killed_in_the_middle_of_a_start_leaves_nothing(stand_in: StandIn, settings: Settings) -> None:
    workspace = Workspace(stand_in, settings, template())
    stand_in.hiccups = {"/complete": [503] * 1000}
    async with program(settings) as process:
        job = await running(stand_in.submit_build("process", workspace.files, "start", workspace_id=str(workspace.id)))
        await until(lambda: workspace.record.process is not None, what=job.text)
        process.kill()
    record = workspace.record
    assert record.phase == "starting"
    assert is_alive(record.process)
    job.is_lost = True
    stand_in.hiccups = {}
    async with program(settings):
        await until(lambda: workspace.record.phase == "stopped")
        assert not is_alive(record.process)
        assert workspace.processes() == []
        await workspace.start()
        assert (await workspace.build("delete")).result


@pytest.mark.requirement("ENGINE-KILLED-01")
async def test_killed_before_anything_is_written_down_leaves_nothing(stand_in: StandIn, settings: Settings) -> None:
    """The moment between the start of processes and the note of their number."""
    workspace = Workspace(stand_in, settings, template())
    stand_in.hiccups = {"/complete": [503] * 1000}
    async with program(settings) as process:
        await running(stand_in.submit_build("process", workspace.files, "start", workspace_id=str(workspace.id)))
        await until(lambda: workspace.record.process is not None)
        process.kill()
    record = workspace.record
    mark, record.process = record.process, None
    workspace.folder.write(record)
    stand_in.hiccups = {}
    async with program(settings):
        await until(lambda: workspace.record.phase == "stopped")
    assert not is_alive(mark)


@pytest.mark.requirement("ENGINE-KILLED-01")
async def test_killed_after_the_server_took_the_result_keeps_it(stand_in: StandIn, settings: Settings) -> None:
    workspace = Workspace(stand_in, settings, template())
    stand_in.hiccups = {"/complete": ["lost", *[503] * 1000]}
    async with program(settings) as process:
        job = await ended(stand_in.submit_build("process", workspace.files, "start", workspace_id=str(workspace.id)))
        process.kill()
    assert workspace.record.phase == "starting"
    workspace.state = job.build_state
    stand_in.hiccups = {}
    async with program(settings):
        await until(lambda: workspace.record.phase == "running")
        assert is_alive(workspace.record.process)
        assert (await workspace.build("delete")).result


@pytest.mark.requirement("ENGINE-KILLED-01")
async def test_staged_files_of_a_killed_daemon_go(stand_in: StandIn, settings: Settings) -> None:
    async with program(settings) as process:
        job = await running(stand_in.submit_build("echo", HANGING))
        await until(lambda: list((settings.data_dir / "jobs").glob("*/source/echo.json")))
        process.kill()
    assert (settings.data_dir / "jobs" / job.id).is_dir()
    async with program(settings):
        await until(lambda: not list((settings.data_dir / "jobs").iterdir()))


@pytest.mark.requirement("ENGINE-PROCESS-10")
async def test_workspaces_outlive_their_daemon(stand_in: StandIn, settings: Settings) -> None:
    workspace = Workspace(stand_in, settings, template())
    async with program(settings) as process:
        await workspace.start()
        await until(lambda: workspace.record.phase == "running")
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    record = workspace.record
    assert is_alive(record.process)
    async with program(settings):
        assert (await ended(stand_in.submit_build("echo", ECHO))).result
        assert is_alive(record.process)
        assert (await workspace.build("stop")).result
    assert not is_alive(record.process)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HOMEPORT_URL": "ftp://x"}, "HOMEPORT_URL"),
        ({"HOMEPORT_PROVISIONER_KEY": ""}, "No credential"),
        ({"HOMEPORT_PROVISIONER_ENGINES": "process,terra"}, "terra"),
        ({"HOMEPORT_PROVISIONER_ISOLATION": "some"}, "bubblewrap"),
        ({"HOMEPORT_PROVISIONERD_TAGS": "a"}, "KEY=VALUE"),
        ({"HOMEPORT_PROVISIONER_DRAIN_SECONDS": "-1"}, "DRAIN_SECONDS"),
        ({"HOMEPORT_PROVISIONER_DATA_DIR": "/proc/none"}, "data folder"),
    ],
)
async def test_wrong_settings_are_named(settings: Settings, environment: dict[str, str], words: str) -> None:
    async with program(settings, **environment) as process:
        assert process.stderr is not None
        text = (await process.stderr.read()).decode()
        assert await process.wait() == 2
    assert words in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--key", "a", "--psk", "b"], "One credential at a time"),
        (["--key", ""], "--key is empty"),
        (["--key"], "--key: expected one argument"),
        (["--ke", "a"], "unrecognized arguments"),
        (["--psk", "schlüssel"], "shared secret may hold printable ASCII alone"),
    ],
)
async def test_wrong_flags_are_named(settings: Settings, flags: list[str], words: str) -> None:
    async with program(settings, *flags) as process:
        assert process.stderr is not None
        text = (await process.stderr.read()).decode()
        assert await process.wait() == 2
    assert words in text


@pytest.mark.requirement("ENGINE-SECRET-01")
@pytest.mark.parametrize("form", ["--key {}", "--key={}", "--psk {}"])
async def test_a_secret_of_the_command_line_is_soon_out_of_sight(
    stand_in: StandIn, settings: Settings, form: str
) -> None:
    secret = "a-secret-of-the-command-line"
    async with program(settings, "--verbose", *form.format(secret).split()) as process:
        assert (await ended(stand_in.submit_build("echo", ECHO))).result
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
        assert b"--verbose" in shown
        assert secret.encode() not in b" ".join(shown)
    header = "coder-provisioner-daemon-psk" if "psk" in form else "coder-provisioner-daemon-key"
    asked = {name.lower(): value for name, value in stand_in.headers[0].items()}
    assert asked[header] == secret, "the flag counts before the environment"
    assert not {"coder-provisioner-daemon-psk", "coder-provisioner-daemon-key"} - {header} & asked.keys()


async def test_waits_for_a_server_that_is_not_there_yet(stand_in: StandIn, settings: Settings, tmp_path: Path) -> None:
    stand_in.hiccups = {"/acquire": [503, 401, 500]}
    async with program(settings):
        assert (await ended(stand_in.submit_build("echo", ECHO))).result


@pytest.mark.requirement("ENGINE-ISOLATION-01")
def test_what_workspaces_must_not_see_is_a_list_of_paths() -> None:
    environment = {
        "HOMEPORT_URL": "http://127.0.0.1:1",
        "HOMEPORT_PROVISIONER_KEY": "k",
        "HOMEPORT_PROVISIONER_HIDE": "/srv/a b, ~/keys,",
        "HOMEPORT_PROVISIONER_ISOLATION": "bubblewrap",
    }
    settings = read([], environment)
    assert settings.hidden == (Path("/srv/a b"), Path.home() / "keys")
    assert settings.isolation == "bubblewrap"
