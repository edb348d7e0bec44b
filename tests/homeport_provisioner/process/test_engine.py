"""The process engine with real processes: with bubblewrap, and with isolation forced off."""

import asyncio
import base64
import os
import signal
from pathlib import Path

import msgspec
import pytest

from homeport_provisioner.daemon import Daemon
from homeport_provisioner.process.identity import is_alive
from homeport_provisioner.process.state import own_state, read_state
from tests.homeport_provisioner.conftest import ended
from tests.homeport_provisioner.process_workspaces import Workspace, outside, tagged, template, until
from tests.homeport_provisioner.stand_in import StandIn


@pytest.mark.requirement("ENGINE-PROCESS-01")
async def test_start_stop_start_delete(workspace: Workspace, isolation: str) -> None:
    workspace.files = template("env > env.txt; pwd > pwd.txt; id -un > user.txt; touch ready")
    job = await workspace.start(parameters={})
    [resource] = job.result["workspace_build"]["resources"]
    assert resource["type"] == "process"
    assert {"key": "isolation", "value": isolation, "sensitive": False} in resource["metadata"]
    assert resource["agents"][0]["token"] in workspace.read("env.txt")
    processes = workspace.processes()
    assert processes
    (workspace.folder.home / "kept").write_text("here")

    assert (await workspace.build("stop")).result
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists() and outside(pid, "State")[0] != "Z"]
    assert workspace.read("kept") == "here"

    again = await workspace.start()
    assert again.agents[0]["token"] != resource["agents"][0]["token"]
    assert workspace.read("kept") == "here"

    assert (await workspace.build("delete")).result
    assert not workspace.folder.exists
    assert not list((workspace.settings.data_dir / "workspaces").iterdir())
    assert not list((workspace.settings.data_dir / "jobs").iterdir())


@pytest.mark.requirement("ENGINE-PROCESS-04")
async def test_every_transition_may_be_repeated(workspace: Workspace) -> None:
    first = await workspace.start()
    before = workspace.processes()
    second = await workspace.start()
    assert first.agents[0]["token"] != second.agents[0]["token"]
    assert "runs already" in second.text()
    assert not set(before) & set(workspace.processes())
    for transition in ("stop", "stop", "delete", "delete", "stop"):
        assert (await workspace.build(transition)).result, transition
    assert not (workspace.folder.home).exists()


async def test_tokens_to_keep_are_kept(workspace: Workspace) -> None:
    job = await workspace.start(agent_tokens={"main": "a-token-of-before"})
    assert job.agents[0]["token"] == "a-token-of-before"


@pytest.mark.requirement("ENGINE-PROCESS-05")
async def test_values_reach_scripts_as_they_are(workspace: Workspace) -> None:
    hostile = {
        "quotes": "'\"`$(touch pwned)`; touch pwned #",
        "lines": "one\ntwo\r\n\tthree",
        "big": "x" * 64_000,
        "expression": "${workspace.name} $HOME ${variable.secret}",
    }
    parameters = [{"name": name, "default": ""} for name in hostile]
    workspace.files = template(
        'for name in QUOTES LINES BIG EXPRESSION; do declare -n value=HOMEPORT_PARAMETER_$name; printf %s "$value" > $name; done; '
        'printf %s "$JOINED" > joined; printf %s "$PASSWORD" > password; env | grep -c HOMEPORT_VARIABLE_SECRET > shown; touch ready',
        parameters=parameters,
        variables=[{"name": "secret", "sensitive": True}],
        agent={
            "env": {
                "JOINED": "<${parameter.quotes}|${workspace.owner}/${workspace.name}|$${x}>",
                "PASSWORD": "${variable.secret}",
            }
        },
    )
    job = await workspace.start(
        parameters=hostile, variables=[{"name": "secret", "value": "s3cret", "sensitive": True}]
    )
    for name, value in hostile.items():
        with (workspace.folder.home / name.upper()).open(newline="") as file:
            assert file.read() == value
    assert workspace.read("joined") == f"<{hostile['quotes']}|ada/dev|${{x}}>"
    assert workspace.read("password") == "s3cret"
    assert workspace.read("shown") == "0\n"
    assert not (workspace.folder.home / "pwned").exists()
    assert job.agents[0]["env"] == {"JOINED": f"<{hostile['quotes']}|ada/dev|${{x}}>"}
    assert b"s3cret" not in msgspec.json.encode(job.result)


