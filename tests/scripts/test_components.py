"""What tests need beyond Python: found, named with the command that brings it, skipped, or in CI insisted on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import components

ROOT = Path(__file__).resolve().parents[2]
TEST = """
import pytest

@pytest.mark.needs({names})
def test_it():
    pass
"""


@pytest.fixture
def bare_path(tmp_path, monkeypatch):
    """A machine without a single program."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(components, "_SYSTEM_FOLDERS", ())
    return tmp_path / "bin"


def program(folder, name, text="#!/bin/sh\n"):
    assert "/" not in name, "a program of the machine's own would be written over"
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_a_component_is_here_when_any_of_its_commands_is(bare_path):
    # What has to lie in one folder is found there whatever the path says.
    sought = {name for name, one in components.COMPONENTS.items() if not one.folder}
    assert {component.name for component in components.missing()} >= sought
    program(bare_path, "chromium-browser")
    assert "chromium" not in {component.name for component in components.missing()}


def test_one_command_brings_all_that_is_missing(bare_path):
    lacking = components.missing()
    command = components.install_command(lacking, "apt-get")
    assert command is not None
    assert command.removeprefix("sudo ").startswith("apt-get install -y --no-install-recommends ")
    assert {"chromium", "openssh-client", "openssh-server", "rsync", "git", "bubblewrap"} <= set(command.split())
    assert components.install_command(lacking, None) is None
    assert components.install_command([components.COMPONENTS["bubblewrap"]], "brew") is None


def test_what_is_missing_is_explained_with_or_without_a_package_manager(bare_path):
    bubblewrap = components.COMPONENTS["bubblewrap"]
    assert "install bwrap so that it is on the path" in components.explain(bubblewrap)
    program(bare_path, "dnf")
    assert "dnf install -y bubblewrap` brings it" in components.explain(bubblewrap)


def run_system_packages(folder, **environment):
    """Run the script on a machine whose path is `folder`; the system folders hold nothing of what it looks for."""
    code = (
        "import sys; from scripts import components, system_packages; components._SYSTEM_FOLDERS = ();"
        "system_packages._PAUSE = 0; sys.exit(system_packages.main())"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        env={"PATH": str(folder), "FOLDER": str(folder), **environment},
    )


def fill(folder, *, without=()):
    for component in components.COMPONENTS.values():
        if component.name not in without:
            program(folder, component.commands[0])


def test_a_complete_machine_is_left_alone(bare_path):
    fill(bare_path)
    outcome = run_system_packages(bare_path, CI="true")
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_what_cannot_be_installed_is_named_and_only_ci_insists(bare_path):
    fill(bare_path, without=("rsync",))
    program(bare_path, "brew")
    outcome = run_system_packages(bare_path)
    assert outcome.returncode == 0
    assert "left out: rsync is not on this" in outcome.stderr
    assert "`brew install rsync` brings it" in outcome.stderr
    assert run_system_packages(bare_path, CI="true").returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs system packages without asking")
def test_root_installs_without_questions_and_again_after_a_failure(bare_path):
    fill(bare_path, without=("rsync", "git"))
    # A package manager that fails once, then does what it is told and notes it.
    program(
        bare_path,
        "apt-get",
        "#!/bin/sh\n"
        'echo "$DEBIAN_FRONTEND $*" >> "$FOLDER/calls"\n'
        'if [ ! -e "$FOLDER/failed" ]; then : > "$FOLDER/failed"; exit 100; fi\n'
        'if [ "$1" = install ]; then\n'
        '    for name in rsync git; do echo "#!/bin/sh" > "$FOLDER/$name"; /bin/chmod 755 "$FOLDER/$name"; done\n'
        "fi\n",
    )
    assert run_system_packages(bare_path, CI="true").returncode == 0
    assert (bare_path / "calls").read_text().splitlines() == [
        "noninteractive update -q",
        "noninteractive update -q",
        "noninteractive install -y --no-install-recommends rsync git",
    ]


def run_test(tmp_path, names, *, is_ci, path):
    (tmp_path / "test_sample.py").write_text(TEST.format(names=names))
    options = f"-p tests.support.components -p no:cacheprovider -rs -c {os.devnull} --rootdir {tmp_path}".split()
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tmp_path / "test_sample.py"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        env={"PATH": str(path), "CI": "true" if is_ci else ""},
    )
    return outcome.returncode, outcome.stdout


def test_a_test_runs_when_what_it_needs_is_here(tmp_path, bare_path):
    program(bare_path, "bwrap")
    status, output = run_test(tmp_path, "'bubblewrap'", is_ci=True, path=bare_path)
    assert status == 0
    assert "1 passed" in output


def test_a_test_is_skipped_with_the_remedy_and_fails_in_ci(tmp_path, bare_path):
    program(bare_path, "dnf")
    status, output = run_test(tmp_path, "'bubblewrap'", is_ci=False, path=bare_path)
    assert status == 0
    assert "1 skipped" in output
    assert "dnf install -y bubblewrap" in output
    status, output = run_test(tmp_path, "'bubblewrap'", is_ci=True, path=bare_path)
    assert status == 1
    assert "dnf install -y bubblewrap" in output


def test_an_unknown_component_fails(tmp_path, bare_path):
    status, output = run_test(tmp_path, "'teapot'", is_ci=False, path=bare_path)
    assert status == 1
    assert "unknown component teapot" in output
