"""Makes the parts of bundles out of wheels, for every Python and machine: pip fetches what the hashed requirements name."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from homeport.bootstrap.service.packing import pack, read_packages
from homeport.bootstrap.service.places import find_part, part_name, places, requirements
from homeport.bootstrap.types import MACHINES, PLATFORMS, Platform

_AT_ONCE: Final = 4
_GLIBC: Final = ("2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
"""The oldest C library is that of Debian 10 and Red Hat 8."""
_MUSL: Final = ("1_2", "1_1")
_PIP: Final = (
    *(
        "-m",
        "pip",
        "install",
        "-qq",
        "--disable-pip-version-check",
        "--no-input",
        "--no-warn-conflicts",
        "--no-compile",
    ),
    *("--root-user-action=ignore", "--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation", "cp"),
)


class FetchFailed(Exception):
    """Parts are missing; the text says which, and why."""


def make_parts(say: Callable[[str], None], platforms: Sequence[Platform] = PLATFORMS) -> None:
    """Make each part that is not there yet. Raises FetchFailed when some could not be made: the others are there."""
    missing = [platform for platform in platforms if find_part(platform) is None]
    if not missing:
        return
    folder = _writable()
    say("fetching what agents need, for each Python and machine")
    # A constraint that did not hold here is no reason to leave a package out there, and none is needed on Linux.
    plain = re.sub(r"\s*;[^\\\n]*", " ", requirements().read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="new-", dir=folder) as name, ThreadPoolExecutor(_AT_ONCE) as pool:
        listed = Path(name, "requirements.txt")
        listed.write_text(plain, "utf-8")
        problems = list(filter(None, pool.map(lambda platform: _make(platform, listed, folder), missing)))
    _sweep(folder)
    if problems:
        raise FetchFailed("; ".join(problems))


def _writable() -> Path:
    for place in places():
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return place
        except OSError:
            continue
    raise FetchFailed(f"nothing may be written to {' or '.join(map(str, places()))}")


def _make(platform: Platform, listed: Path, folder: Path) -> str:
    """Make one part; return what went wrong."""
    target = listed.parent / platform.name
    tags = [f"--platform={tag}" for tag in _tags(platform)]
    versions = ["--python-version", platform.python]
    abis = [f"--abi={abi}" for abi in (f"cp{platform.python.replace('.', '')}", "abi3", "none")]
    command = [sys.executable, *_PIP, *versions, *abis, *tags, "--target", str(target), "--requirement", str(listed)]
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"pip ended with status {done.returncode}"]
        return f"{platform.name}: {lines[-1]}"
    fresh = target.with_suffix(".part")
    fresh.write_bytes(pack(read_packages(target), is_last=False))
    shutil.rmtree(target)
    fresh.replace(folder / part_name(platform))
    return ""


def _tags(platform: Platform) -> list[str]:
    machine = next(machine for machine, name in MACHINES.items() if name == platform.arch)
    if platform.libc == "musl":
        return [f"musllinux_{version}_{machine}" for version in _MUSL]
    return [*(f"manylinux_{version}_{machine}" for version in _GLIBC), f"manylinux2014_{machine}"]


def _sweep(folder: Path) -> None:
    """Remove parts of other requirements."""
    wanted = {part_name(platform) for platform in PLATFORMS}
    for path in folder.glob("cp*.tar.gz"):
        if path.name not in wanted:
            path.unlink(missing_ok=True)
