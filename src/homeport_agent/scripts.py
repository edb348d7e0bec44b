"""The template's scripts: run in the workspace's shell, logged line by line, bounded in time."""

import asyncio
import os
import signal
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from homeport_agent.client import AgentClient, Refused, Unreachable
from homeport_agent.logs import get_logger
from homeport_agent.processes import Child
from homeport_agent.shipping import LINE_BYTES, LogShipper
from homeport_agent.workspace import Workspace
from homeport_sdk import clock
from homeport_sdk.agent_protocol import ManifestScript, ScriptStage, ScriptStatus, ScriptTiming

PIPES_SECONDS = 10.0
"""A script's background processes may hold its output open; this long after its end nobody waits for them."""
KILL_SECONDS = 5.0
_LOG_FILE_BYTES = 64 * 1024 * 1024
_COULD_NOT_START = 127
_log = get_logger(__name__)


class Outcome(NamedTuple):
    """How a run ended."""

    exit_code: int
    status: ScriptStatus


class ScriptRunner:
    """Runs scripts and reports them."""

    def __init__(self, client: AgentClient, workspace: Workspace, shipper: LogShipper) -> None:
        self._client = client
        self._workspace = workspace
        self._shipper = shipper

    async def run_all(self, scripts: list[ManifestScript], stage: ScriptStage) -> list[Outcome]:
        """Run these scripts side by side."""
        return list(await asyncio.gather(*(self.run(script, stage) for script in scripts)))

    async def run(self, script: ManifestScript, stage: ScriptStage) -> Outcome:
        """Run one script to its end or its time-out, and report the timing."""
        name = script.display_name or str(script.id)
        _log.info("Script %s starts.", name)
        started_at = clock.now()
        try:
            outcome = await self._execute(script)
        except OSError as error:
            self._shipper.add(script.log_source_id, f"The script could not be started: {error}", "error")
            outcome = Outcome(_COULD_NOT_START, "exit_failure")
        _log.info("Script %s ended: %s, exit code %d.", name, outcome.status, outcome.exit_code)
        await self._report(script, stage, outcome, started_at)
        return outcome

    async def _execute(self, script: ManifestScript) -> Outcome:
        surroundings = self._workspace.surroundings
        reading, writing = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            child = await self._workspace.processes.spawn(
                [surroundings.shell, "-c", script.script],
                environment=surroundings.variables(),
                directory=surroundings.directory,
                stdin=nothing,
                stdout=writing,
                stderr=writing,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(nothing)
            os.close(writing)
        with _LogFile(surroundings.expand(script.log_path)) as file:
            copying = asyncio.create_task(self._copy(script, reading, file))
            return await self._await_end(script, child, copying)

    async def _await_end(self, script: ManifestScript, child: Child, copying: "asyncio.Task[None]") -> Outcome:
        try:
            async with asyncio.timeout(script.timeout or None):
                code = await child.wait()
        except TimeoutError:
            self._shipper.add(
                script.log_source_id, f"The script did not end within {script.timeout} s and was stopped.", "error"
            )
            code = await _stop(child)
            await self._finish_output(copying)
            return Outcome(code, "timed_out")
        is_complete = await self._finish_output(copying)
        code = code if code >= 0 else 128 - code
        if code != 0:
            self._shipper.add(script.log_source_id, f"The script ended with exit code {code}.", "error")
            return Outcome(code, "exit_failure")
        return Outcome(0, "ok" if is_complete else "pipes_left_open")

    async def _finish_output(self, copying: "asyncio.Task[None]") -> bool:
        """Read the rest of the output; say whether it came to its end."""
        await asyncio.wait({copying}, timeout=PIPES_SECONDS)
        if copying.done():
            copying.result()
            return True
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
        return False

    async def _copy(self, script: ManifestScript, descriptor: int, file: "_LogFile") -> None:
        reader = asyncio.StreamReader(limit=LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
        )
        rest = b""
        try:
            while data := await reader.read(LINE_BYTES):
                file.write(data)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._ship(script, line)
                if len(rest) > LINE_BYTES:
                    self._ship(script, rest)
                    rest = b""
        finally:
            if rest:
                self._ship(script, rest)
            transport.close()

    def _ship(self, script: ManifestScript, line: bytes) -> None:
        self._shipper.add(script.log_source_id, line.decode("utf-8", "replace").rstrip("\r"))

    async def _report(self, script: ManifestScript, stage: ScriptStage, outcome: Outcome, started_at: datetime) -> None:
        timing = ScriptTiming(
            script_id=script.id,
            started_at=started_at,
            ended_at=clock.now(),
            exit_code=outcome.exit_code,
            stage=stage,
            status=outcome.status,
        )
        try:
            await self._client.send_script_timing(timing)
        except (Refused, Unreachable) as error:
            _log.info("The timing of a script could not be reported: %s", error)


class _LogFile:
    """A copy of a script's output in the workspace, bounded; without a path, nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._written = 0

    def __enter__(self) -> "_LogFile":
        if self._path:
            try:
                Path(self._path).parent.mkdir(parents=True, exist_ok=True)
                self._file = open(self._path, "wb", buffering=0)
            except OSError as error:
                _log.warning("The log file %s cannot be written: %s", self._path, error)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, data: bytes) -> None:
        if self._file is not None and self._written < _LOG_FILE_BYTES:
            self._written += len(data)
            with suppress(OSError):
                self._file.write(data)


async def _stop(child: Child) -> int:
    """End a process group, first politely."""
    child.signal_group(signal.SIGTERM)
    try:
        async with asyncio.timeout(KILL_SECONDS):
            return await child.wait()
    except TimeoutError:
        child.signal_group(signal.SIGKILL)
        return await child.wait()
