"""Makes the parts of bundles out of wheels, for every Python and machine: pip fetches what the hashed requirements name."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final

from homeport.bootstrap.service.packing import pack, read_distribution
from homeport.bootstrap.service.places import find_part, part_name, places, requirements
from homeport.bootstrap.types import MACHINES, PLATFORMS, Platform

_AT_ONCE: Final = 4
_SECONDS: Final = 300
_GLIBC: Final = ("2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
"""The oldest C library is that of Debian 10 and Red Hat 8."""
_MUSL: Final = ("1_2", "1_1")
_PIP: Final = (
    *("-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", "--no-warn-conflicts"),
    *("--root-user-action=ignore", "--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"),
    *("--implementation", "cp", "--abi", "abi3", "--abi", "none"),
)
_BLOCK: Final = re.compile(r"^[A-Za-z0-9](?:.*\\\n)*.*$", re.MULTILINE)
_MARKER: Final = re.compile(r"\s*;[^\\\n]*")


class FetchFailed(Exception):
    """Parts are missing; the text says which, and why."""


def make_parts(say: Callable[[str], None], platforms: Sequence[Platform] = PLATFORMS) -> None:
    """Make each part that is not there yet. Raises FetchFailed when some could not be made: the others are there."""
    missing = [platform for platform in platforms if find_part(platform) is None]
    if not missing:
        return
    folder = _writable()
    say(f"fetching what agents need, for {len(missing)} kinds of Python and machine")
    # A constraint that does not hold here is no reason to leave a package out there, and none is needed on Linux.
    blocks = [_MARKER.sub(" ", block) for block in _BLOCK.findall(requirements().read_text("utf-8"))]
    with tempfile.TemporaryDirectory(prefix="new-", dir=folder) as name, ThreadPoolExecutor(_AT_ONCE) as pool:
        common, special = _fetch_common(Path(name), missing[0], blocks)

        def make(platform: Platform) -> str:
            try:
                files = common | _fetch(Path(name), platform, special)[0]
                fresh = Path(name, f"{platform.name}.part")
                fresh.write_bytes(pack(files, is_last=False))
                fresh.replace(folder / part_name(platform))
            except FetchFailed as error:
                return str(error)
            return ""

        problems = list(filter(None, pool.map(make, missing)))
    _sweep(folder)
    if problems:
        raise FetchFailed("; ".join(problems))


def _fetch_common(folder: Path, platform: Platform, blocks: Sequence[str]) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of packages that are the same everywhere, and the requirements of those that are not."""
    files, names = _fetch(folder, platform, blocks, is_common=True)
    return files, [block for block in blocks if _plain(block.partition("==")[0]) not in names]


def _fetch(
    folder: Path, platform: Platform, blocks: Sequence[str], *, is_common: bool = False
) -> tuple[dict[str, bytes], set[str]]:
    """Install packages for a platform; return what agents need of them, or of those that fit all platforms, and their names."""
    files: dict[str, bytes] = {}
    names = set()
    with tempfile.TemporaryDirectory(dir=folder) as target:
        _install(Path(target), platform, blocks)
        for path in Path(target).glob("*.dist-info"):
            found = Distribution.at(path)
            if not is_common or "-none-any" in (found.read_text("WHEEL") or ""):
                files |= read_distribution(found)
                names.add(_plain(found.name))
    return files, names


def _install(target: Path, platform: Platform, blocks: Sequence[str]) -> None:
    listed = target / "requirements.txt"
    listed.write_text("\n".join(blocks) + "\n", "utf-8")
    fitting = ["--python-version", platform.python, "--abi", f"cp{platform.python.replace('.', '')}"]
    fitting += [f"--platform={tag}" for tag in _tags(platform)]
    command = [sys.executable, *_PIP, *fitting, "--target", str(target), "--requirement", str(listed)]
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"{platform.name}: pip was not done after {_SECONDS} seconds") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"pip ended with status {done.returncode}"]
        raise FetchFailed(f"{platform.name}: {lines[-1]}")


def _tags(platform: Platform) -> list[str]:
    machine = next(machine for machine, name in MACHINES.items() if name == platform.arch)
    if platform.libc == "musl":
        return [f"musllinux_{version}_{machine}" for version in _MUSL]
    return [*(f"manylinux_{version}_{machine}" for version in _GLIBC), f"manylinux2014_{machine}"]


def _plain(name: str) -> str:
    """Return a package's name as all its spellings have it."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()


def _writable() -> Path:
    for place in places():
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return place
        except OSError:
            continue
    raise FetchFailed(f"nothing may be written to {' or '.join(map(str, places()))}")


def _sweep(folder: Path) -> None:
    """Remove parts of other requirements."""
    wanted = {part_name(platform) for platform in PLATFORMS}
    for path in folder.glob("cp*.tar.gz"):
        if path.name not in wanted:
            path.unlink(missing_ok=True)
