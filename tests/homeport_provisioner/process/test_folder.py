"""The folder of a workspace on disk."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from homeport_provisioner.process.folder import WorkspaceFolder

IS_ROOT = os.geteuid() == 0


@pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")
@pytest.mark.requirement("ENGINE-ISOLATION-01")
async def test_a_home_is_given_to_its_user_however_deep_it_is(tmp_path: Path) -> None:
    """It changes hands when isolation comes or goes; a link in it leads to somebody else's file."""
    folder = WorkspaceFolder(tmp_path, uuid4())
    folder.home.mkdir(parents=True)
    foreign = tmp_path / "foreign"
    foreign.touch()
    (folder.home / "link").symlink_to(foreign)
    here = os.getcwd()
    try:
        os.chdir(folder.home)
        for _ in range(1500):
            os.mkdir("0123456789")
            os.chdir("0123456789")
        Path("last").touch()
        folder.prepare(uid=54321, gid=54321, user="ada", home="/home/ada", shell="/bin/sh")
        assert Path("last").stat().st_uid == 54321
    finally:
        os.chdir(here)
    assert (folder.home / "link").lstat().st_uid == 54321
    assert foreign.stat().st_uid == 0
    await folder.remove()
    assert not folder.exists
