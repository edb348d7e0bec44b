"""The bundles that this server offers: the parts of set-up, each with the agent of this very version behind it."""

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from threading import Lock
from typing import Final

from homeport.bootstrap.service.installed import read_installed
from homeport.bootstrap.service.packing import pack, read_agent
from homeport.bootstrap.service.places import COMMAND, SOURCE, find_part
from homeport.bootstrap.types import PLATFORMS, Bundle, Platform
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)
_CHUNK: Final = 1024 * 1024
_lock = Lock()


Parts = tuple[tuple[Platform, Path], ...]


def bundles() -> tuple[Bundle, ...]:
    """Return all bundles. Reads tens of megabytes where something is new: not for the event loop."""
    found = ((platform, find_part(platform)) for platform in PLATFORMS)
    with _lock:
        return _make(tuple((platform, path) for platform, path in found if path is not None))


@lru_cache(maxsize=1)
def _make(parts: Parts) -> tuple[Bundle, ...]:
    agent = pack(read_agent(SOURCE), is_last=True)
    made = [_bundle(platform, path, agent) for platform, path in parts]
    own = Platform.own()
    if all(bundle.platform != own for bundle in made):
        made.append(_bundle(own, pack(read_installed(), is_last=False), agent))
    if not parts:
        _log.warning("agents are offered for the server's own Python only", platform=own.name, more_are_made_by=COMMAND)
    return tuple(made)


def _bundle(platform: Platform, packages: Path | bytes, agent: bytes) -> Bundle:
    digest = hashlib.sha256()
    size = len(agent)
    if isinstance(packages, bytes):
        digest.update(packages)
        size += len(packages)
    else:
        size += packages.stat().st_size
        with packages.open("rb") as file:
            while piece := file.read(_CHUNK):
                digest.update(piece)
    digest.update(agent)
    return Bundle(platform=platform, sha256=digest.hexdigest(), size=size, parts=(packages, agent))


def version() -> str:
    """Return the version of the agent that is offered: the server's own."""
    try:
        return f"v{installed_version('homeport')}"
    except PackageNotFoundError:
        return "v0.0.0"
