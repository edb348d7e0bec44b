"""Set-up makes the environment once, notices every change, and survives interruption: run on a project of its own.

The project has no third-party requirements and builds itself, so that nothing is fetched.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "sample"
version = "1"
[tool.hatch]
"""
BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "sample-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("sample.py", "x = 1")
        wheel.writestr("homeport_provisioner/terraform_provider.py", "import sys; sys.exit('making the provider')")
        wheel.writestr("homeport/bootstrap/service.py", "import sys; sys.exit('making parts')")
        wheel.writestr("sample-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: sample\\nVersion: 1\\n")
        wheel.writestr("sample-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("sample-1.dist-info/RECORD", "")
    return name
"""
pytestmark = pytest.mark.timeout(300)  # each makes an environment, which takes seconds on a busy machine
CREATING, REQUIREMENTS, PROJECT = "creating .venv", "installing requirements/", "installing homeport"
PROVIDER, AGENT = "making the provider", "making parts"
PACKING = "src/homeport/bootstrap/service/packing.py"
ALL = {CREATING, REQUIREMENTS, PROJECT, PROVIDER, AGENT}


class Project:
    """A project in a folder of its own, set up by the scripts of the real one."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("run", "dev", "build", "terraform-provider", "agent"):
            self.write(f"requirements/{name}.txt", "")
        self.write("src/homeport_sdk/version.py", "")
        self.write(PACKING, "")
        self.write("pyproject.toml", PYPROJECT)
        self.write("backend.py", BACKEND)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def set_up(self, profile="run", **environment):
        """Run set-up; return its exit status and which of its steps it did."""
        variables = {**os.environ, "PYTHON": sys.executable, "PIP_NO_INDEX": "1", **environment}
        outcome = subprocess.run(
            ["scripts/set-up", profile], cwd=self.root, text=True, capture_output=True, check=False, env=variables
        )
        return outcome.returncode, {step for step in ALL if step in outcome.stderr}


@pytest.fixture
def project(tmp_path):
    """A project that has been set up once."""
    project = Project(tmp_path / "project")
    assert project.set_up() == (0, ALL)
    return project


def test_a_second_run_finds_nothing_to_do_and_each_change_does_its_own_step(project):
    assert project.set_up() == (0, set())
    assert project.set_up(PYTHON="") == (0, set())
    assert project.set_up("dev") == (0, {REQUIREMENTS})
    assert project.set_up("run") == (0, set())
    project.write("requirements/dev.txt", "# changed")
    assert project.set_up("run") == (0, set())
    assert project.set_up("dev") == (0, {REQUIREMENTS})
    project.write("requirements/run.txt", "# changed")
    assert project.set_up("run") == (0, {REQUIREMENTS})
    assert project.set_up("dev") == (0, {REQUIREMENTS})
    project.write("pyproject.toml", PYPROJECT + "[tool.linter]\nx = 1\n")
    assert project.set_up("dev") == (0, set())
    project.write("pyproject.toml", PYPROJECT.replace('"1"', '"2"'))
    assert project.set_up("dev") == (0, {PROJECT})


@pytest.mark.requirement("TF-PROVIDER-09")
def test_the_environment_of_the_bundled_provider_is_made_and_nothing_fails_for_it(project):
    project.write("requirements/terraform-provider.txt", "# changed")
    assert project.set_up() == (0, {PROVIDER})
    assert project.set_up() == (0, set())


@pytest.mark.requirement("BOOT-SETUP-01")
@pytest.mark.parametrize("path", ["requirements/agent.txt", PACKING])
def test_what_agents_need_is_fetched_and_nothing_fails_for_it(project, path):
    project.write(path, "# changed")
    assert project.set_up() == (0, {AGENT})
    assert project.set_up() == (0, set())


def test_an_interrupted_or_moved_environment_is_made_anew(project):
    (project.root / ".venv" / "homeport-set-up.unfinished").touch()
    assert project.set_up() == (0, ALL)
    moved = project.root.with_name("moved")
    project.root.rename(moved)
    project.root = moved
    assert project.set_up() == (0, ALL)
    assert project.set_up() == (0, set())


def test_a_step_that_fails_is_reported_and_done_by_the_next_run(project):
    project.write("requirements/run.txt", f"absent==1 --hash=sha256:{'0' * 64}\n")
    assert project.set_up() == (1, {REQUIREMENTS})
    assert project.set_up() == (1, {REQUIREMENTS})
    project.write("requirements/run.txt", "# nothing again")
    assert project.set_up() == (0, {REQUIREMENTS})


def test_a_requirement_without_a_hash_is_refused(project):
    project.write("requirements/run.txt", "absent==1\n")
    assert project.set_up()[0] == 1


def test_an_environment_of_another_python_gives_way_to_the_one_that_is_asked_for(project):
    stamp = project.root / ".venv" / "homeport-set-up.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": "3.1"}))
    assert project.set_up(PYTHON="") == (0, set())
    assert project.set_up() == (0, ALL)


def test_an_environment_made_by_hand_is_taken_over(tmp_path):
    project = Project(tmp_path / "project")
    subprocess.run([sys.executable, "-m", "venv", project.root / ".venv"], check=True)
    assert project.set_up() == (0, {REQUIREMENTS, PROJECT, PROVIDER, AGENT})
