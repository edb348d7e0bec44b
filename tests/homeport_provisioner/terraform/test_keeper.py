"""The program around each command: orders by standard input, and that nothing of the command outlives it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport_provisioner.process.identity import mark
from homeport_provisioner.terraform import keeper
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(60)
KEEPER = Path(keeper.__file__)
WITHOUT_GROUPS = (
    f"import sys; sys.path.insert(0, {str(KEEPER.parent)!r}); import keeper; "
    "keeper._GROUPS = (); sys.exit(keeper.main(sys.argv[1:]))"
)
BOMBS = {
    "slow": "b() { b | b & sleep 300; }; b; sleep 300",
    "fast": "b() { b | b & }; b; sleep 300",
    "sessions": 'b=\'setsid sh -c "$b" & setsid sh -c "$b" & sleep 0.02\'; export b; sh -c "$b"; sleep 300',
}


_begun: list["subprocess.Popen[bytes]"] = []


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """Close what leads to the keepers of a test, which ends those that are left."""
    yield
    while _begun:
        with _begun.pop():
            pass


def keep(script: str, *, most: int = 500, patience: float = 5.0, has_groups: bool = True) -> "subprocess.Popen[bytes]":
    program = [str(KEEPER)] if has_groups else ["-c", WITHOUT_GROUPS]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", *program, str(most), str(patience), "/bin/sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    _begun.append(process)
    return process


def number_in(path: Path) -> int:
    wait_for(lambda: path.exists() and path.read_text().strip() != "", seconds=20)
    return int(path.read_text())


@pytest.mark.requirement("TF-PROCESS-01")
@pytest.mark.parametrize(
    ("script", "status", "output"),
    [
        ("echo out; echo err >&2", 0, b"out\n"),
        ("exit 3", 3, b""),
        ("kill -9 $$", 137, b""),
        ("printf x; kill $$", 143, b"x"),
    ],
)
def test_output_and_status_are_passed_on(script: str, status: int, output: bytes) -> None:
    process = keep(script)
    assert process.wait(30) == status
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read() == output
    assert process.stderr.read() == (b"err\n" if "err" in script else b"")


@pytest.mark.requirement("TF-PROCESS-01")
def test_a_program_that_is_none() -> None:
    process = subprocess.run(
        [sys.executable, "-I", "-S", str(KEEPER), "10", "5", "/no/where"], capture_output=True, check=False, timeout=30
    )
    assert process.returncode == 127
    assert b"/no/where cannot be run" in process.stderr


@pytest.mark.requirement("TF-CANCEL-01")
def test_orders() -> None:
    process = keep("trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.1; done")
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdin.write(b"i")
    process.stdin.flush()
    assert process.wait(20) == 5
    assert process.stdout.read() == b"interrupted\n"
    process = keep("trap '' INT TERM HUP; echo ready; while :; do sleep 0.1; done")
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdin.write(b"k")
    process.stdin.flush()
    assert process.wait(20) == 137


@pytest.mark.requirement("TF-STATE-02", "TF-PROCESS-01")
def test_whoever_waited_is_gone(tmp_path: Path) -> None:
    """The command is interrupted, may still write what it likes to nobody, and ends what it does."""
    script = f"echo $$ > {tmp_path}/pid; trap 'seq 1 100000; touch {tmp_path}/saved; exit 0' INT; while :; do sleep 0.1; done"
    process = keep(script)
    number_in(tmp_path / "pid")
    for stream in (process.stdout, process.stderr, process.stdin):
        assert stream is not None
        stream.close()
    assert process.wait(20) == 0
    assert (tmp_path / "saved").exists()


@pytest.mark.requirement("TF-STATE-02")
def test_patience_with_what_does_not_listen_is_bounded(tmp_path: Path) -> None:
    process = keep(f"trap '' INT; echo $$ > {tmp_path}/pid; while :; do sleep 0.1; done", patience=1.0)
    command = number_in(tmp_path / "pid")
    assert process.stdin is not None
    began = time.monotonic()
    process.stdin.close()
    assert process.wait(20) == 137
    assert time.monotonic() - began >= 0.9
    assert mark(command) is None


@pytest.mark.requirement("TF-PROCESS-01")
def test_orphans_go_with_the_command(tmp_path: Path) -> None:
    script = f"for n in 1 2 3; do env -i setsid sh -c 'echo $$ > {tmp_path}/'$n'; exec sleep 300' & done; sleep 1"
    process = keep(script)
    assert process.wait(30) == 0
    for number in (1, 2, 3):
        assert mark(number_in(tmp_path / str(number))) is None


@pytest.mark.requirement("TF-PROCESS-01")
@pytest.mark.parametrize(
    # Only root may make groups, and only root has no other bound: a fast bomb is then for the group alone.
    ("bomb", "has_groups"),
    [("slow", True), ("fast", True), ("sessions", True), ("slow", False)],
)
def test_fork_bombs_end(bomb: str, has_groups: bool) -> None:
    if has_groups and os.geteuid() == 0 and not any(os.access(group, os.W_OK) for group in keeper._GROUPS):
        pytest.skip("nothing on this machine bounds the processes of root")
    process = keep(BOMBS[bomb], most=150, has_groups=has_groups)
    assert process.wait(40) == keeper.TOO_MANY
    assert keeper_children(process.pid) == []


def keeper_children(pid: int) -> list[str]:
    """List the processes that call a process their session's or group's leader."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if str(pid) in fields[1:4]:
            found.append(path.parent.name)
    return found
