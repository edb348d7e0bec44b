"""How the bundled provider is offered: a mirror that is kept, programs in it that start ours, and a key of its own."""

import asyncio
import datetime as dt
import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform_provider import environment
from homeport_provisioner.terraform_provider.mirror import offer
from homeport_sdk import clock


def programs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("terraform-provider-coder_v*"))


@pytest.mark.requirement("TF-PROVIDER-08")
async def test_versions_gather_in_one_mirror(tmp_path: Path) -> None:
    folder = tmp_path / "with space ' and quote"
    found = [await offer(folder, constraints) for constraints in ((), ("~> 1.0",), (">= 2.0",))]
    assert set(found) == {folder / "mirror"}
    [one, two] = programs(folder)
    assert (one.name, two.name) == ("terraform-provider-coder_v1.0.1", "terraform-provider-coder_v2.18.0")
    assert re.fullmatch(r".*/registry\.terraform\.io/coder/coder/2\.18\.0/linux_[a-z0-9]+/.*", str(two))
    assert stat.S_IMODE((folder / "identity.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(two.stat().st_mode) == 0o700


@pytest.mark.requirement("TF-PROVIDER-08")
def test_nobody_starts_it_by_hand_and_waits(tmp_path: Path) -> None:
    asyncio.run(offer(tmp_path, ()))
    done = subprocess.run(programs(tmp_path), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Terraform, which starts it by itself" in done.stderr


@pytest.mark.requirement("TF-PROVIDER-08")
async def test_what_fits_is_left_alone_and_what_does_not_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offer(tmp_path, ())
    [program] = programs(tmp_path)
    identity = tmp_path / "identity.pem"
    before = program.stat().st_ino, identity.stat().st_ino
    await asyncio.gather(*(offer(tmp_path, ()) for _ in range(8)))
    assert (program.stat().st_ino, identity.stat().st_ino) == before
    program.write_text("#!/bin/sh\nexec /of/an/earlier/installation\n")
    identity.write_text("half a key")
    await offer(tmp_path, ())
    assert sys.executable in program.read_text()
    now = identity.read_bytes()
    later = clock.now() + dt.timedelta(days=3640)
    monkeypatch.setattr(clock, "now", lambda: later)
    await offer(tmp_path, ())
    assert identity.read_bytes() != now
    assert sorted(path.name for path in tmp_path.iterdir()) == ["identity.pem", "mirror"]


@pytest.mark.requirement("TF-PROVIDER-08")
async def test_without_its_environment_the_error_says_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "_places", lambda: (tmp_path / "none",))
    with pytest.raises(EngineFailure, match="homeport provisioner terraform-provider set-up"):
        await offer(tmp_path, ())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("TF-PROVIDER-08")
def test_sockets_of_killed_providers_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    names = [f"homeport-terraform-{gone.pid}-abc", f"homeport-terraform-{os.getpid()}-abc", "homeport-terraform-x-y"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "socket").touch()
    (tmp_path / f"homeport-terraform-{gone.pid}-file").touch()
    (tmp_path / f"homeport-terraform-{gone.pid}-link").symlink_to(tmp_path / names[1])
    asyncio.run(offer(tmp_path / "provider", ()))
    left = {path.name for path in tmp_path.iterdir()} - {"provider"}
    assert left == {
        *names[1:],
        f"homeport-terraform-{gone.pid}-file",
        f"homeport-terraform-{gone.pid}-link",
    }
    assert (tmp_path / names[1] / "socket").exists()
