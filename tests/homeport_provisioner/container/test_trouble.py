"""What goes wrong: engines that are down, names that are taken, hands that meddle, daemons that are killed or share an engine."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from homeport_provisioner.container.engine import ContainerEngine
from homeport_provisioner.container.host import find_host
from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.conftest import ended, running
from tests.homeport_provisioner.container.workspaces import Workspace, template
from tests.homeport_provisioner.process_workspaces import until
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.podman import COMPONENTS, IMAGE, NOTHING, Podman

pytestmark = [pytest.mark.needs(*COMPONENTS), pytest.mark.xdist_group("podman")]


@asynccontextmanager
async def another_daemon(settings: Settings, **more: object) -> AsyncIterator[Daemon]:
    """Let one more daemon work."""
    settings = msgspec.structs.replace(settings, **more)
    settings.data_dir.mkdir(mode=0o700, exist_ok=True)
    async with ControlPlane(settings) as plane:
        daemon = Daemon(
            settings, plane=plane, engines={"container": ContainerEngine(settings, host=find_host(settings))}
        )
        work = asyncio.create_task(daemon.run())
        try:
            yield daemon
        finally:
            daemon.leave()
            await asyncio.wait_for(work, 30)


@pytest.mark.requirement("CONTAINER-DOWN-01")
async def test_engine_that_is_down_is_named_with_what_to_do(workspace: Workspace) -> None:
    await workspace.start()
    workspace.podman.stop()
    try:
        for transition in ("stop", "start", "delete"):
            job = await workspace.build(transition)
            error = job.failure["error"]
            assert f"The container engine at {workspace.podman.url} cannot be reached" in error
            assert "systemctl start docker" in error
    finally:
        workspace.podman.start()
    workspace.run("echo still here")
    assert (await workspace.build("delete")).result
    assert workspace.podman.things() == NOTHING


@pytest.mark.expected_errors("what it left could not be put in order")
@pytest.mark.requirement("CONTAINER-DOWN-01")
async def test_engine_that_dies_in_the_middle_of_a_build_is_named(workspace: Workspace) -> None:
    recipe = f"FROM {IMAGE}\nRUN echo it-begins; test -e /no-such-file || sleep 98765\n"
    workspace.files = template(container={"build": {}}, files={"Dockerfile": recipe})
    job = workspace.submit()
    await running(job)
    await until(lambda: "it-begins" in job.text(), what=job.text)
    assert workspace.podman.process is not None
    workspace.podman.process.kill()
    workspace.podman.stop()
    try:
        await ended(job, 20)
        assert "cannot be reached: it broke off in the middle of an answer" in job.failure["error"]
    finally:
        workspace.podman.start()
    workspace.files = template()
    await workspace.start()
    assert (await workspace.build("delete")).result
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-NAMES-01")
@pytest.mark.parametrize("kind", ["container", "volume", "probe"])
async def test_what_is_not_ours_is_neither_used_nor_touched(workspace: Workspace, kind: str) -> None:
    podman, name = workspace.podman, workspace.name
    if kind == "volume":
        name = f"{name}-home"
        podman.call("volume", "create", name)
    else:
        name = f"{name}-probe" if kind == "probe" else name
        podman.call("create", "--name", name, IMAGE, "sleep", "1")
    error = await workspace.refused()
    assert f"{name} that is not Homeport's" in error
    assert (await workspace.build("stop")).ended.is_set()
    await workspace.build("delete")
    assert podman.inspect(name, "volume" if kind == "volume" else "container") is not None


@pytest.mark.requirement("CONTAINER-HANDS-01")
async def test_container_stopped_and_started_by_hand_works_again(workspace: Workspace) -> None:
    await workspace.start()
    workspace.run("echo kept > ~/kept")
    workspace.podman.call("stop", "-t", "20", workspace.name)
    assert not workspace.is_running
    workspace.stand_in.agent_calls.clear()
    workspace.podman.call("start", workspace.name)
    await until(lambda: workspace.ready, what=workspace.log)
    assert workspace.run("cat ~/kept") == "kept"
    workspace.podman.call("stop", "-t", "20", workspace.name)
    await workspace.start()
    assert workspace.run("cat ~/kept") == "kept"


@pytest.mark.requirement("CONTAINER-HANDS-01")
async def test_what_was_removed_by_hand_is_no_trouble(workspace: Workspace) -> None:
    await workspace.start()
    workspace.podman.call("rm", "-f", "-t", "0", workspace.name)
    assert (await workspace.build("stop")).result
    await workspace.start()
    assert (await workspace.build("stop")).result
    workspace.podman.call("volume", "rm", f"{workspace.name}-home")
    job = await workspace.start()
    assert "it begins with an empty home" in job.text()
    workspace.podman.call("rm", "-f", "-t", "0", workspace.name)
    workspace.podman.call("volume", "rm", f"{workspace.name}-home")
    assert (await workspace.build("delete")).result
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-STOP-01")
async def test_stop_runs_the_stop_scripts_and_ends_what_is_left(workspace: Workspace) -> None:
    workspace.files = template(
        "trap '' HUP; (trap 'echo asked > ~/asked; exit' TERM; while :; do sleep 0.1; done) > /dev/null 2>&1 &",
        stop="echo stopped > ~/stopped",
    )
    await workspace.start()
    job = await workspace.build("stop")
    assert "The container ended after" in job.text()
    await workspace.start()
    assert workspace.run("cat ~/stopped ~/asked") == "stopped\nasked"


@pytest.mark.requirement("CONTAINER-STOP-01")
async def test_canceled_stop_kills_at_once(workspace: Workspace) -> None:
    workspace.files = template(stop="touch ~/begun; sleep 50")
    await workspace.start()
    job = workspace.submit("stop")
    await running(job)
    await until(lambda: "Asking the agents to end" in job.text())
    job.is_canceled = True
    await ended(job, 15)
    assert "was killed" in job.text()
    assert workspace.podman.things()["containers"] == []


@pytest.mark.requirement("CONTAINER-RESTART-01")
async def test_agents_that_crash_are_started_again_each_by_itself(workspace: Workspace) -> None:
    scripts = [{"display_name": "s", "script": "echo $HOMEPORT_AGENT_TOKEN >> ~/starts-$NAME", "run_on_start": True}]
    workspace.files = template(
        agents=[{"name": name, "env": {"NAME": name}, "scripts": scripts} for name in ("one", "two")]
    )
    job = await workspace.start()
    tokens = [agent["token"] for agent in job.agents]
    workspace.run("pkill -KILL -o python3")
    await until(lambda: len(workspace.run("cat ~/starts-one ~/starts-two").split()) == 3, what=workspace.log)
    assert set(workspace.run("cat ~/starts-one ~/starts-two").split()) == set(tokens)
    assert workspace.run("ps -A -o stat= | grep -c Z || true") == "0"


@pytest.mark.requirement("CONTAINER-START-01")
@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"entrypoint": ["/bin/false"]}, "The container ended at once"),
        ({"entrypoint": ["/no/such/program"]}, "The container cannot be started"),
        ({"user": "nobody-knows"}, "The image has no user 'nobody-knows'"),
        ({"network": "no-such-network-here"}, "because the network is 'no-such-network-here'"),
        ({"extra_hosts": {"a": "not-an-address"}}, "is no IP address"),
    ],
)
async def test_start_that_cannot_be_leaves_nothing_and_says_why(
    workspace: Workspace, container: dict[str, object], words: str
) -> None:
    workspace.files = template(container=container)
    assert words in await workspace.refused()
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-START-01")
async def test_result_that_the_server_refuses_is_removed(workspace: Workspace, stand_in: StandIn) -> None:
    stand_in.hiccups["/complete"] = [409]
    job = workspace.submit()
    await running(job)
    await until(lambda: "Cleaning up" in job.text() or job.state != "running", what=job.text)
    await until(lambda: not workspace.podman.things()["containers"], what=job.text)
    assert workspace.podman.things()["networks"] == []


class TestKilled:
    """A daemon that dies between two calls to the engine: nothing in the process runs any more, its locks are gone."""

    @pytest.fixture
    def daemon(self) -> None:
        """Start no daemon by itself."""

    @pytest.mark.requirement("CONTAINER-KILLED-01")
    # Of six; after the last of them the server is told. What only looks leaves nothing that the call before it has not left.
    @pytest.mark.parametrize("call", range(1, 8))
    async def test_every_step_can_be_the_last(
        self, stand_in: StandIn, settings: Settings, engine_host: Podman, call: int, tmp_path: Path
    ) -> None:
        workspace = Workspace(stand_in, engine_host, template())
        program = tmp_path / "daemon.py"
        program.write_text(
            "import os, signal, sys\n"
            "from homeport_provisioner.container.client import Client\n"
            "from homeport_provisioner.main import main\n"
            "left = int(sys.argv.pop(1))\n"
            "call = Client._call\n"
            "async def dying(self, method, path, **more):\n"
            "    global left\n"
            "    answer = await call(self, method, path, **more)\n"
            "    left -= method != 'GET'\n"
            "    if left == 0:\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
            "    return answer\n"
            "Client._call = dying\n"
            "sys.exit(main())\n"
        )
        environment = {
            "HOMEPORT_URL": stand_in.url,
            "HOMEPORT_PROVISIONER_KEY": settings.key,
            "HOMEPORT_PROVISIONER_DATA_DIR": str(settings.data_dir),
            "HOMEPORT_PROVISIONER_ENGINES": "container",
            "HOMEPORT_PROVISIONER_CONTAINER_HOST": engine_host.url,
            "HOMEPORT_PROVISIONER_END_WITH_STDIN": "false",
        }
        process = await asyncio.create_subprocess_exec(sys.executable, str(program), str(call), env=environment)
        job = workspace.submit()
        status = await asyncio.wait_for(process.wait(), 60) if call <= 6 else None
        if status is None:
            done = asyncio.ensure_future(process.wait())
            await until(lambda: done.done() or job.ended.is_set(), 60)
            if not done.done():
                process.kill()
            await done
        if not job.ended.is_set():
            assert job.state == "running"
            job.is_lost = True
        was_accepted = bool(job.result)
        async with another_daemon(settings):
            await until(lambda: not list((settings.data_dir / "containers").glob("*.json")))
            things = engine_host.things()
            if was_accepted:
                assert workspace.is_running
            else:
                assert {**things, "volumes": []} == NOTHING, f"after call {call}"
            await workspace.start()
            assert (await workspace.build("delete")).result
            assert engine_host.things() == NOTHING


@pytest.mark.requirement("CONTAINER-SHARED-01")
async def test_two_daemons_on_one_engine(
    workspace: Workspace, settings: Settings, stand_in: StandIn, tmp_path: Path
) -> None:
    """Builds go to whichever is free: each finds what the other has made, and removes nothing that is not its own."""
    others = [Workspace(stand_in, workspace.podman, template())]
    async with another_daemon(settings, name="second", data_dir=tmp_path / "second"):
        jobs = [one.submit() for one in (workspace, *others)]
        for job in jobs:
            await ended(job, 60)
            assert job.result, job.failure
        daemons = {one.inspect()["Config"]["Labels"]["homeport.daemon"] for one in (workspace, *others)}
        assert daemons == {"tester", "second"}
        for one in (workspace, *others):
            assert (await one.build("stop")).result
            assert (await one.build("start")).result
        assert (await workspace.build("delete")).result
        assert all(one.is_running for one in others)


@pytest.mark.requirement("CONTAINER-ELSEWHERE-01")
async def test_home_on_another_engine_is_missed_and_not_replaced(workspace: Workspace) -> None:
    await workspace.start()
    assert (await workspace.build("stop")).result
    state = json.loads(workspace.state)
    workspace.podman.call("volume", "rm", f"{workspace.name}-home")
    workspace.state = json.dumps({**state, "engine": "another:/var/lib/docker", "host": "another"}).encode()
    for transition in ("start", "stop", "delete"):
        job = await workspace.build(transition)
        assert "another:/var/lib/docker" in job.failure["error"]
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-LIFE-01")
async def test_volume_that_somebody_else_uses_is_named_and_delete_can_be_repeated(workspace: Workspace) -> None:
    await workspace.start()
    workspace.podman.call("create", "--name", "guest", "-v", f"{workspace.name}-home:/data", IMAGE, "sleep", "1")
    job = await workspace.build("delete")
    assert f"The volume {workspace.name}-home cannot be removed: " in job.failure["error"]
    workspace.podman.call("rm", "guest")
    assert (await workspace.build("delete")).result
    assert workspace.podman.things() == NOTHING
