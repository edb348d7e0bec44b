"""The installed version of Homeport."""

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("homeport")
    except PackageNotFoundError:
        return "0.0.0"


VERSION = _installed()
