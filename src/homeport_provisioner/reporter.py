"""Streams a job's log to the server and learns from the answers whether the job is canceled, must stop by force, or is lost."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from homeport_provisioner.control_plane import JobCalls, JobLost
from homeport_sdk import clock
from homeport_sdk.errors import ApiError
from homeport_sdk.provisioner_protocol import LogLevel, LogLine, LogSource, UpdateJobRequest, Variable, VariableValue

HEARTBEAT_SECONDS = 2.0
"""The server wants a sign of life every 5 s; its answers tell of a cancel, for which nobody wants to wait so long."""
CANCELED_HEARTBEAT_SECONDS = 1.0
_GATHER_SECONDS = 0.15
_BATCH_BYTES = 256 * 1024
_LINE_CHARACTERS = 16 * 1024
_WAITING_BYTES = 4 * 1024 * 1024
"""More than this is never kept while the server cannot be reached: the oldest lines go first, and a line says so."""
_LINE_BYTES = 100
"""What a line takes beside its text."""
_MOST_WAITING = _WAITING_BYTES // _LINE_BYTES
# Terminals obey them, also those of the second set.
_CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\t")})


class Reporter:
    """The log and the heart of one job. `run` it beside the work; `canceled`, `forced` and `lost` are set by the server's answers."""

    def __init__(
        self, calls: JobCalls, *, silence_seconds: float = 180.0, hide: Callable[[str], str] = lambda text: text
    ) -> None:
        """When no report gets through for `silence_seconds`, the job counts as lost: the server is about to give it away.

        `hide` takes out of each line what is nobody's business.
        """
        self.canceled = asyncio.Event()
        self.forced = asyncio.Event()
        self.lost = asyncio.Event()
        self.loss = ""
        self.stage = "Setting up"
        self._calls = calls
        self._silence_seconds = silence_seconds
        self._hide = hide
        self._heard_at = time.monotonic()
        self._waiting: deque[LogLine] = deque()
        self._size = 0
        self._dropped = 0
        self._has_news = asyncio.Event()
        self._sending = asyncio.Lock()

    def write(self, text: str, level: LogLevel = "info", *, source: LogSource = "provisioner") -> None:
        """Add lines to the log. Control characters other than tabs go; lines that are too long are cut."""
        at = clock.now()
        lines = self._hide(text).splitlines() or [""]
        # No more than could wait: a million empty lines come as one text.
        self._dropped += max(0, len(lines) - _MOST_WAITING)
        for line in lines[-_MOST_WAITING:]:
            clean = line[:_LINE_CHARACTERS].translate(_CONTROLS)
            if len(line) > _LINE_CHARACTERS:
                clean = f"{clean}… ({len(line) - _LINE_CHARACTERS} more characters)"
            self._waiting.append(LogLine(created_at=at, output=clean, level=level, source=source, stage=self.stage))
            self._size += len(clean) + _LINE_BYTES
        while self._size > _WAITING_BYTES:
            self._size -= len(self._waiting.popleft().output) + _LINE_BYTES
            self._dropped += 1
        self._has_news.set()

    def begin(self, stage: str) -> None:
        """Start the next step of the job."""
        self.stage = stage
        self.write(stage, source="provisioner_daemon")

    async def run(self) -> None:
        """Send batches and heartbeats until cancelled or the job is lost."""
        while not self.lost.is_set():
            heartbeat = CANCELED_HEARTBEAT_SECONDS if self.canceled.is_set() else HEARTBEAT_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(heartbeat):
                    await self._has_news.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            await self._send(UpdateJobRequest())

    async def flush(self) -> None:
        """Send everything that waits, or find that the job is lost."""
        while self._waiting and not self.lost.is_set():
            await self._send(UpdateJobRequest())

    async def declare(self, variables: list[Variable], readme: str | None) -> list[VariableValue]:
        """Tell the server what the template declares; return the values that it has for the variables. Raises JobLost."""
        values = await self._send(UpdateJobRequest(variables=variables, readme=readme))
        if self.lost.is_set():
            raise JobLost(self.loss)
        return values

    async def _send(self, request: UpdateJobRequest) -> list[VariableValue]:
        async with self._sending:
            request.logs = self._take_batch()
            try:
                async with asyncio.timeout(self._heard_at + self._silence_seconds - time.monotonic()):
                    answer = await self._calls.update(request)
            except TimeoutError:
                self.loss = f"the server could not be reached for {self._silence_seconds:g} s"
                self.lost.set()
                return []
            except (JobLost, ApiError) as error:
                if (
                    isinstance(error, ApiError)
                    and request.logs
                    and request.readme is None
                    and request.variables is None
                ):
                    # One batch that the server does not want must not end the job.
                    self._dropped += len(request.logs)
                    return []
                self.loss = str(error)
                self.lost.set()
                return []
            self._heard_at = time.monotonic()
            if answer.canceled:
                self.canceled.set()
            if answer.force:
                self.forced.set()
            return answer.variable_values

    def _take_batch(self) -> list[LogLine]:
        batch: list[LogLine] = []
        size = 0
        if self._dropped and self._waiting:
            note = f"({self._dropped} lines of the log were lost because the server did not take them in time)"
            batch.append(
                LogLine(
                    created_at=clock.now(), output=note, level="warn", source="provisioner_daemon", stage=self.stage
                )
            )
            self._dropped = 0
        while self._waiting and size < _BATCH_BYTES and len(batch) < 1000:
            line = self._waiting.popleft()
            size += len(line.output.encode()) + _LINE_BYTES
            self._size -= len(line.output) + _LINE_BYTES
            batch.append(line)
        if not self._waiting:
            self._has_news.clear()
        return batch
