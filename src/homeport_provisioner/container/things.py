"""Finds, ends and removes what belongs to a workspace on an engine. Nothing that is not ours is touched."""

import asyncio
from contextlib import suppress
from uuid import UUID

from homeport_provisioner.container import images
from homeport_provisioner.container.client import CallFailed, Client, Json
from homeport_provisioner.container.create import STOP_SECONDS
from homeport_provisioner.container.names import (
    BUILD_LABEL,
    WORKSPACE_LABEL,
    container_name,
    image_name,
    is_ours,
    labels_of,
    network_name,
    probe_name,
)
from homeport_provisioner.engine import EngineFailure, Log
from homeport_sdk import clock

_LEEWAY_SECONDS = 20.0


async def find_container(client: Client, workspace_id: UUID) -> Json | None:
    """Return a workspace's container. Raises EngineFailure when somebody else's container has its name."""
    name = container_name(workspace_id)
    found = await client.container(name)
    if found is not None and not is_ours(found, workspace_id):
        raise EngineFailure(
            f"The container engine has a container {name} that is not Homeport's. Rename or remove it there, and try again."
        )
    return found


async def end_container(client: Client, log: Log, found: Json, *, hurry: asyncio.Event) -> None:
    """Let a container end in order, as long as nobody is in a hurry, and remove it."""
    container_id = str(found["Id"])
    if (found.get("State") or {}).get("Running"):
        log("Asking the agents to end.", "info")
        began = clock.monotonic()
        is_gentle = await _stop(client, container_id, hurry)
        how = "ended" if is_gentle else "was killed, because it did not end by itself,"
        log(f"The container {how} after {clock.monotonic() - began:.1f} s.", "info" if is_gentle else "warn")
    else:
        log("The container does not run.", "info")
    await client.remove_container(container_id)


async def remove_network(client: Client, workspace_id: UUID) -> None:
    """Remove the network of a workspace's own, if there is one."""
    name = network_name(workspace_id)
    found = await client.network(name)
    if found is not None and is_ours(found, workspace_id):
        await client.remove_network(name)


async def volume_names(client: Client, workspace_id: UUID) -> list[str]:
    """List the volumes of a workspace."""
    return await _volume_names(client, workspace_id, f"{WORKSPACE_LABEL}={workspace_id}")


async def remove_everything(client: Client, log: Log, workspace_id: UUID) -> list[str]:
    """Remove network, volumes and images of a workspace whose container is gone; return what was removed."""
    await _remove_probe(client, workspace_id)
    await remove_network(client, workspace_id)
    volumes = await volume_names(client, workspace_id)
    for name in volumes:
        try:
            await client.remove_volume(name)
        except CallFailed as error:
            raise EngineFailure(f"The volume {name} cannot be removed: {error}") from error
    await images.remove_built(client, log, workspace_id)
    return volumes


async def undo(client: Client, *, workspace_id: UUID, build_id: UUID, number: int, with_volumes: bool) -> None:
    """Remove what one build has made: its container and its image.

    `with_volumes`: also the volumes that were not there before it. Only for whoever knows that nobody has worked in them.
    """
    found = await client.container(container_name(workspace_id))
    if found is not None and labels_of(found).get(BUILD_LABEL) == str(build_id) and is_ours(found, workspace_id):
        await client.remove_container(str(found["Id"]))
        found = None
    await _remove_probe(client, workspace_id)
    if found is None:
        await remove_network(client, workspace_id)
    if with_volumes:
        for name in await _volume_names(client, workspace_id, f"{BUILD_LABEL}={build_id}"):
            await client.remove_volume(name)
    await client.remove_image(image_name(workspace_id, number))


async def _stop(client: Client, container_id: str, hurry: asyncio.Event) -> bool:
    stopping = asyncio.ensure_future(client.stop_container(container_id, seconds=STOP_SECONDS))
    sign = asyncio.ensure_future(hurry.wait())
    try:
        await asyncio.wait(
            {stopping, sign}, timeout=STOP_SECONDS + _LEEWAY_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if stopping.done():
            stopping.result()
            after = await client.container(container_id)
            # 137 is what a process that was killed leaves.
            return after is None or (after.get("State") or {}).get("ExitCode") != 137
        await client.kill_container(container_id)
        return False
    finally:
        sign.cancel()
        stopping.cancel()
        with suppress(asyncio.CancelledError, EngineFailure):
            await stopping


async def _remove_probe(client: Client, workspace_id: UUID) -> None:
    found = await client.container(probe_name(workspace_id))
    if found is not None and is_ours(found, workspace_id):
        await client.remove_container(str(found["Id"]))


async def _volume_names(client: Client, workspace_id: UUID, label: str) -> list[str]:
    prefix = f"homeport-{workspace_id}-"
    names = [str(volume["Name"]) for volume in await client.volumes(label) if is_ours(volume, workspace_id)]
    return sorted(name for name in names if name.startswith(prefix))
