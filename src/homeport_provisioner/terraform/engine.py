"""Workspaces as Terraform's resources: the real program plans and applies; this engine feeds it, reads it and never loses its state."""

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from homeport_provisioner.engine import EngineCanceled, EngineFailure, KnowsAgent, Task, Variables, Verdict
from homeport_provisioner.settings import Settings
from homeport_provisioner.staging import hold
from homeport_provisioner.terraform.binary import Binary
from homeport_provisioner.terraform.environment import Facts, facts_of, inherited, named, provider_variables
from homeport_provisioner.terraform.init_scripts import InitScripts
from homeport_provisioner.terraform.installation import Installation
from homeport_provisioner.terraform.masking import Masker
from homeport_provisioner.terraform.owner_secrets import owner_secrets
from homeport_provisioner.terraform.reading import Reading
from homeport_provisioner.terraform.session import Session, modules_of
from homeport_provisioner.terraform.source import Source, clean, read_source
from homeport_provisioner.terraform.states import StateHome, States, has_resources
from homeport_provisioner.terraform.variables import declared_variables
from homeport_sdk.provisioner_protocol import (
    BuildInput,
    BuildResult,
    DryRunInput,
    DryRunResult,
    ImportResult,
    Transition,
    Variable,
)

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Work:
    """A build under way: where its state is, its commands, and what was planned already."""

    home: StateHome
    session: Session
    environment: Mapping[str, str]
    has_state: bool
    reading: Reading | None = None


