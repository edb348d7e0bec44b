"""Makes and starts the container of a workspace, once its image is there."""

import asyncio
from dataclasses import dataclass

from homeport_provisioner.container import bootstrap, images
from homeport_provisioner.container.client import CallFailed, Client, Identity, Json, unless_canceled
from homeport_provisioner.container.create import Setting, container_config, mounts
from homeport_provisioner.container.filling import fill_rest
from homeport_provisioner.container.images import Image
from homeport_provisioner.container.names import container_name, is_ours, labels
from homeport_provisioner.container.network import Choice, extra_hosts, provide_network
from homeport_provisioner.container.people import Person
from homeport_provisioner.container.things import end_container, find_container
from homeport_provisioner.engine import EngineFailure, Task
from homeport_provisioner.settings import Settings
from homeport_provisioner.template import Template, Values, plan_environment
from homeport_provisioner.template.shape import ContainerPlan
from homeport_sdk.provisioner_protocol import Agent, BuildInput

_LOOKS = 3
_LOOK_SECONDS = 0.1
_LOG_LINES = 30
_HOPELESS = "homeport: cannot start the agent: "
"""What the server's init script writes before a reason that waiting does not mend."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """All that a start has found out before it makes anything that lasts."""

    template: Template
    plan: ContainerPlan
    values: Values
    agents: list[Agent]
    image: Image
    person: Person
    home: str
    network: Choice
    identity: Identity


async def start_container(client: Client, task: Task, build: BuildInput, start: Start, *, settings: Settings) -> str:
    """Make everything and start it; return the container's id. Raises EngineFailure, and leaves what it has made by then."""
    plan = fill_rest(start.plan, start.values.table())
    script = await unless_canceled(task, bootstrap.fetch_init_script(settings.url, start.image.architecture))
    before = await find_container(client, build.workspace_id)
    if before is not None:
        task.log("The workspace has a container already: it is ended first.", "info")
        await end_container(client, task.log, before, hurry=task.canceled)
    task.check_canceled()
    ours = labels(build, daemon=settings.name)
    if start.network.note:
        task.log(start.network.note, "warn")
    network, gateway = await provide_network(
        client, start.network, workspace_id=build.workspace_id, labels=ours, identity=start.identity
    )
    new_places = [
        place
        for volume, place in mounts(plan, build.workspace_id, start.home)
        if await _provide_volume(client, build, volume, ours)
    ]
    setting = Setting(
        workspace_id=build.workspace_id,
        hostname=build.workspace_name[:63] or "workspace",
        image=start.image,
        user=start.plan.user or start.image.user,
        home=start.home,
        network=network,
        extra_hosts=extra_hosts(plan.extra_hosts, gateway),
        labels=ours,
        identity=start.identity,
    )
    config = container_config(plan, start.template.limits, setting, environment=plan.env)
    try:
        container_id = await client.create_container(container_name(build.workspace_id), config)
        files = bootstrap.pack_files(
            init_script=script,
            environments=_environments(start, build),
            person=start.person,
            new_places=new_places if start.person.uid else (),
        )
        await client.put_files(container_id, files)
        task.check_canceled()
        await client.start_container(container_id)
    except CallFailed as error:
        raise EngineFailure(f"The container cannot be started: {_explain(str(error))}") from error
    await _look(client, container_id)
    if start.plan.build is not None:
        await images.remove_built(client, task.log, build.workspace_id, but=start.image.name)
    for agent in start.agents:
        task.log(
            f"Agent {agent.name} runs in {start.home} of the container {container_name(build.workspace_id)}.", "info"
        )
    return container_id


async def _provide_volume(client: Client, build: BuildInput, name: str, ours: dict[str, str]) -> bool:
    """Make a volume where there is none; return whether it was made."""
    found = await client.volume(name)
    if found is None:
        await client.create_volume(name, ours)
        return True
    if not is_ours(found, build.workspace_id):
        raise EngineFailure(
            f"The container engine has a volume {name} that is not Homeport's. Remove or rename it there, and try again."
        )
    return False


def _environments(start: Start, build: BuildInput) -> list[dict[str, str]]:
    """Return what each agent's process gets beside what the image and the container have."""
    person = start.person
    base = {
        "HOME": start.home,
        "USER": person.name or build.owner.username,
        "LOGNAME": person.name or build.owner.username,
        "LANG": "C.UTF-8",
    }
    if person.shell and not person.shell.endswith(("/nologin", "/false")):
        base["SHELL"] = person.shell
    if start.network.is_host:
        base["HOMEPORT_AGENT_NETWORK"] = "shared"
    return [
        {
            **base,
            **plan_environment(plan, start.values),
            "HOMEPORT_AGENT_URL": start.network.url,
            "HOMEPORT_AGENT_TOKEN": agent.token or "",
        }
        for plan, agent in zip(start.template.agents, start.agents, strict=True)
    ]


async def _look(client: Client, container_id: str) -> None:
    """See whether the container runs, and go on running for a moment. Raises EngineFailure with what it said."""
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK_SECONDS)
        found: Json = await client.container(container_id) or {}
        state = found.get("State") or {}
        if not state.get("Running") or found.get("RestartCount"):
            # Where it is started again and again, the engine may know no status at this moment.
            how = f", with status {state['ExitCode']}" if state.get("ExitCode") else ""
            said = (await client.logs(container_id, lines=_LOG_LINES)).strip() or "it wrote nothing"
            raise EngineFailure(
                f"The container ended at once{how}: {said}\n"
                "The image needs /bin/sh, date and sleep; an entrypoint of the template must run what comes after it."
            )
    for line in (await client.logs(container_id, lines=_LOG_LINES)).splitlines():
        if line.startswith(_HOPELESS):
            raise EngineFailure(f"The image cannot run an agent: {line.removeprefix(_HOPELESS)}")


def _explain(message: str) -> str:
    """Add what to do about the mistakes that everybody makes."""
    if "/bin/sh" in message and ("no such file" in message.lower() or "not found" in message.lower()):
        return f"{message.rstrip('.')}. The image has no /bin/sh: build one on it that has a shell and Python 3.11 or newer."
    if "no such file or directory" in message.lower() and "/dev/" in message:
        return f"{message.rstrip('.')}. The machine has no such device: drop it from container.devices."
    return message
