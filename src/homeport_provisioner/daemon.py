"""The daemon: takes one job after another until it is told to leave."""

import asyncio
import logging
from collections.abc import Mapping

from homeport_provisioner.control_plane import Backoff, ControlPlane, may_try_again
from homeport_provisioner.engine import Engine
from homeport_provisioner.job import JobRun
from homeport_provisioner.settings import Settings
from homeport_provisioner.staging import Staging
from homeport_sdk.errors import ApiError, BadAnswer, ConnectionFailed
from homeport_sdk.provisioner_protocol import AcquiredJob

_log = logging.getLogger(__name__)
_FIRST_PAUSE, _LAST_PAUSE = 3.0, 300.0  # seconds between two looks at what was left


class Daemon:
    """One daemon process: one job at a time. `drain` lets the current job end; `leave` ends it."""

    def __init__(self, settings: Settings, *, plane: ControlPlane, engines: Mapping[str, Engine]) -> None:
        self._settings = settings
        self._plane = plane
        self._engines = engines
        self._staging = Staging(settings.data_dir)
        self._drained = asyncio.Event()
        self._left = asyncio.Event()

    def drain(self) -> None:
        """Take no more jobs; leave when the current one is done, at the latest after the agreed time. Twice: leave now."""
        if self._drained.is_set():
            self.leave()
        self._drained.set()

    def leave(self) -> None:
        """Take no more jobs and end the current one."""
        self._drained.set()
        self._left.set()

    async def run(self) -> None:
        """Work until drained. Raises nothing that the network or the server can cause."""
        recovery = [asyncio.create_task(self._recover())]
        recovery += [asyncio.create_task(engine.recover(self._plane.knows_agent)) for engine in self._engines.values()]
        for task in recovery:
            task.add_done_callback(_complain)
        while not self._drained.is_set():
            job = await self._next_job()
            if job is not None:
                await self._do(job)
        for task in recovery:
            task.cancel()
        await asyncio.gather(*recovery, return_exceptions=True)

    async def _recover(self) -> None:
        """Remove what interrupted jobs have left, from time to time: another daemon may be dying only now."""
        pause = _FIRST_PAUSE
        while True:
            removed = await asyncio.to_thread(self._staging.clean)
            if removed:
                _log.info("Removed what %d interrupted jobs had left.", removed)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_PAUSE)

    async def _next_job(self) -> AcquiredJob | None:
        """Wait for a job; None when drained."""
        backoff = Backoff(most=15.0)
        drained = asyncio.create_task(self._drained.wait())
        try:
            while not self._drained.is_set():
                waiting = asyncio.create_task(self._ask(backoff))
                await asyncio.wait({waiting, drained}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    waiting.cancel()
                    await asyncio.wait({waiting})
                job = None if waiting.cancelled() else waiting.result()
                if job is not None:
                    return job
        finally:
            drained.cancel()
        return None

    async def _ask(self, backoff: Backoff) -> AcquiredJob | None:
        try:
            job = await self._plane.acquire()
        except (ApiError, ConnectionFailed, BadAnswer) as error:
            level = logging.INFO if may_try_again(error) else logging.WARNING
            _log.log(level, "No job could be asked for: %s", error)
            await backoff.pause()
            return None
        backoff.reset()
        return job

    async def _do(self, job: AcquiredJob) -> None:
        _log.info("Job %s (%s, %s) begins.", job.job_id, job.type, job.provisioner)
        run = JobRun(job, plane=self._plane, engines=self._engines, staging=self._staging, url=self._settings.url)
        work = asyncio.create_task(run.run())
        watch = asyncio.create_task(self._watch(run))
        try:
            await work
        finally:
            watch.cancel()
        _log.info("Job %s ends.", job.job_id)

    async def _watch(self, run: JobRun) -> None:
        """Stop the job when the daemon must leave, or when draining takes too long."""
        await self._drained.wait()
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._left.wait()
        except TimeoutError:
            _log.warning("The job takes longer than %g s to end: stopping it.", self._settings.drain_seconds)
        run.stop()


def _complain(task: "asyncio.Task[None]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("What was left behind by interrupted jobs could not be put in order.", exc_info=error)
