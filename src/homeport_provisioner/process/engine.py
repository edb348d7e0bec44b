"""Workspaces as local processes: each has a home, a supervisor, and the agents of its template."""

import asyncio
from datetime import datetime
from uuid import uuid4

from homeport_provisioner.engine import EngineFailure, KnowsAgent, Task, Variables, Verdict
from homeport_provisioner.holding import Holds
from homeport_provisioner.process.ending import end_processes, is_running
from homeport_provisioner.process.folder import Record, WorkspaceFolder
from homeport_provisioner.process.isolation import Isolator, Place, base_python
from homeport_provisioner.process.launch import Orders, agent_command, base_environment, launch
from homeport_provisioner.process.recovery import recover
from homeport_provisioner.process.state import own_state, read_state
from homeport_provisioner.settings import Settings
from homeport_provisioner.template import Template, Values, plan_environment, plan_resources, read_template
from homeport_provisioner.template import read_variables as read_template_variables
from homeport_provisioner.template.plan import RESOURCE_TYPE
from homeport_provisioner.template.reading import FILE_NAME, TemplateError
from homeport_provisioner.template.values import values_of_build, values_of_dry_run, values_of_import
from homeport_sdk import clock
from homeport_sdk.provisioner_protocol import (
    Agent,
    BuildInput,
    BuildResult,
    DryRunInput,
    DryRunResult,
    ImportResult,
    Resource,
    ResourceMetadata,
    Timing,
    Transition,
    Variable,
)

STOP_SECONDS = 60.0
"""How long agents may take to end: they run the stop scripts, end what they have started, and take leave of the server."""
GRACE_SECONDS = 10.0
"""How long what they leave behind may take from the request to end to being killed."""
DEFAULT_PROCESSES = 4096
"""So that no workspace can use up the machine's processes, whatever its template forgot."""


