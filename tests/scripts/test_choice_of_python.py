"""`scripts/set-up` takes the newest Python that really runs, and says what to install when there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_INSTALLED = "#!/bin/sh\necho 'version manager: command not found' >&2\nexit 127\n"
TOO_OLD = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def machine(tmp_path):
    """A machine whose path holds a shell's tools and nothing else, and a tree whose set-up only names its Python."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool))
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "set-up", tmp_path / "scripts")
    (tmp_path / "scripts" / "set_up.py").write_text(
        "import os, sys; print('set up', sys.argv[1], 'on', os.environ['TAG'])\n"
    )
    return tmp_path


def command(machine, name, text):
    path = machine / "bin" / name
    path.write_text(text)
    path.chmod(0o755)


def python(machine, name, *, lacks_venv=False):
    """Put the Python that runs this test on the machine's path, under another name."""
    condition = 'case "$*" in *ensurepip*) exit 1;; esac\n' if lacks_venv else ""
    command(machine, name, f'#!/bin/sh\n{condition}TAG={name} exec "{sys.executable}" "$@"\n')


def set_up(machine, **environment):
    return subprocess.run(
        ["scripts/set-up", "run"],
        cwd=machine,
        text=True,
        capture_output=True,
        check=False,
        env={"PATH": str(machine / "bin"), "LANG": os.environ.get("LANG", "C.UTF-8"), **environment},
    )


def test_the_newest_that_runs_is_taken(machine):
    for name in ("python3.11", "python3.12", "python3"):
        python(machine, name)
    command(machine, "python3.13", NOT_INSTALLED)
    assert set_up(machine).stdout == "set up run on python3.12\n"


def test_a_plain_python_is_taken_when_it_is_new_enough(machine):
    command(machine, "python3.11", TOO_OLD)
    python(machine, "python3")
    assert set_up(machine).stdout == "set up run on python3\n"


def test_one_without_venv_is_passed_over(machine):
    python(machine, "python3.13", lacks_venv=True)
    python(machine, "python3.11")
    assert set_up(machine).stdout == "set up run on python3.11\n"


def test_when_none_can_make_an_environment_the_package_is_named(machine):
    python(machine, "python3.13", lacks_venv=True)
    command(machine, "apt-get", "#!/bin/sh\n")
    outcome = set_up(machine)
    assert outcome.returncode == 1
    assert "python3.13, but it cannot make a virtual environment" in outcome.stderr
    version = "{}.{}".format(*sys.version_info[:2])
    assert f"apt-get install python{version}-venv" in outcome.stderr


@pytest.mark.parametrize(
    ("manager", "advice"),
    [
        ("apt-get", "apt-get install python3 python3-venv"),
        ("dnf", "dnf install python3.13"),
        ("apk", "apk add python3"),
    ],
)
def test_when_there_is_none_the_command_that_brings_it_is_named(machine, manager, advice):
    command(machine, "python3", TOO_OLD)
    command(machine, manager, "#!/bin/sh\n")
    outcome = set_up(machine)
    assert outcome.returncode == 1
    assert "Homeport needs Python 3.11 or newer" in outcome.stderr
    assert advice in outcome.stderr


def test_a_named_python_is_the_only_one_looked_at(machine):
    python(machine, "python3.13")
    python(machine, "mine")
    assert set_up(machine, PYTHON="mine").stdout == "set up run on mine\n"
    outcome = set_up(machine, PYTHON="/nowhere/python3")
    assert outcome.returncode == 1
    assert "PYTHON=/nowhere/python3 is not one that runs" in outcome.stderr
