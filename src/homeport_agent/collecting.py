"""What the agent tells the server again and again: metadata values, traffic, health of apps."""

import asyncio
import os
import signal
from contextlib import suppress
from uuid import UUID

import httpx

from homeport_agent.client import AgentClient, Refused, Unreachable
from homeport_agent.logs import get_logger
from homeport_agent.workspace import Workspace
from homeport_sdk import clock
from homeport_sdk.agent_protocol import (
    AppHealth,
    ManifestApp,
    ManifestMetadata,
    MetadataResult,
    PostAppHealth,
    PostMetadata,
)

VALUE_BYTES = 2048
_DEFAULT_TIMEOUT = 30
_GATHER_SECONDS = 0.2
_STATS_SECONDS = 30.0
_log = get_logger(__name__)


class MetadataCollector:
    """Runs each metadata script at its interval; values travel together."""

    def __init__(self, client: AgentClient, workspace: Workspace, items: list[ManifestMetadata]) -> None:
        self._client = client
        self._workspace = workspace
        self._items = items
        self._results: dict[str, MetadataResult] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Collect and report until cancelled."""
        if not self._items:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._report())
            for item in self._items:
                group.create_task(self._collect_repeatedly(item))

    async def _collect_repeatedly(self, item: ManifestMetadata) -> None:
        while True:
            began_at = clock.monotonic()
            self._results[item.key] = await self.collect(item)
            self._wake.set()
            if item.interval <= 0:
                return
            await asyncio.sleep(max(0.1, item.interval - (clock.monotonic() - began_at)))

    async def collect(self, item: ManifestMetadata) -> MetadataResult:
        """Run one script and return its output, cut to 2048 bytes, or why there is none."""
        timeout = item.timeout or max(item.interval, 1) or _DEFAULT_TIMEOUT
        try:
            value, code = await self._run(item.script, timeout)
        except TimeoutError:
            return MetadataResult(key=item.key, collected_at=clock.now(), error=f"took longer than {timeout} s")
        except OSError as error:
            return MetadataResult(
                key=item.key, collected_at=clock.now(), error=f"could not be started: {error}"[:VALUE_BYTES]
            )
        failure = "" if code == 0 else f"ended with exit code {code}"
        return MetadataResult(key=item.key, collected_at=clock.now(), value=value, error=failure)

    async def _run(self, script: str, timeout: float) -> tuple[str, int]:
        surroundings = self._workspace.surroundings
        reading, writing = os.pipe()
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            child = await self._workspace.processes.spawn(
                [surroundings.shell, "-c", script],
                environment=surroundings.variables(),
                directory=surroundings.directory,
                stdin=nothing,
                stdout=writing,
                stderr=nothing,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
            os.close(nothing)
        transport: asyncio.BaseTransport | None = None
        try:
            async with asyncio.timeout(timeout):
                reader = asyncio.StreamReader()
                transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                    lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
                )
                output = await _read_start(reader)
                return output, await child.wait()
        finally:
            if not child.has_ended:
                child.signal_group(signal.SIGKILL)
            if transport is not None:
                transport.close()

    async def _report(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wake.clear()
            results, self._results = list(self._results.values()), {}
            try:
                await self._client.send_metadata(PostMetadata(metadata=results))
            except (Refused, Unreachable) as error:
                _log.debug("Metadata could not be reported: %s", error)


async def _read_start(reader: asyncio.StreamReader) -> str:
    """Read to the end, keep the first bytes; a cut never splits a character."""
    kept = b""
    while data := await reader.read(65536):
        kept = (kept + data)[:VALUE_BYTES]
    return kept.decode("utf-8", "ignore").replace("\0", "").strip()


async def report_stats(client: AgentClient, workspace: Workspace) -> None:
    """Report traffic at the interval that the server wishes, until cancelled."""
    interval = _STATS_SECONDS
    stats = None
    while True:
        try:
            answer = await client.send_stats(stats)
            interval = max(1.0, answer.report_interval / 1e9)
        except (Refused, Unreachable) as error:
            _log.debug("Stats could not be reported: %s", error)
        await asyncio.sleep(interval)
        workspace.processes.reap_orphans()
        stats = workspace.traffic.take()


class AppHealthChecker:
    """Asks the apps that have a health check, and reports what changes."""

    def __init__(self, client: AgentClient, apps: list[ManifestApp]) -> None:
        self._client = client
        self._apps = [app for app in apps if app.healthcheck.url]
        self._health: dict[UUID, AppHealth] = {app.id: "initializing" for app in self._apps}
        self._unreported: dict[UUID, AppHealth] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Check until cancelled."""
        if not self._apps:
            return
        async with httpx.AsyncClient(timeout=5.0, verify=False, trust_env=False) as http, asyncio.TaskGroup() as group:  # noqa: S501 - the app is in this workspace
            group.create_task(self._report())
            for app in self._apps:
                group.create_task(self._check_repeatedly(http, app))

    async def _check_repeatedly(self, http: httpx.AsyncClient, app: ManifestApp) -> None:
        failures = 0
        while True:
            if await is_answering(http, app.healthcheck.url):
                failures = 0
                self._set(app.id, "healthy")
            else:
                failures += 1
                if failures >= max(1, app.healthcheck.threshold):
                    self._set(app.id, "unhealthy")
            await asyncio.sleep(max(1, app.healthcheck.interval))

    def _set(self, app: UUID, health: AppHealth) -> None:
        if self._health[app] != health:
            self._health[app] = self._unreported[app] = health
            self._wake.set()

    async def _report(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            healths, self._unreported = self._unreported, {}
            try:
                await self._client.send_app_health(PostAppHealth(healths=healths))
            except (Refused, Unreachable) as error:
                _log.info("The health of apps could not be reported: %s", error)
                self._unreported = healths | self._unreported
                await asyncio.sleep(_STATS_SECONDS)
                self._wake.set()


async def is_answering(http: httpx.AsyncClient, url: str) -> bool:
    """Whether a GET is answered without a server error. The body is left alone: it may never end."""
    with suppress(httpx.HTTPError, httpx.InvalidURL, OSError):
        async with http.stream("GET", url) as response:
            return response.status_code < 500
    return False
