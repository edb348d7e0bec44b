"""The process engine with real processes: with bubblewrap, and with isolation forced off."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.process.engine import ProcessEngine
from homeport_provisioner.process.identity import is_alive
from homeport_provisioner.process.isolation import find_isolator
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.process_workspaces import Workspace, outside, tagged, template, until
from tests.homeport_provisioner.stand_in import StandIn

IS_ISOLATED = pytest.mark.parametrize("isolation", [pytest.param("bubblewrap", marks=pytest.mark.needs("bubblewrap"))])


@pytest.fixture(params=[pytest.param("bubblewrap", marks=pytest.mark.needs("bubblewrap")), "none"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(stand_in: StandIn, tmp_path: Path, isolation: str) -> Settings:
    return Settings(url=stand_in.url, name="tester", data_dir=tmp_path / "data", key="k" * 43, isolation=isolation)  # type: ignore[arg-type]


@pytest.fixture
async def daemon(settings: Settings) -> AsyncIterator[Daemon]:
    """A daemon with the process engine, at work."""
    settings.data_dir.mkdir(mode=0o700)
    isolator = await find_isolator(settings)
    async with ControlPlane(settings) as plane:
        daemon = Daemon(settings, plane=plane, engines={"process": ProcessEngine(settings, isolator=isolator)})
        work = asyncio.create_task(daemon.run())
        yield daemon
        daemon.leave()
        await asyncio.wait_for(work, 30)


@pytest.fixture
def workspace(stand_in: StandIn, settings: Settings, daemon: Daemon) -> Workspace:
    return Workspace(stand_in, settings, template())


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
    # Whether the last ones ended alone or had to be killed depends on how busy the machine is; none is left either way.
    assert "All processes" in job.text()
    assert not workspace.processes()


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


@IS_ISOLATED
@pytest.mark.requirement("ENGINE-ISOLATION-01")
async def test_nothing_of_the_machine_is_seen(workspace: Workspace, settings: Settings, tmp_path: Path) -> None:
    secret = settings.data_dir / "server.secret"
    secret.write_text("secret")
    secret.chmod(0o644)
    other = Workspace(workspace.stand_in, settings, template("echo private > diary; touch ready"))
    await other.start()
    workspace.files = template(f"""
        exec > seen.txt 2>&1
        cat {secret} && echo SAW the data folder
        ls {settings.data_dir} && echo SAW the data folder
        cat {other.folder.home}/diary && echo SAW another home
        test -r /etc/shadow && test -s /etc/shadow && echo SAW shadow
        ls -A /root | grep -v '^\\.pyenv$' && echo SAW root
        ls {tmp_path} && echo SAW tmp
        test -e /proc/{os.getpid()}/environ && grep -l pytest /proc/*/cmdline && echo SAW a process of the machine
        kill -0 {os.getpid()} && echo SAW kill
        touch /usr/x /etc/x {Path(__file__)} && echo SAW writing
        echo x > /proc/sys/kernel/hostname && echo SAW sysctl
        for pid in /proc/[0-9]*; do tr '\\0' '\\n' < $pid/environ | grep -a HOMEPORT_PROVISIONER && echo SAW daemon; done
        touch ready
    """)
    await workspace.start()
    assert "SAW" not in workspace.read("seen.txt")


@IS_ISOLATED
@pytest.mark.requirement("ENGINE-ISOLATION-01")
async def test_inside_is_an_ordinary_machine_without_powers(workspace: Workspace, settings: Settings) -> None:
    workspace.files = template("""
        id -u > uid; id -un > name; hostname > hostname; echo $HOME > home
        grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status > caps
        ls /proc | grep -c '^[0-9]' > count; echo x > /tmp/x && echo x > /var/tmp/y && echo x > /dev/shm/z && echo yes > written
        script -qec 'tty' /dev/null > tty 2>&1
        "$HOMEPORT_PYTHON" -c 'import ssl, multiprocessing; multiprocessing.Lock(); print("fine")' > python
        touch ready
    """)
    await workspace.start(owner="grace")
    assert workspace.read("name") == "grace\n"
    assert workspace.read("hostname") == "dev\n"
    assert workspace.read("home") == "/home/grace\n"
    assert int(workspace.read("uid")) != 0
    assert int(workspace.read("count")) < 15
    assert workspace.read("written") == "yes\n"
    assert workspace.read("python") == "fine\n"
    assert "/dev/pts/" in workspace.read("tty")
    for line in workspace.read("caps").splitlines():
        name, value = line.split()
        assert int(value, 16) == (1 if name == "NoNewPrivs:" else 0), line
    process = workspace.record.process
    assert process is not None
    assert outside(process.pid, "Uid").split()[0] == workspace.read("uid").strip()
    (settings.data_dir / "workspaces" / str(workspace.id) / "tmp" / "x").stat()


@IS_ISOLATED
async def test_limits_hold(workspace: Workspace) -> None:
    workspace.files = template(
        'ulimit -d > memory; ulimit -u > processes; nproc > cpus; "$HOMEPORT_PYTHON" -c "x = bytearray(10**9)" 2> error; touch ready',
        limits={"memory": "512MiB", "processes": 200, "cpus": 1},
    )
    await workspace.start()
    assert workspace.read("memory") == f"{512 * 1024}\n"
    assert workspace.read("cpus") == "1\n"
    assert "MemoryError" in workspace.read("error")
    if os.geteuid() == 0:
        assert workspace.read("processes") == "200\n"


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


@pytest.mark.parametrize("isolation", ["none"])
async def test_isolation_may_be_demanded(stand_in: StandIn, settings: Settings) -> None:
    strict = msgspec.structs.replace(settings, has_to_isolate=True)
    strict.data_dir.mkdir()
    async with ControlPlane(strict) as plane:
        engine = ProcessEngine(strict, isolator=await find_isolator(strict))
        daemon = Daemon(strict, plane=plane, engines={"process": engine})
        work = asyncio.create_task(daemon.run())
        job = await Workspace(stand_in, strict, template()).build("start")
        daemon.leave()
        await work
    assert "Install bubblewrap" in job.failure["error"]
