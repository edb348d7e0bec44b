"""Makes archives, of which several one after the other are one: each but the last leaves out the mark of its end."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath
from typing import Final

# What no agent loads: commands, types for checkers, sources in C, tests, a compiler for C declarations, caches of another Python.
_LEFT_OUT_FOLDERS: Final = frozenset({"__pycache__", "bin", "tests", "pycparser", "cffi"})
_LEFT_OUT_ENDS: Final = (
    ".pyi",
    ".pyc",
    ".c",
    ".h",
    ".pxd",
    ".pyx",
    ".typed",
    "/RECORD",
    "/INSTALLER",
    "/REQUESTED",
    "/direct_url.json",
)
_AGENT_PACKAGES: Final = ("homeport_agent", "homeport_sdk")


def pack(files: Mapping[str, bytes], *, is_last: bool) -> bytes:
    """Return the files as a part of an archive. The same files make the same bytes."""
    buffer = io.BytesIO()
    tar = tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 - its end is not always wanted
    for name in sorted(files):
        member = tarfile.TarInfo(name)
        member.size = len(files[name])
        member.mode = 0o644
        tar.addfile(member, io.BytesIO(files[name]))
    end = tar.offset
    if is_last:
        tar.close()
        end = buffer.tell()
    return gzip.compress(buffer.getbuffer()[:end], compresslevel=6, mtime=0)


def read_distribution(installed: Distribution) -> dict[str, bytes]:
    """Return what agents need of an installed package."""
    inside = [path.as_posix() for path in installed.files or [] if not path.is_absolute() and ".." not in path.parts]
    base = Path(str(installed.locate_file("")))
    return {name: (base / name).read_bytes() for name in choose(inside) if (base / name).is_file()}


def choose(names: Iterable[str]) -> list[str]:
    """Return what agents need of the files of packages."""
    return [
        name
        for name in names
        if not _LEFT_OUT_FOLDERS.intersection(PurePosixPath(name).parts[:-1])
        and not f"/{name}".endswith(_LEFT_OUT_ENDS)
    ]


def read_agent(source: Path) -> dict[str, bytes]:
    """Return the agent itself, as it lies beside the server's own packages."""
    return {
        path.relative_to(source).as_posix(): path.read_bytes()
        for package in _AGENT_PACKAGES
        for path in (source / package).rglob("*.py")
    }
