"""The agent as a program: of which files it is made."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import homeport_agent
import homeport_sdk


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """Install the agent in a folder of its own, as it is where Python does not look by itself, with a version of its own."""
    folder = tmp_path / "site-packages"
    for package in (homeport_agent, homeport_sdk):
        assert package.__file__ is not None
        source = Path(package.__file__).parent
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    version = folder / "homeport_sdk" / "version.py"
    version.write_text('"""The version."""\n\n__version__ = "47.11"\n')
    return folder


@pytest.mark.requirement("ENGINE-PROCESS-11")
def test_the_agent_is_made_of_its_installation_and_not_of_the_folder_it_starts_in(
    installation: Path, tmp_path: Path
) -> None:
    trap = "raise SystemExit('this is not for the agent')\n"
    for name in ("asyncio.py", "homeport_sdk/__init__.py", "httpx.py"):
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(trap)
    command = [sys.executable, "-I", str(installation / "homeport_agent" / "__main__.py"), "--version"]
    done = subprocess.run(
        command, cwd=tmp_path / "home", env={"PYTHONPATH": "."}, check=False, capture_output=True, text=True
    )
    assert done.stdout == "Homeport 47.11\n", done.stderr