@pytest.mark.parametrize(("value", "words"), [("a\0b", "NUL"), ("x" * 200_000, "longer than")])
async def test_values_that_no_process_can_hold_are_refused(workspace: Workspace, value: str, words: str) -> None:
    workspace.files = template(parameters=[{"name": "p"}])
    job = await workspace.build("start", parameters={"p": value})
    assert words in job.failure["error"]
    assert workspace.processes() == []


@pytest.mark.requirement("ENGINE-PROCESS-05")
async def test_values_that_are_too_much_together_fail_the_start(workspace: Workspace) -> None:
    """Each is small enough; the system refuses to start a program with all of them."""
    names = [f"p{number}" for number in range(30)]
    workspace.files = template(parameters=[{"name": name, "default": ""} for name in names])
    job = await workspace.build("start", parameters=dict.fromkeys(names, "x" * 90_000))
    assert "Argument list too long" in job.failure["error"]
    assert workspace.processes() == []


@pytest.mark.requirement("ENGINE-PROCESS-06")
async def test_delete_removes_what_resists(workspace: Workspace) -> None:
    workspace.files = template("""
        mkdir -p locked/in && echo x > locked/in/file && chmod 000 locked/in/file && chmod 555 locked/in && chmod 000 locked
        mkdir deep && cd deep && for i in $(seq 600); do mkdir 0123456789 && cd 0123456789 || exit; done
        ln -s / "$HOME/link"; mkfifo "$HOME/pipe"; cd; touch -- -rf "new
line"; touch ready
    """)
    await workspace.start()
    job = await workspace.build("delete")
    assert job.result, job.failure
    assert not list((workspace.settings.data_dir / "workspaces").iterdir())
    assert Path("/etc/passwd").exists()


@pytest.mark.requirement("ENGINE-PROCESS-07")
async def test_crashed_agent_comes_back(workspace: Workspace) -> None:
    await workspace.start()
    assert workspace.record.process is not None
    supervisor = workspace.record.process.pid
    agents = [pid for pid in tagged("homeport_agent") if outside(pid, "PPid") == str(supervisor)]
    assert len(agents) == 1
    (workspace.folder.home / "ready").unlink()
    os.kill(agents[0], signal.SIGKILL)
    await until((workspace.folder.home / "ready").exists, what=workspace.log)
    assert is_alive(workspace.record.process)
    assert "the agent ended with status -9" in workspace.log()


