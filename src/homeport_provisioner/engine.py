"""What an engine is: it reads a template, plans it, and starts, stops and deletes what the template describes.

An engine knows nothing of the server. It writes to the job's log through `Task.log`, looks at `Task.canceled` wherever it waits, and is
ended with `asyncio.CancelledError` when it does not stop by itself in time.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from homeport_sdk.provisioner_protocol import (
    BuildInput,
    BuildResult,
    DryRunInput,
    DryRunResult,
    ErrorCode,
    ImportResult,
    LogLevel,
    Transition,
    Variable,
    VariableValue,
)

Log = Callable[[str, LogLevel], None]
"""Writes one or more lines to the job's log."""
Variables = Mapping[str, VariableValue]
"""Values of all variables that the template declares."""


Verdict = Literal["accepted", "refused", "unknown"]
"""What became of a build's result: the server took it, did not, or nobody can say now and `recover` will ask."""


class EngineFailure(Exception):
    """The job has no result; the text is for the person who started it. `state` is what is known by then (None: as before)."""

    def __init__(self, message: str, *, code: ErrorCode = "", state: bytes | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.state = state


class EngineCanceled(EngineFailure):
    """The engine has stopped because it was asked to."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One job as its engine sees it. `source` holds the template, `scratch` what the engine writes: private folders that are
    removed after the job. `url` is where agents dial. `has_reported_failure` says, when the job is settled, that the server has
    taken its failure, with the state in it.
    """

    job_id: UUID
    source: Path
    scratch: Path
    url: str
    log: Log
    canceled: asyncio.Event
    has_reported_failure: bool = False

    def check_canceled(self, state: bytes | None = None) -> None:
        """Raise EngineCanceled when the job has been canceled."""
        if self.canceled.is_set():
            raise EngineCanceled("The job was canceled.", state=state)


class Engine(Protocol):
    """One way to make workspaces. All methods may raise EngineFailure."""

    def needs_source(self, transition: Transition) -> bool:
        """Whether a build of this kind reads the template at all."""

    async def read_variables(self, task: Task) -> list[Variable]:
        """Read which variables the template declares."""

    async def plan_import(self, task: Task, variables: Variables) -> ImportResult:
        """Check the whole template; say what it makes and what it asks for."""

    async def dry_run(self, task: Task, request: DryRunInput, variables: Variables) -> DryRunResult:
        """Say what a start with these values would make."""

    async def daily_cost(self, task: Task, build: BuildInput, variables: Variables) -> int:
        """Say what the build will cost a day, in credits."""

    async def build(self, task: Task, build: BuildInput, variables: Variables) -> BuildResult:
        """Start, stop or delete. What is made stays provisional until `settle`."""

    async def settle(self, task: Task, build: BuildInput, verdict: Verdict) -> None:
        """Keep what the build made, undo it, or leave it to `recover`. Called once after `build` or `daily_cost`, however that ended."""

    async def recover(self, knows_agent: "KnowsAgent") -> None:
        """Clean up what daemons that were killed have left in half."""


class KnowsAgent(Protocol):
    """Asks the server whether an agent's token belongs to a finished build."""

    async def __call__(self, token: str, /) -> bool:
        """Return the answer, as soon as the server can give it."""
