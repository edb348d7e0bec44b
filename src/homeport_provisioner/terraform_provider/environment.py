"""The environment of the bundled provider: a folder of packages of its own, made once of hashed requirements.

It cannot share ours: the messages of Terraform's protocol want another protobuf. It belongs to this Python and these requirements.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from homeport_provisioner.staging import Busy, hold

_HERE = Path(__file__).resolve().parent
_STAMP = "homeport.json"
COMMAND = "homeport provisioner terraform-provider set-up"


class SetUpFailure(Exception):
    """The environment could not be made; the text says what to do."""


def find_environment() -> Path | None:
    """Return the environment, if there is one for this Python and these requirements."""
    wanted = _stamp()
    return next((folder for folder in _places() if _read_stamp(folder) == wanted), None)


def make_environment(say: Callable[[str], None], *, is_forced: bool = False) -> Path:
    """Make the environment unless it is there; return it. Raises SetUpFailure."""
    found = find_environment()
    if found is not None and not is_forced:
        return found
    for place in _places():
        with ExitStack() as stack:
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(hold(place.with_name(f"{place.name}.lock")))
            except Busy as error:
                raise SetUpFailure("Another program is making it at this moment: try again later.") from error
            except OSError:
                continue
            _fill(place, say)
            return place
    raise SetUpFailure(f"Nothing may be written to {' or '.join(map(str, _places()))}.")


def _fill(folder: Path, say: Callable[[str], None]) -> None:
    fresh, old = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    for path in (fresh, old):
        shutil.rmtree(path, ignore_errors=True)
    say("installing what the bundled Terraform provider needs")
    command = (
        *(sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"),
        *("--no-warn-conflicts", "--root-user-action=ignore", "--require-hashes", "--no-deps", "--only-binary=:all:"),
        *("--target", str(fresh), "--requirement", str(_requirements())),
    )
    outcome = subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
    if outcome.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise SetUpFailure(
            "pip could not install it (see above). Templates that name coder/coder then need a registry."
        )
    (fresh / _STAMP).write_text(json.dumps(_stamp(), indent=1) + "\n", "utf-8")
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _places() -> tuple[Path, ...]:
    """Return where it may be: in the installation, else in the user's own data."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    # Environments of several Pythons may share the second place.
    name = f"terraform-provider-{sys.implementation.cache_tag}"
    return Path(sys.prefix) / "share" / "homeport" / "terraform-provider", data / "homeport" / name


def _requirements() -> Path:
    installed = _HERE / "requirements.txt"
    return installed if installed.exists() else _HERE.parents[2] / "requirements" / "terraform-provider.txt"


def _stamp() -> dict[str, str]:
    return {
        "python": f"{sys.implementation.cache_tag} {sysconfig.get_platform()}",
        "requirements": hashlib.sha256(_requirements().read_bytes()).hexdigest(),
    }


def _read_stamp(folder: Path) -> object:
    try:
        return json.loads((folder / _STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return None
