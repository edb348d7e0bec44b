"""Log lines on their way to the server: batched, bounded, and kept while the server is away."""

import asyncio
from collections import deque
from uuid import UUID

from homeport_agent.backoff import Backoff
from homeport_agent.client import AgentClient, Refused, Unreachable
from homeport_agent.logs import get_logger
from homeport_sdk import clock
from homeport_sdk.agent_protocol import LogLevel, LogLine, PatchLogs

BATCH_BYTES = 256 * 1024
BATCH_LINES = 1000
QUEUE_BYTES = 1024 * 1024
"""The server keeps no more than this of one agent: more would be lost there anyway."""
LINE_BYTES = 16 * 1024
_GATHER_SECONDS = 0.1
_log = get_logger(__name__)


class LogShipper:
    """Takes lines without waiting and sends them in the background."""

    def __init__(self, client: AgentClient) -> None:
        self._client = client
        self._queue: deque[tuple[UUID, LogLine]] = deque()
        self._size = 0
        self._dropped = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, source: UUID, output: str, level: LogLevel = "info") -> None:
        """Queue one line; when the queue is full the newest are dropped and counted."""
        output = output.replace("\0", "")[:LINE_BYTES]
        if self._size + len(output) > QUEUE_BYTES:
            self._dropped += 1
            return
        self._queue.append((source, LogLine(created_at=clock.now(), output=output, level=level)))
        self._size += len(output)
        self._idle.clear()
        self._wake.set()

    async def flush(self, *, within: float) -> None:
        """Wait until everything is sent, at most `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("%d log lines could not be sent in time.", len(self._queue))

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wake.clear()
            while self._queue:
                await self._deliver(self._next_batch())
            self._idle.set()

    def _next_batch(self) -> PatchLogs:
        """Take lines of one source from the front."""
        source = self._queue[0][0]
        lines: list[LogLine] = []
        size = 0
        while self._queue and self._queue[0][0] == source and len(lines) < BATCH_LINES and size < BATCH_BYTES:
            line = self._queue.popleft()[1]
            lines.append(line)
            size += len(line.output)
        self._size -= size
        if self._dropped and not self._queue:
            text = f"({self._dropped} lines were left out: they came faster than they could be sent.)"
            lines.append(LogLine(created_at=clock.now(), output=text, level="warn"))
            self._dropped = 0
        return PatchLogs(log_source_id=source, logs=lines)

    async def _deliver(self, batch: PatchLogs) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._client.send_logs(batch)
                return
            except Unreachable as error:
                _log.info("Log lines wait: %s", error)
            except Refused as error:
                if not error.is_temporary:
                    _log.warning("The server refused %d log lines: %s", len(batch.logs), error)
                    return
            await backoff.pause()
