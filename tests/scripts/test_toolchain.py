"""The toolchain is pinned and current within its ranges, linting is clean, and the standard library is used."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUFF = Path(sys.executable).parent / "ruff"


def pins(name):
    """Return version and hashes of every requirement in a compiled file."""
    text = re.sub(r"^\s*#.*$", "", (ROOT / "requirements" / f"{name}.txt").read_text(), flags=re.MULTILINE)
    found: dict[str, list[tuple[Requirement, list[str]]]] = {}
    for entry in re.split(r"\n(?=\S)", text.replace("\\\n", " ").strip()):
        pin, *hashes = entry.split(" --hash=")
        found.setdefault(canonicalize_name(Requirement(pin).name), []).append((Requirement(pin), hashes))
    return found


@pytest.mark.requirement("M14")
@pytest.mark.parametrize("name", ["run", "dev", "build", "terraform-provider", "agent"])
def test_every_requirement_is_one_version_with_hashes(name):
    for package, entries in pins(name).items():
        for requirement, hashes in entries:
            assert [specifier.operator for specifier in requirement.specifier] == ["=="], package
            assert hashes, package
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes), package


@pytest.mark.requirement("M14")
@pytest.mark.parametrize("name", ["run", "dev", "build", "terraform-provider", "agent"])
def test_requirements_hold_no_address(name):
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    assert [line for line in lines if "://" in line or line.startswith("--")] == []


@pytest.mark.requirement("M14")
@pytest.mark.parametrize(
    ("declared", "name"),
    [
        (PROJECT["project"]["dependencies"], "run"),
        (PROJECT["project"]["dependencies"], "dev"),
        (PROJECT["project"]["optional-dependencies"]["dev"], "dev"),
        (PROJECT["build-system"]["requires"], "build"),
    ],
)
def test_every_declared_dependency_is_pinned_within_its_range(declared, name):
    pinned = pins(name)
    for text in declared:
        requirement = Requirement(text)
        entries = pinned.get(canonicalize_name(requirement.name), [])
        assert entries, text
        for pin, _ in entries:
            version = next(iter(pin.specifier)).version
            assert requirement.specifier.contains(version, prereleases=True), f"{text} is pinned to {version}"


@pytest.mark.requirement("M14")
def test_what_runs_in_tests_is_what_runs_in_use():
    run, dev = pins("run"), pins("dev")
    differing = {
        name for name in run if {str(pin) for pin, _ in run[name]} != {str(pin) for pin, _ in dev.get(name, [])}
    }
    assert differing == set()


@pytest.mark.requirement("M14")
def test_the_linter_has_nothing_to_say():
    outcome = subprocess.run(
        [str(RUFF), "check", "--no-cache", "--output-format", "concise", "."],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout


BANNED = PROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]


@pytest.mark.requirement("M16")
@pytest.mark.parametrize("package", sorted(BANNED))
def test_importing_what_the_standard_library_has_is_refused(package):
    command = [
        str(RUFF),
        "check",
        "--no-cache",
        "--select",
        "TID251",
        "--stdin-filename",
        "src/homeport/kit/sample.py",
        "-",
    ]
    outcome = subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, check=False, input=f"import {package}\n\nprint({package})\n"
    )
    assert outcome.returncode == 1
    assert BANNED[package]["msg"] in outcome.stdout


@pytest.mark.requirement("M16")
def test_no_dependency_is_declared_that_the_standard_library_replaces():
    declared = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]]
    names = {canonicalize_name(Requirement(text).name) for text in declared}
    replaced = {canonicalize_name(name) for name in BANNED} | {
        "python-dateutil",
        "attrs",
        "pyjwt",
        "dataclasses",
        "futures",
    }
    assert names & replaced == set()
