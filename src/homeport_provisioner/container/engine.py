"""Workspaces as containers: each has one container, volumes that outlive it, and the agents of its template inside."""

import asyncio
import logging
from datetime import datetime
from uuid import uuid4

from homeport_provisioner.container import images
from homeport_provisioner.container.client import CallFailed, Client, Identity, connected
from homeport_provisioner.container.filling import choose_home, fill_image
from homeport_provisioner.container.host import Host
from homeport_provisioner.container.images import Image
from homeport_provisioner.container.network import choose_network
from homeport_provisioner.container.probe import Probe
from homeport_provisioner.container.records import Record, Records
from homeport_provisioner.container.recovery import recover
from homeport_provisioner.container.rules import check_allowed
from homeport_provisioner.container.starting import Start, start_container
from homeport_provisioner.container.state import State, read_state
from homeport_provisioner.container.things import (
    end_container,
    find_container,
    remove_everything,
    remove_network,
    undo,
    volume_names,
)
from homeport_provisioner.engine import EngineFailure, KnowsAgent, Task, Variables, Verdict
from homeport_provisioner.holding import Holds
from homeport_provisioner.settings import Settings
from homeport_provisioner.template import Template, Values, plan_environment, plan_resources, read_template
from homeport_provisioner.template import read_variables as read_template_variables
from homeport_provisioner.template.reading import FILE_NAME, TemplateError
from homeport_provisioner.template.shape import ContainerPlan
from homeport_provisioner.template.values import values_of_build, values_of_dry_run, values_of_import
from homeport_sdk import clock
from homeport_sdk.provisioner_protocol import (
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

RESOURCE_TYPE = "container"
_log = logging.getLogger(__name__)


class ContainerEngine:
    """The engine of one daemon. Daemons on one data folder see each other's unfinished work; names keep all others apart."""

    def __init__(self, settings: Settings, *, host: Host | None) -> None:
        """`host` is where Docker or Podman is; None: nobody knows, and every build says so."""
        self._settings = settings
        self._host = host
        self._records = Records(settings.data_dir)
        self._probe = Probe()
        self._holds = Holds()

    def needs_source(self, transition: Transition) -> bool:
        """Only a start does: a broken template never keeps anybody from stopping or deleting."""
        return transition == "start"

    async def read_variables(self, task: Task) -> list[Variable]:
        """Read which variables the template declares."""
        return await asyncio.to_thread(read_template_variables, task.source)

    async def plan_import(self, task: Task, variables: Variables) -> ImportResult:
        """Check the whole template, filled in with defaults, and what it wants of the machine."""
        template, plan = await self._read(task)
        made_of = f"the image {plan.image}" if plan.build is None else f"an image built from {plan.build.dockerfile}"
        task.log(f"homeport.yaml: {len(template.agents)} agent(s) in a container of {made_of}.", "info")
        values = values_of_import(task.url, template, variables)
        return ImportResult(
            start_resources=_plan(template, values),
            stop_resources=plan_resources(template, values, is_running=False, facts={}, kind=RESOURCE_TYPE),
            parameters=list(template.parameters),
        )

    async def dry_run(self, task: Task, request: DryRunInput, variables: Variables) -> DryRunResult:
        """Plan a start with these values."""
        template, _ = await self._read(task)
        values = values_of_dry_run(task.url, template, request, variables)
        return DryRunResult(resources=_plan(template, values))

    async def daily_cost(self, task: Task, build: BuildInput, variables: Variables) -> int:
        """Return what the template says."""
        return (await asyncio.to_thread(read_template, task.source)).daily_cost

    async def build(self, task: Task, build: BuildInput, variables: Variables) -> BuildResult:
        """Start, stop or delete the workspace, which stays locked until `settle`."""
        began = clock.now()
        await self._holds.take(task, lambda: self._records.locked(build.workspace_id))
        try:
            async with connected(self._host) as client:
                resources, state = await self._build(task, build, variables, client)
        except CallFailed as error:
            # What the engine says by itself, where nobody knew better.
            raise EngineFailure(f"The container engine refused: {error}", state=error.state) from error
        action = {"start": "create", "stop": "stop", "delete": "destroy"}[build.transition]
        return BuildResult(state=state, resources=resources, timings=[_timing(began, action)])

    async def _build(
        self, task: Task, build: BuildInput, variables: Variables, client: Client
    ) -> tuple[list[Resource], bytes]:
        identity = await client.identity()
        if build.transition == "start":
            return await self._start(task, build, variables, client, identity)
        if build.transition == "stop":
            resources = await self._stop(task, build, client, identity)
            return resources, State(engine=identity.name, host=identity.host).encode()
        return await self._delete(task, build, client, identity), b""

    async def settle(self, task: Task, build: BuildInput, verdict: Verdict) -> None:
        """Keep a start that the server took; remove one that it did not."""
        held = self._holds.pop(task.job_id)
        if held is None:
            return
        with held:
            record = await asyncio.to_thread(self._records.read, build.workspace_id)
            if record is None or record.build_id != build.workspace_build_id or verdict == "unknown":
                return
            if verdict == "refused":
                async with connected(self._host) as client:
                    await _undo(client, record, with_volumes=False)
            await asyncio.to_thread(self._records.forget, build.workspace_id)

    async def recover(self, knows_agent: KnowsAgent) -> None:
        """Remove what daemons that were killed have left of starts that nobody finished."""
        await recover(self._records, self._host, knows_agent)

    async def _read(self, task: Task) -> tuple[Template, ContainerPlan]:
        template = await asyncio.to_thread(read_template, task.source)
        if template.container is None:
            raise TemplateError(
                f"{FILE_NAME}:1: has no section `container`, which says of what image the workspace is made. Add one, or push the "
                "template for the engine `process`."
            )
        check_allowed(template.container, self._settings)
        if self._host is not None:
            choose_network(template.container.network, self._settings, self._host, url=task.url)
        return template, template.container

    async def _start(
        self, task: Task, build: BuildInput, variables: Variables, client: Client, identity: Identity
    ) -> tuple[list[Resource], bytes]:
        template, plan = await self._read(task)
        network = choose_network(plan.network, self._settings, client.host, url=task.url)
        had_volumes = await self._check_engine(task, build, client, identity)
        record = Record(workspace_id=build.workspace_id, build_id=build.workspace_build_id, number=build.build_number)
        await asyncio.to_thread(self._records.write, record)
        state = State(engine=identity.name, host=identity.host)
        try:
            values = values_of_build(task.url, template, build, variables, home="")
            plan = fill_image(plan, values.table())
            image = await self._image(task, client, plan, build)
            person = await self._probe.look(client, image, plan.user or image.user, build, daemon=self._settings.name)
            home = choose_home(plan, person, owner=build.owner.username)
            values.fixed["workspace.home"] = home
            resources = _plan(template, values, image=image)
            for agent in resources[0].agents:
                agent.token = build.agent_tokens.get(agent.name) or str(uuid4())
            record = Record(
                workspace_id=build.workspace_id,
                build_id=build.workspace_build_id,
                number=build.build_number,
                token=resources[0].agents[0].token or "",
            )
            await asyncio.to_thread(self._records.write, record)
            start = Start(
                template=template,
                plan=plan,
                values=values,
                agents=resources[0].agents,
                image=image,
                person=person,
                home=home,
                network=network,
                identity=identity,
            )
            container_id = await start_container(client, task, build, start, settings=self._settings)
        except EngineFailure as error:
            await self._give_up(client, record)
            error.state = state.encode() if had_volumes else build.state
            raise
        except BaseException:
            await self._give_up(client, record)
            raise
        return resources, State(engine=identity.name, host=identity.host, container=container_id).encode()

    async def _image(self, task: Task, client: Client, plan: ContainerPlan, build: BuildInput) -> Image:
        if plan.build is None:
            return await images.provide(client, task, plan.image, pull=plan.pull)
        return await images.build(
            client, task, plan.build, workspace_id=build.workspace_id, number=build.build_number, pull=plan.pull
        )

    async def _give_up(self, client: Client, record: Record) -> None:
        """Remove what a start has made; when that fails, its record stays, and the next daemon on this machine tries again."""
        try:
            await _undo(client, record, with_volumes=True)
        except EngineFailure as error:
            _log.warning(
                "What a failed start of workspace %s has left cannot be removed: %s", record.workspace_id, error
            )
            return
        await asyncio.to_thread(self._records.forget, record.workspace_id)

    async def _check_engine(self, task: Task, build: BuildInput, client: Client, identity: Identity) -> bool:
        """Return whether the workspace's volumes are here. Raises EngineFailure when they are elsewhere."""
        if await volume_names(client, build.workspace_id):
            return True
        state = read_state(build.state)
        if state.engine and state.engine != identity.name:
            raise EngineFailure(_elsewhere(state, identity), state=build.state)
        if state.engine:
            task.log(
                "The volumes of the workspace are gone from the container engine: it begins with an empty home.", "warn"
            )
        return False

    async def _stop(self, task: Task, build: BuildInput, client: Client, identity: Identity) -> list[Resource]:
        await self._end(task, build, client, identity)
        await remove_network(client, build.workspace_id)
        await asyncio.to_thread(self._records.forget, build.workspace_id)
        metadata = [ResourceMetadata(key="home", value="kept")]
        return [Resource(type=RESOURCE_TYPE, name="workspace", metadata=metadata)]

    async def _delete(self, task: Task, build: BuildInput, client: Client, identity: Identity) -> list[Resource]:
        await self._end(task, build, client, identity)
        removed = await remove_everything(client, task.log, build.workspace_id)
        await asyncio.to_thread(self._records.forget, build.workspace_id)
        task.log(f"Removed with all that was in them: {', '.join(removed) or 'nothing, there was none'}.", "info")
        return []

    async def _end(self, task: Task, build: BuildInput, client: Client, identity: Identity) -> None:
        found = await find_container(client, build.workspace_id)
        if found is not None:
            await end_container(client, task.log, found, hurry=task.canceled)
            return
        state = read_state(build.state)
        if state.engine and state.engine != identity.name and not await volume_names(client, build.workspace_id):
            raise EngineFailure(_elsewhere(state, identity), state=build.state)
        task.log("No container of the workspace is there.", "info")


async def _undo(client: Client, record: Record, *, with_volumes: bool) -> None:
    await undo(
        client,
        workspace_id=record.workspace_id,
        build_id=record.build_id,
        number=record.number,
        with_volumes=with_volumes,
    )


def _plan(template: Template, values: Values, *, image: Image | None = None) -> list[Resource]:
    for agent in template.agents:
        plan_environment(agent, values)
    facts = {"isolation": "container"}
    if image is not None and "image" not in {fact.key for fact in template.metadata}:
        facts["image"] = image.name
    return plan_resources(
        template,
        values,
        is_running=True,
        facts=facts,
        kind=RESOURCE_TYPE,
        architecture=image.architecture if image else "",
    )


def _elsewhere(state: State, identity: Identity) -> str:
    return (
        f"The workspace's volumes are on the container engine {state.engine}, and this provisioner works with {identity.name}. "
        f"Start the provisioner that belongs to {state.host}, or give the template tags that only that one has."
    )


def _timing(began: datetime, action: str) -> Timing:
    return Timing(
        started_at=began,
        ended_at=clock.now(),
        stage="apply",
        source="container",
        action=action,
        resource=f"{RESOURCE_TYPE}.workspace",
    )
