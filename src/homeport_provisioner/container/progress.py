"""The engine's progress as lines of a job's log: few enough to read, soon enough to see that something happens."""

from collections.abc import Mapping
from typing import Any

from homeport_provisioner.engine import Log
from homeport_sdk import clock

_EVERY_SECONDS = 3.0
_MEGABYTE = 1_000_000


class PullProgress:
    """Tells how far a pull is: when a layer is there, and between, how much of all has come."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._layers: dict[str, tuple[int, int]] = {}
        self._said: set[str] = set()
        self._due = clock.monotonic() + _EVERY_SECONDS

    def note(self, item: Mapping[str, Any]) -> None:
        """Take one message of the engine."""
        layer, status = str(item.get("id") or ""), str(item.get("status") or item.get("stream") or "").strip()
        detail = item.get("progressDetail")
        if layer and isinstance(detail, Mapping) and isinstance(detail.get("current"), int):
            total = detail.get("total")
            self._layers[layer] = (int(detail["current"]), total if isinstance(total, int) else 0)
            if clock.monotonic() >= self._due:
                self._due = clock.monotonic() + _EVERY_SECONDS
                self._log(self._sum(), "info")
            return
        line = f"{layer}: {status}" if layer and status else status
        if line and line not in self._said:
            self._said.add(line)
            self._log(line, "debug" if layer else "info")

    def _sum(self) -> str:
        done = sum(current for current, _ in self._layers.values())
        total = sum(max(current, all_of_it) for current, all_of_it in self._layers.values())
        return f"{done / _MEGABYTE:.0f} of {total / _MEGABYTE:.0f} MB of {len(self._layers)} layers so far"


class BuildProgress:
    """Hands on what a build writes, in whole lines."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._rest = ""

    def note(self, item: Mapping[str, Any]) -> None:
        """Take one message of the engine."""
        if "stream" in item:
            *lines, self._rest = (self._rest + str(item["stream"])).split("\n")
            for line in lines:
                if line.strip():
                    self._log(line.rstrip(), "info")
            return
        status = str(item.get("status") or "").strip()
        if status and not item.get("progressDetail"):
            self._log(f"{item.get('id')}: {status}" if item.get("id") else status, "debug")

    def finish(self) -> None:
        """Write what came without an end of line."""
        if self._rest.strip():
            self._log(self._rest.rstrip(), "info")
        self._rest = ""
