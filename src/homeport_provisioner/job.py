"""Does one job: fetch the source, let the engine work, watch for cancel and loss, and report how it ended."""

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from homeport_provisioner.archive import BadArchive, unpack
from homeport_provisioner.control_plane import ControlPlane, JobCalls, JobLost
from homeport_provisioner.engine import Engine, EngineCanceled, EngineFailure, Task, Variables, Verdict
from homeport_provisioner.readme import find_readme
from homeport_provisioner.reporter import Reporter
from homeport_provisioner.staging import Staging
from homeport_provisioner.variables import resolve
from homeport_sdk.errors import ApiError
from homeport_sdk.provisioner_protocol import (
    AcquiredJob,
    BuildInput,
    CompleteJobRequest,
    DryRunInput,
    FailedBuild,
    FailJobRequest,
    ImportInput,
    LogLevel,
)

CANCEL_GRACE_SECONDS = 20.0
"""How long an engine may take to stop by itself after a cancel."""
KILL_GRACE_SECONDS = 10.0
"""How long it may take to clean up once it is ended."""
FAREWELL_SECONDS = 3.0
"""How long a daemon that must leave tries to report."""
_log = logging.getLogger(__name__)
Input = ImportInput | DryRunInput | BuildInput


class JobRun:
    """One job from acquired to reported. `stop` ends it early: the daemon must leave."""

    def __init__(
        self, job: AcquiredJob, *, plane: ControlPlane, engines: Mapping[str, Engine], staging: Staging, url: str
    ) -> None:
        self._job = job
        self._engines = engines
        self._staging = staging
        self._url = job.access_url or url
        self._calls: JobCalls = plane.job(job)
        self._reporter = Reporter(self._calls, silence_seconds=job.silence_seconds, hide=staging.hide)
        self._stopped = asyncio.Event()
        self._is_begun = False
        self._has_reported_failure = False

    def stop(self) -> None:
        """End the job as failed, as soon as its engine lets go of it."""
        self._stopped.set()

    async def run(self) -> None:
        """Do the job and report it. Raises nothing that the job, the engine or the server can cause."""
        heart = asyncio.create_task(self._reporter.run())
        try:
            request = self._job.read_input()
        except msgspec.DecodeError as error:
            await self._report_in_time(FailJobRequest(error=f"This provisioner does not understand the job: {error}."))
            heart.cancel()
            return
        engine = self._engines.get(self._job.provisioner)
        outcome: CompleteJobRequest | FailJobRequest | None
        if engine is None:
            outcome = FailJobRequest(error=f"This provisioner has no engine '{self._job.provisioner}'.")
            await self._report_in_time(outcome)
        else:
            outcome = await self._supervise(engine, request)
            verdict = await self._report_in_time(outcome) if outcome is not None else "refused"
            if isinstance(request, BuildInput) and self._is_begun:
                await self._settle(engine, request, verdict)
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart

    async def _supervise(self, engine: Engine, request: Input) -> CompleteJobRequest | FailJobRequest | None:
        """Let the engine work until it is done or must stop; None when the job is lost."""
        work = asyncio.create_task(self._work(engine, request))
        reporter = self._reporter
        signs = {
            name: asyncio.create_task(event.wait())
            for name, event in (("canceled", reporter.canceled), ("lost", reporter.lost), ("stopped", self._stopped))
        }
        try:
            await asyncio.wait({work, *signs.values()}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and reporter.canceled.is_set() and not reporter.lost.is_set():
                await self._cancel_gracefully(work)
            if not work.done():
                work.cancel()
                await asyncio.wait({work}, timeout=KILL_GRACE_SECONDS)
        finally:
            for sign in signs.values():
                sign.cancel()
        return self._outcome(work)

    async def _cancel_gracefully(self, work: "asyncio.Task[CompleteJobRequest]") -> None:
        """Wait for the engine to notice the cancel; return when it has, or when the time for that is over."""
        self._reporter.write("The job was canceled: stopping.", "warn", source="provisioner_daemon")
        others = [
            asyncio.create_task(event.wait()) for event in (self._reporter.forced, self._reporter.lost, self._stopped)
        ]
        await asyncio.wait({work, *others}, timeout=CANCEL_GRACE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()

    def _outcome(self, work: "asyncio.Task[CompleteJobRequest]") -> CompleteJobRequest | FailJobRequest | None:
        is_canceled = self._reporter.canceled.is_set()
        if self._reporter.lost.is_set():
            if work.done() and not work.cancelled():
                # Whatever the engine says of its end, nobody is left to hear it.
                work.exception()
            _log.warning("Job %s was lost: %s", self._job.job_id, self._reporter.loss)
            return None
        if not work.done() or work.cancelled():
            text = "The job was canceled." if is_canceled else "The provisioner was stopped while it did the job."
            return FailJobRequest(error=text, canceled=is_canceled)
        error = work.exception()
        if error is None:
            return work.result()
        if isinstance(error, JobLost):
            _log.warning("Job %s was lost: %s", self._job.job_id, error)
            return None
        if isinstance(error, EngineFailure):
            build = FailedBuild(state=error.state) if self._job.type == "workspace_build" else None
            if not isinstance(error, EngineCanceled):
                self._reporter.write(str(error), "error")
            return FailJobRequest(
                error=str(error),
                error_code=error.code,
                workspace_build=build,
                canceled=isinstance(error, EngineCanceled) and is_canceled,
            )
        _log.error("Job %s broke its engine.", self._job.job_id, exc_info=error)
        return FailJobRequest(error=f"The engine '{self._job.provisioner}' broke: {type(error).__name__}: {error}")

    async def _work(self, engine: Engine, request: Input) -> CompleteJobRequest:
        reporter = self._reporter
        reporter.begin("Setting up")
        # A job of which the server hears nothing goes to another daemon soon: nothing is touched before it knows that this one has it.
        await reporter.flush()
        if reporter.lost.is_set():
            raise JobLost(reporter.loss)
        try:
            with self._staging.folder(self._job.job_id) as folder:
                source, scratch = folder / "source", folder / "scratch"
                for part in (source, scratch):
                    part.mkdir(mode=0o700)
                task = Task(
                    job_id=self._job.job_id,
                    source=source,
                    scratch=scratch,
                    url=self._url,
                    log=self._write,
                    canceled=reporter.canceled,
                )
                return await self._work_in(task, engine, request)
        except OSError as error:
            raise EngineFailure(f"The provisioner has trouble with its own disk: {error}.") from error

    async def _work_in(self, task: Task, engine: Engine, request: Input) -> CompleteJobRequest:
        is_build = isinstance(request, BuildInput)
        if isinstance(request, BuildInput) and not engine.needs_source(request.transition):
            variables: Variables = {value.name: value for value in request.variables}
        else:
            await self._fetch(task.source)
            self._reporter.begin("Reading the template")
            declared = await engine.read_variables(task)
            given = request.variables
            if not is_build:
                readme = find_readme(task.source) if isinstance(request, ImportInput) else None
                if isinstance(request, ImportInput):
                    given = [*given, *await self._reporter.declare(declared, readme)]
            variables = resolve(declared, given)
        task.check_canceled()
        if isinstance(request, ImportInput):
            self._reporter.begin("Planning")
            result = await engine.plan_import(task, variables)
            result.readme = result.readme if result.readme is not None else find_readme(task.source)
            return CompleteJobRequest(template_import=result)
        if isinstance(request, DryRunInput):
            self._reporter.begin("Planning")
            return CompleteJobRequest(dry_run=await engine.dry_run(task, request, variables))
        return await self._build(task, engine, request, variables)

    async def _build(self, task: Task, engine: Engine, request: BuildInput, variables: Variables) -> CompleteJobRequest:
        self._is_begun = True
        if request.transition == "start":
            cost = await engine.daily_cost(task, request, variables)
            if cost:
                self._reporter.begin("Checking the budget")
                answer = await self._calls.commit_quota(cost)
                if not answer.ok:
                    raise EngineFailure(
                        f"The workspace would cost {cost} credits a day; {answer.credits_consumed} of {answer.budget} are in use already.",
                        code="INSUFFICIENT_QUOTA",
                    )
        task.check_canceled()
        self._reporter.begin(
            {"start": "Starting the workspace", "stop": "Stopping the workspace", "delete": "Deleting the workspace"}[
                request.transition
            ]
        )
        return CompleteJobRequest(workspace_build=await engine.build(task, request, variables))

    async def _fetch(self, folder: Path) -> None:
        if self._job.file_id is None:
            raise EngineFailure("The template has no source archive.")
        data = await self._calls.download()
        try:
            await asyncio.to_thread(unpack, data, folder)
        except BadArchive as error:
            raise EngineFailure(str(error)) from error

    async def _report_in_time(self, outcome: CompleteJobRequest | FailJobRequest) -> Verdict:
        """Report until the server answers; when the daemon must leave, only for a moment."""
        report = asyncio.create_task(self._report(outcome))
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait({report, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not report.done():
            await asyncio.wait({report}, timeout=FAREWELL_SECONDS)
        if report.done():
            return report.result()
        report.cancel()
        await asyncio.wait({report})
        return "unknown" if isinstance(outcome, CompleteJobRequest) else "refused"

    async def _report(self, outcome: CompleteJobRequest | FailJobRequest, *, is_state_refused: bool = False) -> Verdict:
        """Tell the server until it answers; return what became of the outcome. A failure is always "refused".

        `is_state_refused` says that the failure goes without the state that it should have.
        """
        try:
            if isinstance(outcome, CompleteJobRequest):
                self._reporter.begin("Cleaning up")
            await self._reporter.flush()
            if self._reporter.lost.is_set():
                return "refused"
            if isinstance(outcome, CompleteJobRequest):
                await self._calls.complete(outcome)
                return "accepted"
            outcome.error = self._staging.hide(outcome.error)
            await self._calls.fail(outcome)
            self._has_reported_failure = not is_state_refused
        except JobLost as error:
            _log.warning("Job %s was lost: %s", self._job.job_id, error)
        except ApiError as error:
            if isinstance(outcome, CompleteJobRequest):
                built = outcome.workspace_build
                return await self._report(
                    FailJobRequest(
                        error=f"The server refused the result: {error}",
                        # What was built is there all the same: the state that says so must not be lost.
                        workspace_build=FailedBuild(state=built.state) if built else None,
                    )
                )
            if outcome.workspace_build is not None and outcome.workspace_build.state:
                size = len(outcome.workspace_build.state)
                words = f"The engine's state of {size:,} bytes was refused too ({error}), so the server has the one of before."
                return await self._report(FailJobRequest(error=f"{outcome.error} {words}"), is_state_refused=True)
            _log.error("The server does not take the failure of job %s: %s", self._job.job_id, error)
        return "refused"

    async def _settle(self, engine: Engine, request: BuildInput, verdict: Verdict) -> None:
        task = Task(
            job_id=self._job.job_id,
            source=Path(os.devnull),
            scratch=Path(os.devnull),
            url=self._url,
            log=self._write,
            canceled=self._reporter.canceled,
            has_reported_failure=self._has_reported_failure,
        )
        try:
            await engine.settle(task, request, verdict)
        except (EngineFailure, OSError) as error:
            _log.error("Job %s: what it left could not be put in order: %s", self._job.job_id, error)

    def _write(self, text: str, level: LogLevel = "info") -> None:
        self._reporter.write(text, level)
