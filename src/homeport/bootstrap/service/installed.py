"""Makes a part of what is installed beside the server, where set-up could fetch nothing: it fits the server's own Python."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from homeport.bootstrap.service.packing import choose
from homeport.bootstrap.service.places import required_names


def read_installed() -> dict[str, bytes]:
    """Return what agents need of the packages of this Python."""
    files: dict[str, bytes] = {}
    for name in required_names():
        try:
            paths = distribution(name).files or []
        except PackageNotFoundError:
            # Left out by whoever has installed the server: this Python may not need it.
            continue
        inside = [path.as_posix() for path in paths if not path.is_absolute() and ".." not in path.parts]
        base = Path(str(distribution(name).locate_file("")))
        files |= {file: (base / file).read_bytes() for file in choose(inside) if (base / file).is_file()}
    return files
