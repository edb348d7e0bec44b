"""Bring `.venv` to what the hashed requirements say, once, and notice cheaply that there is nothing to do.

Runs on any Python 3.11 or newer without third-party packages; `scripts/set-up` chooses which one. What has been
installed is remembered by content hash inside `.venv`, written last: a change of a requirements file installs again,
an interruption leaves a mark that makes the next run start from an empty environment.
"""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "homeport-set-up.json"
UNFINISHED = ENVIRONMENT / "homeport-set-up.unfinished"
CACHE = ROOT / ".cache"
PACKING = ROOT / "src" / "homeport" / "bootstrap" / "service" / "packing.py"
PROFILES = ("run", "dev")
PYTHON_VERSION = "{}.{}".format(*sys.version_info[:2])

State = dict[str, str]


class SetUpError(Exception):
    """Set-up cannot go on; the text says what to do."""


def wanted_state(profile: str) -> State:
    """Return what a finished set-up of `profile` looks like: place, and the hash of everything that is installed."""
    state = {
        "root": str(ROOT),
        "build": _hash_file("build.txt"),
        "project": _hash_project(),
        "run": _hash_file("run.txt"),
        "terraform-provider": _hash_file("terraform-provider.txt"),
        "agent": _hash_file("agent.txt", PACKING),
    }
    if profile == "dev":
        state["dev"] = _hash_file("dev.txt")
    if os.environ.get("PYTHON"):
        state["python"] = PYTHON_VERSION
    return state


def recorded_state() -> State:
    """Return what the last finished set-up recorded; empty when there was none or its environment does not stand."""
    if not os.access(PYTHON, os.X_OK) or UNFINISHED.exists():
        return {}
    try:
        state = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def is_current(profile: str) -> bool:
    """Tell whether `.venv` already is what `profile` asks for."""
    recorded = recorded_state()
    return bool(recorded) and all(recorded.get(key) == value for key, value in wanted_state(profile).items())


def set_up(profile: str) -> None:
    """Create or complete `.venv` for `profile`. Raises SetUpError when a step fails."""
    with _only_one():
        if is_current(profile):
            return
        recorded = recorded_state()
        wanted = wanted_state(profile)
        if not _is_usable(recorded, wanted):
            _create_environment()
            recorded = {"python": PYTHON_VERSION}
        UNFINISHED.touch()
        STAMP.unlink(missing_ok=True)
        try:
            _install(profile, recorded, wanted)
        except SetUpError:
            # pip itself ended in order (an unreachable index, a wrong hash): what stands is whole, only not complete.
            _record({**recorded, "root": wanted["root"]})
            raise
        if recorded.get("run") != wanted["run"]:
            recorded.pop("dev", None)
        _record({**recorded, **wanted})


def _is_usable(recorded: State, wanted: State) -> bool:
    """Tell whether the environment that stands can be completed, or must be made anew."""
    if UNFINISHED.exists():
        return False
    if recorded:
        return all(recorded.get(key) == wanted[key] for key in ("root", "python") if key in wanted)
    # Made by hand, as `python -m venv .venv` does: taken over when it stands where it was made and fits.
    try:
        stands_here = f"{ENVIRONMENT / 'bin'}/python" in (ENVIRONMENT / "bin" / "pip").read_text()
    except (OSError, UnicodeDecodeError):
        return False
    fits = f"sys.version_info[:2] == {sys.version_info[:2]}" if "python" in wanted else "sys.version_info >= (3, 11)"
    probe = [str(PYTHON), "-I", "-c", f"import sys, pip; sys.exit(not ({fits}))"]
    return stands_here and subprocess.run(probe, check=False, capture_output=True).returncode == 0


def _record(state: State) -> None:
    STAMP.write_text(json.dumps(state, indent=1, sort_keys=True) + "\n")
    UNFINISHED.unlink()


def _install(profile: str, recorded: State, wanted: State) -> None:
    if any(recorded.get(key) != wanted[key] for key in ("run", profile)):
        _say(f"installing requirements/{profile}.txt (the first time this takes a minute or two)")
        # The file holds all that is needed, so nothing is resolved again: that is quicker, and older pips refuse the resolved
        # `package` where something in the file wishes for `package[extra]`.
        _pip("install", "--require-hashes", "--no-deps", "-r", f"requirements/{profile}.txt")
    if any(recorded.get(key) != wanted[key] for key in ("build", "project")):
        _say("installing homeport")
        _pip("install", "--require-hashes", "--no-deps", "-r", "requirements/build.txt")
        _pip("install", "--no-deps", "--no-build-isolation", "--editable", ".")
    if recorded.get("terraform-provider") != wanted["terraform-provider"]:
        # Not worth failing for: without it, Terraform templates need a registry. A command makes it later.
        _attempt("homeport_provisioner.terraform_provider")
    if recorded.get("agent") != wanted["agent"]:
        # Nor is this: without it, the agent is offered for this very Python. A command makes it later.
        _attempt("homeport.bootstrap.service")


def _attempt(module: str) -> None:
    if subprocess.run([str(PYTHON), "-I", "-m", module], cwd=ROOT, check=False).returncode < 0:
        raise KeyboardInterrupt


def _create_environment() -> None:
    if ENVIRONMENT.exists() or ENVIRONMENT.is_symlink():
        # Moved away first, so that a half deleted environment never stands under the name that everything looks at.
        discarded = CACHE / f"discarded-environment-{os.getpid()}"
        ENVIRONMENT.rename(discarded)
        shutil.rmtree(discarded, ignore_errors=True)
    _say(f"creating .venv with Python {platform.python_version()}")
    ENVIRONMENT.mkdir()
    UNFINISHED.touch()
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True).create(ENVIRONMENT)
    except subprocess.CalledProcessError as error:
        raise SetUpError(f"{sys.executable} could not make a virtual environment: {error}") from error


def _pip(*arguments: str) -> None:
    command = [
        str(PYTHON),
        "-m",
        "pip",
        *arguments[:1],
        "-qq",
        "--disable-pip-version-check",
        "--no-input",
        *arguments[1:],
    ]
    outcome = subprocess.run(command, cwd=ROOT, check=False)
    if outcome.returncode < 0:
        raise KeyboardInterrupt
    if outcome.returncode:
        raise SetUpError(f"`pip {' '.join(arguments)}` failed (see above). The next run goes on from here.")


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold a lock, so that `make serve` and `make test` at once do not install over each other."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "set-up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another set-up to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _hash_file(name: str, *others: Path) -> str:
    paths = (ROOT / "requirements" / name, *others)
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _hash_project() -> str:
    """Hash what the installed metadata depends on: not the settings of linters that stand in the same file."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    relevant = [document["build-system"], document["project"], document["tool"]["hatch"]]
    version = (ROOT / "src" / "homeport_sdk" / "version.py").read_text()
    return hashlib.sha256(json.dumps([*relevant, version], sort_keys=True).encode()).hexdigest()


def _say(text: str) -> None:
    sys.stderr.write(f"set-up: {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Bring .venv to what the hashed requirements say.")
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument(
        "--is-current", action="store_true", help="only tell, by exit status, whether there is nothing to do"
    )
    arguments = parser.parse_args()
    if arguments.is_current:
        return 0 if is_current(arguments.profile) else 1
    try:
        set_up(arguments.profile)
    except SetUpError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("interrupted; the next run starts with an empty environment")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
