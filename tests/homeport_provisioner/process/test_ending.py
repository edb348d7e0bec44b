"""How the processes of a workspace end: asked first, killed in the end, and none is left."""

import os
import signal
import uuid
from pathlib import Path

import pytest

from tests.homeport_provisioner.process_workspaces import Workspace, outside, tagged, template, until
from tests.homeport_provisioner.stand_in import StandIn

# Takes its time to end on SIGTERM, and dies of everything else.
CAREFUL = """
import os, pathlib, signal, sys, time
def end(*_):
    time.sleep(4)
    pathlib.Path(sys.argv[1]).write_text("in order")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1] + ".up").touch()
while True:
    time.sleep(1000)
"""


def careful(name: str) -> str:
    """Return a command that runs such a program in the background, away from its parent."""
    return f'(setsid "$HOMEPORT_PYTHON" -c \'{CAREFUL}\' "$HOME/{name}" > /dev/null 2>&1 &)'


@pytest.mark.requirement("ENGINE-PROCESS-02")
async def test_whole_tree_dies_on_stop(workspace: Workspace) -> None:
    tag = f"tag-{uuid.uuid4().hex}"
    workspace.files = template(f"""
        (setsid sh -c '(exec -a {tag} sleep 1000) & (env -i bash -c "exec -a {tag} sleep 1000" &) ; sleep 0.1' &)
        nohup bash -c 'exec -a {tag} sleep 1000' > /dev/null 2>&1 &
        bash -c 'trap "" TERM HUP INT; exec -a {tag} sleep 1000' &
        touch ready
    """)
    await workspace.start()
    await until(lambda: len(tagged(tag)) >= 3)
    assert (await workspace.build("stop")).result
    assert tagged(tag) == []


@pytest.mark.requirement("ENGINE-PROCESS-03")
async def test_stop_scripts_run_before_the_end(workspace: Workspace) -> None:
    workspace.files = template(stop="sleep 0.2; echo bye > bye")
    await workspace.start()
    job = await workspace.build("stop")
    assert workspace.read("bye") == "bye\n"
    assert "All processes ended after" in job.text()
    assert not workspace.processes()


@pytest.mark.requirement("ENGINE-PROCESS-09")
async def test_supervisor_killed_leaves_nothing(workspace: Workspace) -> None:
    await workspace.start()
    processes = workspace.processes()
    assert workspace.record.process is not None
    os.kill(workspace.record.process.pid, signal.SIGKILL)
    assert (await workspace.build("stop")).result
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists() and outside(pid, "State")[0] not in "ZX"]
    await workspace.start()
    assert (await workspace.build("delete")).result


@pytest.mark.requirement("ENGINE-CANCEL-01")
async def test_cancel_cuts_a_slow_stop_short(workspace: Workspace, stand_in: StandIn) -> None:
    workspace.files = template(stop="touch stopping; sleep 1000")
    await workspace.start()
    processes = workspace.processes()
    job = stand_in.submit_build("process", {}, "stop", workspace_id=str(workspace.id), state=workspace.state)
    await until((workspace.folder.home / "stopping").exists)
    job.is_canceled = True
    await until(job.ended.is_set)
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists() and outside(pid, "State")[0] not in "ZX"]


@pytest.mark.requirement("ENGINE-PROCESS-12")
async def test_programs_get_time_to_end_by_themselves(workspace: Workspace) -> None:
    workspace.files = template(f"{careful('mine')}\nuntil test -e mine.up; do sleep 0.05; done; touch ready")
    await workspace.start()
    job = await workspace.build("stop")
    assert workspace.read("mine") == "in order"
    assert "All processes ended after" in job.text()


@pytest.mark.requirement("ENGINE-PROCESS-12")
async def test_what_a_crashed_agent_has_started_gets_time_too(workspace: Workspace) -> None:
    workspace.files = template(
        f"test -e mine.up || {careful('mine')}\nuntil test -e mine.up; do sleep 0.05; done; touch ready"
    )
    await workspace.start()
    assert workspace.record.process is not None
    supervisor = workspace.record.process.pid
    [agent] = [pid for pid in tagged("homeport_agent") if outside(pid, "PPid") == str(supervisor)]
    (workspace.folder.home / "ready").unlink()
    os.kill(agent, signal.SIGKILL)
    await until((workspace.folder.home / "ready").exists, what=workspace.log)
    job = await workspace.build("stop")
    assert workspace.read("mine") == "in order"
    assert "All processes ended after" in job.text()


@pytest.mark.requirement("ENGINE-PROCESS-12")
async def test_a_lost_line_ends_what_runs_on_it(workspace: Workspace) -> None:
    """What the agent ignores would stay ignored in everything that it starts."""
    workspace.files = template("grep SigIgn /proc/self/status > signals; touch ready")
    await workspace.start()
    ignored = int(workspace.read("signals").split()[1], 16)
    assert [
        number
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
        if ignored >> (number - 1) & 1
    ] == []
