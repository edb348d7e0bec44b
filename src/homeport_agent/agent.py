"""The life of an agent: learn what to do, open the tunnel, run the start scripts, serve, and leave in order."""

import asyncio
import platform
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import asyncssh

from homeport_agent.backoff import Backoff
from homeport_agent.client import AgentClient, Refused, Unreachable
from homeport_agent.collecting import AppHealthChecker, MetadataCollector, report_stats
from homeport_agent.environment import Surroundings
from homeport_agent.logs import get_logger
from homeport_agent.schedules import run_schedule
from homeport_agent.scripts import Outcome, ScriptRunner
from homeport_agent.shipping import LogShipper
from homeport_agent.tunnel import Tunnel
from homeport_agent.workspace import Workspace
from homeport_sdk import clock
from homeport_sdk.agent_protocol import AgentManifest, Lifecycle, PostLifecycle, PostStartup
from homeport_sdk.version import __version__

FIRST_CONTACT_SECONDS = 90.0
"""An engine starts the agent before the server knows its token: until then the server's refusal is no reason to worry."""
STOP_SCRIPT_SECONDS = 30.0
FAREWELL_SECONDS = 5.0
KILL_GRACE_SECONDS = 10.0
"""How long what runs in the workspace may take from the request to end to being killed."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armv7"}
_log = get_logger(__name__)
T = TypeVar("T")


class Agent:
    """One agent process: `run` lives until `stop`. The SSH host key is made anew for each run."""

    def __init__(self, url: str, token: str) -> None:
        """`url` is the server's address without `/api/v2`, `token` the agent's own."""
        self._client = AgentClient(url, token)
        self._token = token
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._stop = asyncio.Event()
        self._lifecycle: asyncio.Queue[PostLifecycle] = asyncio.Queue()
        self._agent_id: UUID | None = None
        self._is_another = asyncio.Event()

    def stop(self) -> None:
        """Leave: run the stop scripts, end every process, say good-bye."""
        self._stop.set()

    async def run(self) -> None:
        """Live until `stop`. Raises nothing that a server or network can cause."""
        while await self._live():
            _log.info("The workspace was built anew, and this machine stayed: the agent begins anew.")
        await self._client.close()

    async def _live(self) -> bool:
        """Live as one agent until `stop`, or until the token belongs to the agent of a newer build: then tell so."""
        manifest = await self._until_stop(self._fetch_manifest())
        if manifest is None:
            return False
        self._agent_id, self._lifecycle = manifest.agent_id, asyncio.Queue()
        self._is_another.clear()
        workspace = Workspace(Surroundings(manifest, url=self._client.url, token=self._token))
        shipper = LogShipper(self._client)
        runner = ScriptRunner(self._client, workspace, shipper)
        tunnel = Tunnel(self._client, workspace, self._host_key, manifest.ssh.client_public_key)
        if await self._until_stop(self._report_startup(workspace)) is not None:
            await self._serve(manifest, workspace, shipper, runner, tunnel)
        return not self._stop.is_set()

    async def _serve(
        self, manifest: AgentManifest, workspace: Workspace, shipper: LogShipper, runner: ScriptRunner, tunnel: Tunnel
    ) -> None:
        lasting: list[Coroutine[Any, Any, None]] = [self._report_lifecycle(), shipper.run()]
        working: list[Coroutine[Any, Any, None]] = [
            tunnel.run(before_redial=lambda: self._refresh(tunnel)),
            self._run_start_scripts(manifest, runner),
            MetadataCollector(self._client, workspace, manifest.metadata).run(),
            AppHealthChecker(self._client, manifest.apps).run(),
            report_stats(self._client, workspace),
            *(run_schedule(runner, script) for script in manifest.scripts if script.cron),
        ]
        lasting_tasks = [asyncio.create_task(work) for work in lasting]
        tasks = [asyncio.create_task(work) for work in working]
        for task in (*lasting_tasks, *tasks):
            task.add_done_callback(_complain)
        await self._until_stop(self._is_another.wait())
        if self._stop.is_set():
            await self._leave(manifest, workspace, shipper, runner)
        else:
            await workspace.processes.end_all(grace=KILL_GRACE_SECONDS)
        for task in (*tasks, *lasting_tasks):
            task.cancel()
        await asyncio.gather(*tasks, *lasting_tasks, return_exceptions=True)

    async def _leave(
        self, manifest: AgentManifest, workspace: Workspace, shipper: LogShipper, runner: ScriptRunner
    ) -> None:
        _log.info("The agent is shutting down.")
        self._become("shutting_down")
        last: Lifecycle = "off"
        scripts = [script for script in manifest.scripts if script.run_on_stop]
        try:
            async with asyncio.timeout(STOP_SCRIPT_SECONDS):
                outcomes = await runner.run_all(scripts, "stop")
            if any(outcome.status == "timed_out" for outcome in outcomes):
                last = "shutdown_timeout"
            elif any(outcome.status == "exit_failure" for outcome in outcomes):
                last = "shutdown_error"
        except TimeoutError:
            last = "shutdown_timeout"
        await workspace.processes.end_all(grace=KILL_GRACE_SECONDS)
        self._become(last)
        await shipper.flush(within=FAREWELL_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._lifecycle.join()
        _log.info("The agent is off.")

    async def _run_start_scripts(self, manifest: AgentManifest, runner: ScriptRunner) -> None:
        scripts = [script for script in manifest.scripts if script.run_on_start]
        self._become("starting")
        outcomes = await runner.run_all(scripts, "start")
        self._become(state_after_start(outcomes))

    def _become(self, state: Lifecycle) -> None:
        self._lifecycle.put_nowait(PostLifecycle(state=state, changed_at=clock.now()))

    async def _report_lifecycle(self) -> None:
        """Report the steps in their order, each until the server has it."""
        while True:
            step = await self._lifecycle.get()
            await self._insist(partial(self._client.report_lifecycle, step), f"state {step.state}")
            self._lifecycle.task_done()

    async def _report_startup(self, workspace: Workspace) -> bool:
        startup = PostStartup(
            version=f"v{__version__}",
            expanded_directory=workspace.surroundings.expanded_directory,
            operating_system=sys.platform,
            architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
            ssh_host_key=self._host_key.export_public_key().decode().strip(),
        )
        await self._insist(lambda: self._client.report_startup(startup), "startup")
        return True

    async def _insist(self, call: Callable[[], Awaitable[None]], what: str) -> None:
        """Make a call until it succeeds or can never succeed."""
        backoff = Backoff()
        while True:
            try:
                await call()
                return
            except Unreachable as error:
                _log.info("The %s could not be reported yet: %s", what, error)
            except Refused as error:
                if not error.is_temporary:
                    _log.warning("The server refused the %s: %s", what, error)
                    return
            await backoff.pause()

    async def _fetch_manifest(self) -> AgentManifest:
        """Fetch the manifest, for as long as it takes; at first quickly, because the server may just be about to know us."""
        began_at = clock.monotonic()
        backoff, is_quick = Backoff(most=1.0), True
        last_words = ""
        while True:
            is_new = clock.monotonic() - began_at < FIRST_CONTACT_SECONDS
            if not is_new and is_quick:
                backoff, is_quick = Backoff(first=1.0, most=30.0), False
            try:
                return await self._client.manifest()
            except Refused as error:
                words = _explain_refusal(error, is_new=is_new)
            except Unreachable as error:
                words = str(error)
            if words != last_words:
                _log.warning("No manifest yet: %s Trying again for ever.", words)
                last_words = words
            await backoff.pause()

    def _refresh(self, tunnel: Tunnel) -> None:
        """Before the tunnel is dialled again, learn whether the server has another key now, and who this agent is."""
        self._refreshing = asyncio.create_task(self._refresh_manifest(tunnel))

    async def _refresh_manifest(self, tunnel: Tunnel) -> None:
        with suppress(Refused, Unreachable):
            manifest = await self._client.manifest()
            tunnel.client_key = manifest.ssh.client_public_key
            if manifest.agent_id != self._agent_id:
                self._is_another.set()

    async def _until_stop(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Await `work`, or give it up when the agent is to stop."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return None


def state_after_start(outcomes: list[Outcome]) -> Lifecycle:
    """Tell how the start went: an error outweighs a time-out, and output left open is no failure."""
    if any(outcome.status == "exit_failure" for outcome in outcomes):
        return "start_error"
    if any(outcome.status == "timed_out" for outcome in outcomes):
        return "start_timeout"
    return "ready"


def _explain_refusal(error: Refused, *, is_new: bool) -> str:
    if error.status in {401, 403} and is_new:
        return f"the server does not know this agent's token (yet): {error}."
    if error.status in {401, 403}:
        return (
            f"the server refuses this agent's token; its workspace may have been stopped, rebuilt or deleted: {error}."
        )
    return f"{error}."


def _complain(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("A part of the agent failed.", exc_info=task.exception())