class ProcessEngine:
    """The engine of one daemon. Daemons on one data folder share its workspaces."""

    def __init__(self, settings: Settings, *, isolator: Isolator) -> None:
        self._data_dir = settings.data_dir
        self._isolator = isolator
        self._holds = Holds()

    def needs_source(self, transition: Transition) -> bool:
        """Only a start does: a broken template never keeps anybody from stopping or deleting."""
        return transition == "start"

    async def read_variables(self, task: Task) -> list[Variable]:
        """Read which variables the template declares."""
        return await asyncio.to_thread(read_template_variables, task.source)

    async def plan_import(self, task: Task, variables: Variables) -> ImportResult:
        """Check the whole template, filled in with defaults."""
        template = await _read(task)
        task.log(
            f"homeport.yaml: {_count(template.parameters, 'parameter')}, {_count(template.agents, 'agent')}.", "info"
        )
        values = values_of_import(task.url, template, variables)
        return ImportResult(
            start_resources=self._plan(template, values),
            stop_resources=plan_resources(template, values, is_running=False, facts={}),
            parameters=list(template.parameters),
        )

    async def dry_run(self, task: Task, request: DryRunInput, variables: Variables) -> DryRunResult:
        """Plan a start with these values."""
        template = await _read(task)
        values = values_of_dry_run(task.url, template, request, variables)
        return DryRunResult(resources=self._plan(template, values))

    async def daily_cost(self, task: Task, build: BuildInput, variables: Variables) -> int:
        """Return what the template says."""
        return (await asyncio.to_thread(read_template, task.source)).daily_cost

    async def build(self, task: Task, build: BuildInput, variables: Variables) -> BuildResult:
        """Start, stop or delete the workspace, which stays locked until `settle`."""
        folder = WorkspaceFolder(self._data_dir, build.workspace_id)
        began = clock.now()
        try:
            state = await asyncio.to_thread(own_state, self._data_dir)
            self._check_node(build, folder)
            await self._holds.take(task, folder.locked)
            if build.transition == "start":
                resources = await self._start(task, build, variables, folder)
                action, left = "create", state.encode()
            elif build.transition == "stop":
                resources = await self._stop(task, folder)
                action, left = "stop", state.encode()
            else:
                resources, action, left = await self._delete(task, folder), "destroy", b""
        except OSError as error:
            text = f"The provisioner has trouble with the workspace's folder: {error}."
            raise EngineFailure(text, state=self._state_after_failure(build, folder)) from error
        except EngineFailure as error:
            error.state = self._state_after_failure(build, folder)
            raise
        return BuildResult(state=left, resources=resources, timings=[_timing(began, action)])

    def _state_after_failure(self, build: BuildInput, folder: WorkspaceFolder) -> bytes:
        """Return what a build that has failed leaves: a home, if there is one, is on this machine and no other."""
        try:
            return own_state(self._data_dir).encode() if folder.home.is_dir() else build.state
        except OSError:
            return build.state

    async def settle(self, task: Task, build: BuildInput, verdict: Verdict) -> None:
        """Keep a start that the server took; end the processes of one that it did not."""
        held = self._holds.pop(task.job_id)
        if held is None:
            return
        with held:
            folder = WorkspaceFolder(self._data_dir, build.workspace_id)
            record = folder.read() if folder.exists else Record()
            if record.phase != "starting" or verdict == "unknown":
                return
            if verdict == "refused":
                await self._undo(folder, record)
            else:
                record.phase, record.token = "running", ""
                folder.write(record)

    async def recover(self, knows_agent: KnowsAgent) -> None:
        """Clean up what daemons that were killed have left in half."""
        await recover(self._data_dir, knows_agent)

    def _plan(self, template: Template, values: Values) -> list[Resource]:
        for agent in template.agents:
            plan_environment(agent, values)
        return plan_resources(template, values, is_running=True, facts={"isolation": self._isolator.name})

    def _check_node(self, build: BuildInput, folder: WorkspaceFolder) -> None:
        state, own = read_state(build.state), own_state(self._data_dir)
        if state.node and state.node != own.node and not folder.exists:
            raise EngineFailure(
                f"The workspace's home is on the machine {state.host}, and this provisioner runs on {own.host} with another data folder. "
                f"Start the provisioner on {state.host}, or give the template tags that only that one has."
            )

    async def _start(
        self, task: Task, build: BuildInput, variables: Variables, folder: WorkspaceFolder
    ) -> list[Resource]:
        isolator = self._isolator
        refusal = isolator.refusal(may_lack_isolation=build.may_lack_isolation)
        if refusal:
            raise EngineFailure(refusal)
        template = await _read(task)
        place = isolator.place(folder, build.workspace_id, owner=build.owner.username, workspace=build.workspace_name)
        values = values_of_build(task.url, template, build, variables, home=place.home)
        resources = self._plan(template, values)
        if is_running(folder.read()):
            task.log("The workspace runs already: its processes are ended first.", "info")
            await self._end(task, folder)
        task.check_canceled()
        await folder.clear_temporary()
        await asyncio.to_thread(
            folder.prepare, uid=place.uid, gid=place.gid, user=place.user, home=place.home, shell=place.shell
        )
        record = Record(
            phase="starting", cookie=uuid4().hex, isolation=isolator.name, stop_seconds=STOP_SECONDS + GRACE_SECONDS
        )
        agents = resources[0].agents
        for agent in agents:
            agent.token = build.agent_tokens.get(agent.name) or str(uuid4())
        record.token = agents[0].token or ""
        folder.write(record)
        orders = self._orders(task, template, values, agents, place, cookie=record.cookie)
        try:
            record.process = await launch(isolator, folder, place, orders=orders, cookie=record.cookie)
            folder.write(record)
            task.check_canceled()
        except BaseException:
            await self._undo(folder, record)
            raise
        how = (
            f"isolated by bubblewrap as user {place.uid}"
            if isolator.name == "bubblewrap"
            else f"not isolated from the machine, with all rights of user {place.uid}"
        )
        for agent in agents:
            task.log(f"Agent {agent.name} runs in {place.home}, {how}.", "info")
        return resources

    def _orders(
        self, task: Task, template: Template, values: Values, agents: list[Agent], place: Place, *, cookie: str
    ) -> Orders:
        base = base_environment(place, cookie=cookie) | {"HOMEPORT_PYTHON": base_python()}
        environments = [
            {
                **base,
                **plan_environment(plan, values),
                "HOMEPORT_AGENT_URL": task.url,
                "HOMEPORT_AGENT_TOKEN": agent.token or "",
            }
            for plan, agent in zip(template.agents, agents, strict=True)
        ]
        is_isolated = self._isolator.name == "bubblewrap"
        limits = template.limits
        if limits.processes and not self._isolator.changes_user:
            task.log(
                "The limit on processes has no effect: all workspaces of this provisioner run as one user.", "warn"
            )
        return Orders(
            uid=place.uid if self._isolator.changes_user else None,
            gid=place.gid if self._isolator.changes_user else None,
            directory=place.home,
            command=agent_command(),
            agents=environments,
            memory=limits.memory,
            processes=(limits.processes or DEFAULT_PROCESSES) if self._isolator.changes_user else 0,
            cpus=limits.cpus,
            stop_seconds=STOP_SECONDS,
            grace_seconds=GRACE_SECONDS,
            is_first=is_isolated,
        )

    async def _stop(self, task: Task, folder: WorkspaceFolder) -> list[Resource]:
        await self._end(task, folder)
        await folder.clear_temporary()
        metadata = [ResourceMetadata(key="home", value="kept")]
        return [Resource(type=RESOURCE_TYPE, name="workspace", metadata=metadata)]

    async def _delete(self, task: Task, folder: WorkspaceFolder) -> list[Resource]:
        await self._end(task, folder)
        await folder.remove()
        task.log("The home and everything else of the workspace is removed.", "info")
        return []

    async def _end(self, task: Task, folder: WorkspaceFolder) -> None:
        record = folder.read()
        began = clock.monotonic()
        was_running = is_running(record)
        if was_running:
            task.log("Asking the agents to end.", "info")
        is_gentle = await end_processes(record, hurry=task.canceled)
        if was_running:
            how = "ended" if is_gentle else "were killed, because they did not end by themselves,"
            task.log(f"All processes {how} after {clock.monotonic() - began:.1f} s.", "info" if is_gentle else "warn")
        else:
            task.log("No process of the workspace runs.", "info")
        folder.write(Record(isolation=record.isolation))

    async def _undo(self, folder: WorkspaceFolder, record: Record) -> None:
        """End the processes of a start that does not count, without asking them."""
        hurry = asyncio.Event()
        hurry.set()
        await end_processes(record, hurry=hurry)
        folder.write(Record(isolation=record.isolation))


async def _read(task: Task) -> Template:
    template = await asyncio.to_thread(read_template, task.source)
    if template.container is not None:
        raise TemplateError(
            f"{FILE_NAME}:1: has a section `container`, which only the engine `container` understands: push the template for that one, "
            "or drop the section."
        )
    return template


def _timing(began: datetime, action: str) -> Timing:
    return Timing(
        started_at=began,
        ended_at=clock.now(),
        stage="apply",
        source="process",
        action=action,
        resource=f"{RESOURCE_TYPE}.workspace",
    )


def _count(things: tuple[object, ...], noun: str) -> str:
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"
