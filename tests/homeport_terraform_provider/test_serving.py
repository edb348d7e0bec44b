"""The program itself: its handshake, its end by whatever ends it, and that it is closed to others."""

import asyncio
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport_provisioner.terraform_provider.mirror import offer
from tests.support.waiting import wait_for

COOKIE = {"TF_PLUGIN_MAGIC_COOKIE": "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"}
pytestmark = pytest.mark.requirement("TF-PROVIDER-08")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    [program] = asyncio.run(offer(tmp_path / "provider", ())).rglob("terraform-provider-coder_v*")
    return program


@pytest.fixture
def started(program: Path, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A provider that has told where it listens."""
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), **COOKIE}
    with subprocess.Popen([program], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        version, protocol, kind, socket, how, certificate = process.stdout.readline().strip().split("|")
        assert (version, protocol, kind, how) == ("1", "6", "unix", "grpc")
        assert certificate.startswith("MII")
        yield process, Path(socket)
        process.kill()


def test_its_socket_is_closed_to_others_and_goes_with_it(started: tuple["subprocess.Popen[str]", Path]) -> None:
    process, socket = started
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    process.send_signal(signal.SIGINT)
    assert process.poll() is None
    process.terminate()
    assert process.wait(10) == 0
    assert not socket.parent.exists()


def test_it_leaves_when_terraform_is_gone(program: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = f'"{program}" > "{out}" & echo $! > "{tmp_path}/pid"; while ! [ -s "{out}" ]; do sleep 0.02; done'
    subprocess.run(["sh", "-c", script], env={"PATH": os.environ["PATH"], **COOKIE}, check=True)
    pid = int((tmp_path / "pid").read_text())
    try:
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or is_ended(pid), seconds=15)
    finally:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)
    assert not Path(out.read_text().split("|")[3]).parent.exists()


def is_ended(pid: int) -> bool:
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_a_temporary_folder_with_a_long_name_is_no_obstacle(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder), **COOKIE}
    with subprocess.Popen([program], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        socket = process.stdout.readline().split("|")[3]
        assert len(socket) < 108
        process.terminate()
    assert not Path(socket).exists()


def test_an_environment_that_cannot_be_is_told(program: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "CODER_WORKSPACE_OWNER_GROUPS": "a", **COOKIE}
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "CODER_WORKSPACE_OWNER_GROUPS is no JSON" in done.stderr