@pytest.mark.requirement("ENGINE-PROCESS-08")
async def test_stale_records_are_recognised(workspace: Workspace) -> None:
    """After a reboot the recorded number may be anybody's."""
    await workspace.start()
    assert (await workspace.build("stop")).result
    innocent = await asyncio.create_subprocess_exec("sleep", "1000")
    record = workspace.record
    for mark in (
        {"boot_id": "another-boot", "pid": innocent.pid, "start_time": 1},
        {"boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "pid": innocent.pid, "start_time": 1},
    ):
        record.phase, record.process, record.cookie = (
            "running",
            msgspec.convert(mark, type(record).__annotations__["process"]),
            "f" * 32,
        )
        workspace.folder.write(record)
        await workspace.start()
        assert (await workspace.build("stop")).result
    assert innocent.returncode is None
    innocent.kill()
    await innocent.wait()


@pytest.mark.requirement("ENGINE-LOST-01")
async def test_start_that_the_server_refuses_is_undone(workspace: Workspace, stand_in: StandIn) -> None:
    stand_in.hiccups = {"/complete": [409]}
    job = stand_in.submit_build("process", workspace.files, "start", workspace_id=str(workspace.id))
    await until(lambda: workspace.record.phase == "starting")
    await until(lambda: workspace.record.phase == "stopped")
    assert not tagged(str(workspace.id))
    assert job.state == "running"


@pytest.mark.requirement("ENGINE-RETRY-01")
async def test_start_whose_answer_is_lost_is_kept(workspace: Workspace, stand_in: StandIn) -> None:
    stand_in.hiccups = {"/complete": ["lost"]}
    await workspace.start()
    await until(lambda: workspace.record.phase == "running")
    assert is_alive(workspace.record.process)


async def test_home_on_another_machine_is_said(workspace: Workspace) -> None:
    workspace.state = b'{"version":1,"node":"elsewhere","host":"big-iron"}'
    job = await workspace.build("start")
    assert "big-iron" in job.failure["error"]
    assert not workspace.folder.exists
    workspace.state = b"garbage"
    assert (await workspace.build("stop")).result


@pytest.mark.requirement("ENGINE-PROCESS-11")
async def test_nothing_in_the_home_becomes_part_of_the_agent(workspace: Workspace) -> None:
    """A file named like a module of Python, a package of one's own: people have both."""
    workspace.files = template(
        "touch ready", agent={"env": {"PYTHONPATH": "${workspace.home}/lib", "PYTHONSTARTUP": "/x"}}
    )
    await workspace.start()
    assert (await workspace.build("stop")).result
    trap = "raise SystemExit('this is not for the agent')\n"
    for name in ("asyncio.py", "queue.py", "homeport_agent/__init__.py", "lib/typing.py", "lib/asyncssh.py"):
        path = workspace.folder.home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(trap)
    await workspace.start()
    assert "not for the agent" not in workspace.log()


@pytest.mark.requirement("ENGINE-PROCESS-11")
async def test_git_over_ssh_runs_nothing_of_the_repository(workspace: Workspace) -> None:
    """The command that git runs has the repository as its folder."""
    workspace.files = template("""
        mkdir -p repository/homeport_agent && cd repository
        for name in homeport_agent/__init__.py homeport_agent/__main__.py asyncio.py typing.py; do
            echo 'open("/tmp/hijacked", "w")' > $name
        done
        $GIT_SSH_COMMAND -V > ~/said 2>&1
        test -e /tmp/hijacked && touch ~/hijacked
        touch ~/ready
    """)
    await workspace.start()
    assert "OpenSSH" in workspace.read("said")
    assert not (workspace.folder.home / "hijacked").exists()


@pytest.mark.requirement("ENGINE-STATE-01")
async def test_a_start_that_fails_says_on_which_machine_it_has_left_a_home(workspace: Workspace) -> None:
    folder = workspace.folder
    folder.home.mkdir(parents=True)
    folder.etc.write_text("in the way")
    job = await workspace.build("start")
    assert "trouble with the workspace's folder" in job.failure["error"]
    state = read_state(base64.b64decode(job.failure["workspace_build"]["state"]))
    assert state.node == own_state(workspace.settings.data_dir).node


async def test_a_start_that_fails_before_it_has_made_anything_leaves_the_workspace_free(workspace: Workspace) -> None:
    workspace.files = template(parameters=[{"name": "needed"}])
    job = await workspace.build("start")
    assert "needed has no value" in job.failure["error"]
    assert base64.b64decode(job.failure["workspace_build"]["state"]) == b""


@pytest.mark.requirement("CONTAINER-TEMPLATE-01")
async def test_template_of_a_container_is_not_for_this_engine(stand_in: StandIn, daemon: Daemon) -> None:
    job = await ended(stand_in.submit_import("process", template(container={"image": "x"})))
    assert "only the engine `container` understands" in job.failure["error"]
