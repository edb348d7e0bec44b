"""Following a job of the server, whatever it builds, to its end: queue, stages, log, outcome."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from homeport_cli.errors import CliError
from homeport_cli.progress import Progress
from homeport_sdk import clock
from homeport_sdk.errors import ApiError, ConnectionFailed

if TYPE_CHECKING:
    from homeport_sdk.models import MatchedProvisioners, ProvisionerJob, ProvisionerJobLog

POLL_SECONDS = 0.5
_TAIL = 20
# The server may restart while we watch; the job goes on without us.
_PATIENCE_SECONDS = 60.0
_START_ONE = "Start one: homeport provisioner start"
_ENDED = frozenset({"succeeded", "failed", "canceled"})


class HasJob(Protocol):
    """A build or a template version: what carries a job."""

    @property
    def job(self) -> "ProvisionerJob":
        """The job with its status and its place in the queue."""

    @property
    def matched_provisioners(self) -> "MatchedProvisioners | None":
        """Which daemons could take it, where the server has told."""


Carrier = TypeVar("Carrier", bound=HasJob)


class JobFailed(CliError):
    """The job ended without success; `error_code` says why in a word where the server knows one."""

    def __init__(self, message: str, *, error_code: str = "") -> None:
        super().__init__(message)
        self.error_code = error_code


async def follow_job(
    what: str,
    read: Callable[[], Awaitable[Carrier]],
    read_logs: Callable[[int], AsyncIterator["ProvisionerJobLog"]],
    progress: Progress,
) -> Carrier:
    """Show a job until it has ended and return what carries it. Raises JobFailed for any end but success.

    `read_logs(after)` yields the log's lines after the one with that id.
    """
    tail: deque[str] = deque(maxlen=_TAIL)
    carrier = await _wait_in_queue(read, progress)
    ticking = asyncio.create_task(_tick(progress))
    try:
        carrier = await _read_to_end(read, read_logs, progress, tail)
    finally:
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
    job = carrier.job
    progress.finish(is_failed=job.status != "succeeded")
    if job.status == "succeeded":
        return carrier
    if job.status == "canceled":
        raise JobFailed(f"{what} was canceled.", error_code="CANCELED")
    lines = "".join(f"\n    {line}" for line in tail)
    raise JobFailed(f"{what} failed: {job.error or 'no reason was given'}{lines}", error_code=job.error_code)


async def _wait_in_queue(read: Callable[[], Awaitable[Carrier]], progress: Progress) -> Carrier:
    said = ""
    while True:
        carrier = await read()
        if carrier.job.status != "pending":
            return carrier
        progress.show_stage("Waiting for a provisioner")
        reason = queue_reason(carrier)
        if reason and reason != said:
            progress.show_note(reason)
            said = reason
        progress.tick()
        await asyncio.sleep(POLL_SECONDS)


def queue_reason(carrier: HasJob) -> str:
    """Say why a pending job waits; empty when it is about to begin."""
    job, matched = carrier.job, carrier.matched_provisioners
    if job.wait and job.wait.reason == "next":
        return ""
    if job.wait:
        # Whoever is busy will do it; in all other cases there is nobody.
        return job.wait.message if job.wait.reason == "busy" else f"{job.wait.message} {_START_ONE}"
    if matched is not None and not matched.count:
        tags = " ".join(f"{name}={value}" for name, value in sorted(job.tags.items()))
        return f"No provisioner accepts the job's tags ({tags}). {_START_ONE}"
    if matched is not None and not matched.available:
        return "The provisioners that accept this job have not been seen for a while; it begins when one is back."
    if job.queue_position > 1:
        return f"{job.queue_position - 1} of {job.queue_size} jobs in the queue are ahead."
    return ""


async def _read_to_end(
    read: Callable[[], Awaitable[Carrier]],
    read_logs: Callable[[int], AsyncIterator["ProvisionerJobLog"]],
    progress: Progress,
    tail: deque[str],
) -> Carrier:
    last, lost_at = 0, 0.0
    while True:
        try:
            async for line in read_logs(last):
                last = max(last, line.id)
                progress.show_stage(line.stage)
                # What was shown as it came is not told again at the end.
                if line.output and not progress.show_line(line.output, level=line.log_level):
                    tail.append(line.output)
            carrier = await read()
            lost_at = 0.0
        except (ConnectionFailed, ApiError) as error:
            if isinstance(error, ApiError) and error.status < 500:
                raise
            lost_at = lost_at or clock.monotonic()
            if clock.monotonic() - lost_at > _PATIENCE_SECONDS:
                raise
            await asyncio.sleep(POLL_SECONDS)
            continue
        if carrier.job.status in _ENDED:
            return carrier
        await asyncio.sleep(POLL_SECONDS / 5)


async def _tick(progress: Progress) -> None:
    while True:
        await asyncio.sleep(1)
        progress.tick()
