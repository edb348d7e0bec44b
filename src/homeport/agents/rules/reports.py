"""What agents may report, and what is made of it (spec: workspaces 4.2 and 4.3)."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from homeport.agents.errors import InvalidReport
from homeport.agents.types import LogLevel, MetadataValue
from homeport.workspaces.types import AgentLifecycle

MAX_LOG_BYTES = 1024 * 1024
MAX_VALUE_BYTES = 2048
MAX_KEYS_BYTES = 6144
MAX_STATUS_MESSAGE = 160
SUBSYSTEMS = frozenset({"envbox", "envbuilder", "exectrace"})

_LEVELS: dict[str, LogLevel] = {"trace": "trace", "debug": "debug", "info": "info", "warn": "warn", "error": "error"}
_END_OF_START = frozenset({"ready", "start_timeout", "start_error"})
_NUMBER = r"(?:0|[1-9]\d*)"
_IDENTIFIER = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_MAX_VERSION = 100


class StartTimes(NamedTuple):
    """When the start began and when it ended."""

    started_at: datetime | None
    ready_at: datetime | None


def start_times(before: StartTimes, state: AgentLifecycle, at: datetime) -> StartTimes:
    """Return the times after a step: `starting` begins anew, the three ends of a start close it."""
    if state == "starting":
        return StartTimes(at, None)
    if state in _END_OF_START:
        return StartTimes(before.started_at or at, at)
    return before


def check_version(version: str) -> str:
    """Return a semantic version with a leading v. Raises InvalidReport."""
    if len(version) <= _MAX_VERSION and _VERSION.fullmatch(version):
        return version
    raise InvalidReport("version", "The version must be a semantic version with a leading v, such as v1.2.3.")


def check_subsystems(subsystems: Iterable[str]) -> list[str]:
    """Return the subsystems once each and in order. Raises InvalidReport for one that does not exist."""
    found = sorted(set(subsystems))
    unknown = [name for name in found if name not in SUBSYSTEMS]
    if unknown:
        raise InvalidReport("subsystems", f"'{unknown[0]}' is none of {', '.join(sorted(SUBSYSTEMS))}.")
    return found


def log_level(level: str) -> LogLevel:
    """Return the level of that name; one that does not exist counts as info."""
    return _LEVELS.get(level.lower(), "info")


def clean_output(output: str) -> str:
    """Return a line that PostgreSQL can hold: without NUL and unpaired surrogates."""
    return output.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def fit_lines(sizes: Iterable[int], used: int) -> tuple[int, int, bool]:
    """Return how many lines still fit, the length with them, and whether any did not."""
    count = 0
    for size in sizes:
        if used + size > MAX_LOG_BYTES:
            return count, used, True
        used += size
        count += 1
    return count, used, False


def metadata_value(key: str, value: str, error: str) -> MetadataValue:
    """Bound a value: a long one is cut with a note, a long error replaced by a note."""
    value, error = clean_output(value), clean_output(error)
    size = len(value.encode())
    if size > MAX_VALUE_BYTES:
        value = value.encode()[:MAX_VALUE_BYTES].decode("utf-8", "ignore")
        error = f"value of {size} bytes exceeded {MAX_VALUE_BYTES} bytes"
    elif len(error.encode()) > MAX_VALUE_BYTES:
        error = f"error of {len(error.encode())} bytes exceeded {MAX_VALUE_BYTES} bytes"
    return MetadataValue(key=key, value=value, error=error)


def keys_that_fit(keys: Iterable[str]) -> int:
    """Return how many of the keys are kept: those that come before the limit on their total length."""
    total = 0
    count = 0
    for key in keys:
        total += len(key.encode("utf-8", "replace"))
        if total > MAX_KEYS_BYTES:
            return count
        count += 1
    return count
