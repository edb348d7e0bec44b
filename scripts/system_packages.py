"""Install what tests need beyond Python, where the system's package manager may be used.

Otherwise say what is left out and which command brings it. With CI=true nothing may be left out: the exit status is
then 1.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence

from scripts.components import Component, explain, install_command, missing, must_be_complete, package_manager

_ATTEMPTS = 4
_PAUSE = 5.0  # seconds before the second attempt; twice that before the third, and so on


def may_install(manager: str | None) -> bool:
    """Tell whether packages may be installed without asking: root with a package manager of the system's own."""
    return manager in {"apt-get", "dnf", "apk"} and os.geteuid() == 0


def install(components: Sequence[Component], manager: str) -> bool:
    """Install the packages of `components`; return whether the package manager was content."""
    command = install_command(components, manager)
    if command is None:
        return True
    if manager == "apt-get" and not _run("apt-get update -q"):
        return False
    return _run(command)


def _run(command: str) -> bool:
    """Run the package manager without questions; after a failure (network, another run's lock) pause and try again."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for attempt in range(1, _ATTEMPTS + 1):
        _say(command)
        process = subprocess.run(
            shlex.split(command),
            env=environment,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if process.returncode == 0:
            return True
        _say(f"ended with status {process.returncode}: {process.stdout[-1000:].strip()}")
        if attempt < _ATTEMPTS:
            time.sleep(_PAUSE * attempt)
    return False


def _say(text: str) -> None:
    sys.stderr.write(f"system packages: {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Install or explain; return 1 only when something is left out that may not be."""
    lacking = missing()
    manager = package_manager()
    if lacking and manager is not None and may_install(manager):
        install(lacking, manager)
        lacking = missing(lacking)
    for component in lacking:
        _say(f"left out: {explain(component)}")
    return 1 if lacking and must_be_complete() else 0


if __name__ == "__main__":
    sys.exit(main())
