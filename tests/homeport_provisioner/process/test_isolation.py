"""What a workspace sees of its machine, and who may have one where nothing keeps it apart."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.process import isolation as module
from homeport_provisioner.process.engine import ProcessEngine
from homeport_provisioner.process.folder import WorkspaceFolder
from homeport_provisioner.process.isolation import Isolator, find_isolator, program_folders
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.process_workspaces import Workspace, outside, template, until
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.certificates import make_certificates

IS_ISOLATED = pytest.mark.parametrize("isolation", [pytest.param("bubblewrap", marks=pytest.mark.needs("bubblewrap"))])


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
        grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status > caps
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


@pytest.mark.requirement("ENGINE-AUTHORITIES-01")
async def test_authorities_of_the_machine_are_believed_inside(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file may lie where no workspace sees it; an agent that could not read it would not even start."""
    file, _ = make_certificates(tmp_path, "elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    workspace.files = template('cat "$SSL_CERT_FILE" > believed; touch ready')
    await workspace.start()
    assert workspace.read("believed") == file.read_text()


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


@IS_ISOLATED
@pytest.mark.requirement("ENGINE-PROCESS-13")
async def test_fork_bomb_stays_within_its_workspace(workspace: Workspace) -> None:
    """It forks until nothing more is to be had; others are built meanwhile, and a stop ends it."""
    if os.geteuid() != 0:
        pytest.skip("only root can give each workspace a user of its own, whose processes are counted")
    other = Workspace(workspace.stand_in, workspace.settings, template("ulimit -u > bound; touch ready"))
    await other.start()
    assert other.read("bound") == "4096\n", "a template without a limit has one all the same"
    # Only where the bound holds: a bomb without one takes the machine that runs the tests.
    bomb = '[ "$(ulimit -u)" = 100 ] && { bomb() { bomb | bomb & }; bomb 2> /dev/null; }; touch ready'
    workspace.files = template(bomb, limits={"processes": 100})
    await workspace.start()
    await until(lambda: len(workspace.processes()) > 50)
    assert (await other.build("stop")).result
    await other.start()
    assert len(workspace.processes()) <= 110
    assert (await workspace.build("stop")).result
    assert not workspace.processes()


@IS_ISOLATED
@pytest.mark.requirement("ENGINE-ISOLATION-01")
async def test_what_is_to_be_hidden_is_hidden_wherever_it_lies(
    stand_in: StandIn, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data folder and secrets may lie where workspaces see the rest: below /opt, for instance."""
    visible = tmp_path / "visible"
    settings = msgspec.structs.replace(
        settings, data_dir=visible / "data", hidden=(visible / "secrets", visible / "settings.toml", visible / "alias")
    )
    for name in ("data/database", "secrets/inner", "other"):
        (visible / name).mkdir(parents=True)
    for name in ("data/encryption.key", "data/database/socket", "secrets/key.pem", "settings.toml", "other/plain"):
        (visible / name).write_text("canary")
    (visible / "alias").symlink_to(visible / "secrets")
    monkeypatch.setattr(module, "program_folders", lambda: [visible, *program_folders()])
    async with ControlPlane(settings) as plane:
        engine = ProcessEngine(settings, isolator=await find_isolator(settings))
        daemon = Daemon(settings, plane=plane, engines={"process": engine})
        work = asyncio.create_task(daemon.run())
        workspace = Workspace(
            stand_in, settings, template(f"grep -rl canary {visible}/* > seen 2> errors; touch ready")
        )
        await workspace.start()
        assert (await workspace.build("stop")).result
        daemon.leave()
        await work
    assert workspace.read("seen").split() == [str(visible / "other/plain")]


@pytest.mark.requirement("ENGINE-ISOLATION-01")
def test_of_a_virtual_environment_only_its_own_parts_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """People make them in folders that hold other things: `python -m venv .` in a project, or in a home."""
    for name in ("bin", "lib", "private"):
        (tmp_path / name).mkdir()
    (tmp_path / "pyvenv.cfg").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    shown = [path for path in program_folders() if path.is_relative_to(tmp_path)]
    assert sorted(path.name for path in shown) == ["bin", "lib", "pyvenv.cfg"]


@pytest.mark.requirement("ENGINE-ISOLATION-02")
@pytest.mark.parametrize("isolation", ["none"])
@pytest.mark.parametrize(
    ("wanted", "is_installed", "may_lack_isolation", "words"),
    [
        ("none", True, True, ""),
        ("none", True, False, "PROVISIONER_ISOLATION is none"),
        ("auto", False, True, ""),
        ("auto", False, False, "only site owners"),
        ("bubblewrap", False, True, "nobody may"),
        ("bubblewrap", False, False, "nobody may"),
    ],
)
async def test_without_isolation_nothing_starts_that_may_not(
    stand_in: StandIn,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    is_installed: bool,
    may_lack_isolation: bool,
    words: str,
) -> None:
    settings = msgspec.structs.replace(settings, isolation=wanted)
    settings.data_dir.mkdir()
    if not is_installed:
        monkeypatch.setattr(shutil, "which", lambda _: None)
    isolator = await find_isolator(settings)
    assert isolator.name == "none"
    async with ControlPlane(settings, isolation=isolator.name) as plane:
        daemon = Daemon(settings, plane=plane, engines={"process": ProcessEngine(settings, isolator=isolator)})
        work = asyncio.create_task(daemon.run())
        workspace = Workspace(stand_in, settings, template())
        job = await workspace.build("start", may_lack_isolation=may_lack_isolation)
        # Nothing may keep a workspace alive, whatever has become of the isolation.
        assert (await workspace.build("stop", may_lack_isolation=False)).result
        assert (await workspace.build("delete", may_lack_isolation=False)).result
        daemon.leave()
        await work
    assert stand_in.acquired[-1]["isolation"] == "none"
    if words:
        assert words in job.failure["error"]
        assert "Install bubblewrap" in job.failure["error"]
    else:
        assert job.result, job.failure
        assert "not isolated from the machine" in job.text()
    assert workspace.processes() == []


@pytest.mark.requirement("ENGINE-ISOLATION-02")
@pytest.mark.parametrize("isolation", ["none"])
async def test_bubblewrap_that_does_not_work_is_no_isolation(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    isolator = await find_isolator(msgspec.structs.replace(settings, isolation="auto"))
    assert isolator.name == "none"
    assert "No permissions to create new namespace" in isolator.refusal(may_lack_isolation=False)


def test_a_workspace_has_a_user_of_its_own_where_the_daemon_is_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    isolator = Isolator(name="bubblewrap", program="/usr/bin/bwrap")
    ids = [uuid4() for _ in range(100)]
    places = [isolator.place(WorkspaceFolder(tmp_path, id), id, owner="ada", workspace="dev") for id in ids]
    assert len({place.uid for place in places}) == 100
    assert min(place.uid for place in places) > 1000
