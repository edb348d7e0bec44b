"""Makes a part of what is installed beside the server, where set-up could fetch nothing: it fits the server's own Python."""

from importlib.metadata import PackageNotFoundError, distribution

from homeport.bootstrap.service.packing import read_distribution
from homeport.bootstrap.service.places import required_names


def read_installed() -> dict[str, bytes]:
    """Return what agents need of the packages of this Python."""
    files: dict[str, bytes] = {}
    for name in required_names():
        try:
            files |= read_distribution(distribution(name))
        except PackageNotFoundError:
            # Left out by whoever has installed the server: this Python may not need it.
            continue
    return files