class TerraformEngine:
    """The engine of one daemon. Daemons on one data folder share its cache of providers and what lost builds have left."""

    def __init__(self, settings: Settings, *, binary: Binary) -> None:
        self._binary = binary
        self._base = inherited(os.environ, settings.terraform_environment)
        self._installation = Installation(settings)
        self._states = States(settings.data_dir)
        self._init_scripts = InitScripts()
        self._works: dict[UUID, Work] = {}

    def needs_source(self, transition: Transition) -> bool:
        """Every build does: the template says how its resources are ended, too."""
        return True

    async def read_variables(self, task: Task) -> list[Variable]:
        """Read which variables the template declares."""
        await asyncio.to_thread(clean, task.source, task.log)
        return declared_variables(await asyncio.to_thread(read_source, task.source))

    async def plan_import(self, task: Task, variables: Variables) -> ImportResult:
        """Plan a start and a stop of a workspace that nobody owns."""
        start, stop = await self._plan_only(task, variables, Facts(), Facts(transition="stop"))
        return ImportResult(
            start_resources=start.resources,
            stop_resources=stop.resources,
            parameters=start.parameters,
            presets=start.presets,
            external_auth=start.external_auth,
            has_ai_task=start.has_ai_task,
            has_external_agent=start.has_external_agent,
            owner_secrets=await asyncio.to_thread(owner_secrets, task.source, modules_of(task)),
        )

    async def dry_run(self, task: Task, request: DryRunInput, variables: Variables) -> DryRunResult:
        """Plan a start with these values."""
        facts = Facts(
            workspace_name=request.workspace_name or "default",
            template_name=request.template_name,
            parameters=named(request.rich_parameter_values),
        )
        [reading] = await self._plan_only(task, variables, facts)
        return DryRunResult(resources=reading.resources)

    async def daily_cost(self, task: Task, build: BuildInput, variables: Variables) -> int:
        """Plan the build, which stays ready to be applied, and return what its metadata says."""
        work = await self._begin(task, build, variables)
        work.reading = await work.session.plan(work.environment, has_state=work.has_state)
        return work.reading.daily_cost

    async def build(self, task: Task, build: BuildInput, variables: Variables) -> BuildResult:
        """Plan and apply. However that ends, the state that there is by then is in the result or in the failure."""
        if (
            build.transition == "delete"
            and not has_resources(build.state)
            and not self._states.has_any(build.workspace_id)
        ):
            task.log("There is nothing to delete: the state holds no resource.", "info")
            return BuildResult()
        try:
            return await self._apply(task, build, variables)
        except asyncio.CancelledError as error:
            if task.job_id not in self._works:
                raise
            # Not passed on: a failure carries the state, a cancellation could not.
            raise EngineCanceled(
                "The job was canceled."
                if task.canceled.is_set()
                else "The provisioner was stopped while it did the job.",
                state=self._state_of(task),
            ) from error
        except EngineFailure as error:
            error.state = self._state_of(task)
            raise
        except Exception as error:  # reason: whatever has gone wrong here, Terraform may have made something by now
            _log.exception("Job %s: the engine broke.", task.job_id)
            raise EngineFailure(
                f"The provisioner could not go on: {type(error).__name__}: {error}", state=self._state_of(task)
            ) from error

    async def settle(self, task: Task, build: BuildInput, verdict: Verdict) -> None:
        """Forget the state where the server has it; else keep it for the next build. Nothing is undone: deleting does that."""
        work = self._works.pop(task.job_id, None)
        # Where the server has it, sealed, it must not lie about here.
        is_known = verdict == "accepted"
        if work is not None:
            work.session.close()
            is_known = work.home.close(is_taken=is_known or task.has_reported_failure)
        if is_known and (verdict == "accepted" or task.has_reported_failure):
            self._states.forget(build.workspace_id)

    async def recover(self, knows_agent: KnowsAgent) -> None:
        """Remove what has waited too long; the rest waits for the next build of its workspace."""
        await asyncio.to_thread(self._states.clean)

    async def _plan_only(self, task: Task, variables: Variables, *wanted: Facts) -> list[Reading]:
        lock = task.scratch / "job.lock"
        with hold(lock) as descriptor:
            session = self._session(task, state=task.scratch / "terraform.tfstate", lock=descriptor)
            try:
                source = await session.prepare(variables)
                readings = []
                for facts in wanted:
                    task.log(f"Planning a {facts.transition}.", "info")
                    readings.append(await session.plan(await self._environment(task, facts, source)))
                return readings
            finally:
                session.close()

    async def _begin(self, task: Task, build: BuildInput, variables: Variables) -> Work:
        """Put the state in its place and let Terraform prepare; from here on `settle` has to let go."""
        facts = facts_of(build)
        home, is_left = await self._states.open(build.workspace_id, task.job_id, build.state, canceled=task.canceled)
        if is_left:
            task.log(
                "An earlier build had ended without reporting what it made: its state was found here and is used.",
                "warn",
            )
        masker = Masker(facts.secrets())
        session = self._session(
            task, state=home.file, lock=home.lock, masker=masker, is_debugging=build.log_level == "debug"
        )
        work = Work(home=home, session=session, environment={}, has_state=bool(home.read()))
        self._works[task.job_id] = work
        source = await session.prepare(variables)
        work.environment = await self._environment(task, facts, source)
        return work

    async def _apply(self, task: Task, build: BuildInput, variables: Variables) -> BuildResult:
        work = self._works.get(task.job_id) or await self._begin(task, build, variables)
        is_delete = build.transition == "delete"
        if work.reading is None:
            work.reading = await work.session.plan(work.environment, destroys=is_delete, has_state=work.has_state)
        task.check_canceled()
        await work.session.apply(work.environment)
        state = work.home.tell()
        if is_delete:
            if has_resources(state):
                raise EngineFailure("Terraform says that all is destroyed, and its state still holds resources.")
            return BuildResult(timings=work.session.timings)
        reading = await work.session.read(work.environment)
        return BuildResult(state=state, resources=reading.resources, timings=work.session.timings)

    def _state_of(self, task: Task) -> bytes | None:
        """Return the state as it is now; None, which means as before, when there is none to speak of."""
        work = self._works.get(task.job_id)
        with suppress(OSError):
            return (work.home.tell() or None) if work else None
        return None

    def _session(
        self, task: Task, *, state: Path, lock: int, masker: Masker | None = None, is_debugging: bool = False
    ) -> Session:
        return Session(
            task,
            binary=self._binary,
            installation=self._installation,
            base=self._base,
            masker=masker or Masker(),
            state=state,
            lock=lock,
            is_debugging=is_debugging,
        )

    async def _environment(self, task: Task, facts: Facts, source: Source) -> dict[str, str]:
        scripts: dict[str, str] = {}
        if source.has_own_provider:
            scripts = await self._init_scripts.get(task.url, warn=lambda text: task.log(text, "warn"))
        return provider_variables(facts, url=task.url, init_scripts=scripts)
