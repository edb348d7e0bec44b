"""`python -m checks` reads the files of the project, prints each broken rule with its place, and fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks.rules import ALL

ROOT = Path(__file__).resolve().parents[2]
CLEAN = '"""R."""\n\n\ndef f() -> None:\n    """F."""\n'


def run_checks(tree, *paths):
    return subprocess.run(
        [sys.executable, "-m", "checks", *paths],
        cwd=tree,
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def tree(tmp_path):
    """A project with one clean module."""
    room = tmp_path / "src" / "homeport" / "audit"
    room.mkdir(parents=True)
    (room / "rules.py").write_text(CLEAN)
    return tmp_path


def test_a_clean_tree_is_clean(tree):
    outcome = run_checks(tree)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")


def test_a_planted_violation_is_printed_with_its_place(tree):
    (tree / "src/homeport/audit/rules.py").write_text(CLEAN + "    import json\n")
    outcome = run_checks(tree)
    assert outcome.returncode == 1
    assert outcome.stdout.startswith("src/homeport/audit/rules.py:6: lazy-import: import at the top")
    assert outcome.stdout.count("\n") == 1


def test_only_the_named_files_are_read(tree):
    (tree / "src/homeport/audit/tasks.py").write_text("import json\n")
    assert run_checks(tree, "src/homeport/audit/rules.py").returncode == 0
    assert run_checks(tree).returncode == 1


def test_what_git_ignores_is_not_read(tree):
    (tree / "src/homeport/audit/utils.py").write_text('"""U."""\n')
    (tree / ".gitignore").write_text("utils.py\n")
    assert run_checks(tree).returncode == 1
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    assert run_checks(tree).returncode == 0


def test_a_file_that_does_not_parse_is_a_violation(tree):
    (tree / "src/homeport/audit/rules.py").write_text("def f(:\n")
    outcome = run_checks(tree)
    assert outcome.returncode == 1
    assert outcome.stdout.startswith("src/homeport/audit/rules.py:1: syntax: ")


def test_binary_files_are_passed_over(tree):
    (tree / "picture.png").write_bytes(b"\x89PNG\x00\xff")
    assert run_checks(tree).returncode == 0


def test_every_rule_module_is_run():
    modules = {path.stem for path in (ROOT / "checks" / "rules").glob("*.py")} - {"__init__"}
    assert {rule.__module__.rpartition(".")[2] for rule in ALL} == modules
