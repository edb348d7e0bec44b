"""The image of a workspace: there already, pulled, or built from a Dockerfile of the template."""

import asyncio
import io
import json
import os
import re
import tarfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from homeport_provisioner.container.client import CallFailed, Client, unless_canceled
from homeport_provisioner.container.names import IMAGES, image_name
from homeport_provisioner.container.progress import BuildProgress, PullProgress
from homeport_provisioner.container.registries import find_credentials, registry_of, with_registry
from homeport_provisioner.engine import EngineFailure, Log, Task
from homeport_provisioner.template.shape import BuildPlan
from homeport_sdk import clock

_PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?"
_NAME = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
_CHUNK = 1024 * 1024
_HINT = (
    "Is the name right, and can the engine's machine reach {registry}? A private registry needs a `docker login` by the "
    "provisioner's user."
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that is there. `user` is the one it was made for; `architecture` as in amd64."""

    id: str
    name: str
    user: str
    architecture: str


async def provide(client: Client, task: Task, name: str, *, pull: str) -> Image:
    """Return an image by its name, pulled where `pull` (missing, always, never) says so. Raises EngineFailure."""
    check_name(name)
    found = await client.image(name)
    if pull == "always" or (found is None and pull == "missing"):
        began = clock.monotonic()
        task.log(f"Pulling the image {name}.", "info")
        await unless_canceled(task, _pull(client, task, name))
        task.log(f"Pulled in {clock.monotonic() - began:.1f} s.", "info")
        found = await client.image(name)
    if found is None:
        raise EngineFailure(
            f"The image {name} is not on {client.host.url}, and the template says `pull: never`. Load or build it there, "
            "or let the template say `pull: missing`."
        )
    return _read(found, name)


async def build(client: Client, task: Task, plan: BuildPlan, *, workspace_id: UUID, number: int, pull: str) -> Image:
    """Build the image of a workspace from the template's files. Raises EngineFailure with what the build said."""
    name = image_name(workspace_id, number)
    params = {
        "t": name,
        "dockerfile": plan.dockerfile,
        "rm": "1",
        "forcerm": "1",
        "buildargs": json.dumps(dict(plan.args)),
    }
    if plan.target:
        params["target"] = plan.target
    if pull == "always":
        params["pull"] = "1"
    began = clock.monotonic()
    task.log(f"Building the image from {plan.dockerfile}.", "info")
    await client.remove_image(name)
    await unless_canceled(task, _build(client, task, task.source / plan.context, params))
    found = await client.image(name)
    if found is None:
        raise EngineFailure(
            "The container engine ended the build without an image and without a reason: see the engine's own log."
        )
    task.log(f"Built in {clock.monotonic() - began:.1f} s.", "info")
    return _read(found, name)


async def remove_built(client: Client, log: Log, workspace_id: UUID, *, but: str = "") -> None:
    """Remove the images that were built for a workspace, except one. One that somebody else uses stays, and the log says so."""
    for tag in await client.image_tags(IMAGES):
        if tag.startswith(f"{IMAGES}:{workspace_id}-") and tag != but:
            try:
                await client.remove_image(tag)
            except CallFailed as error:
                log(f"The image {tag} stays on the container engine: {_one_line(str(error))}.", "warn")


def check_name(name: str) -> None:
    """Raise EngineFailure for what is no name of an image, or one that only this engine gives."""
    if not _NAME.fullmatch(name) or len(name) > 512:
        raise EngineFailure(f"'{name[:200]}' is no name of an image; write it as in docker.io/library/python:3.12.")
    if "homeport-workspace" in name.partition(":")[0].partition("@")[0].split("/"):
        raise EngineFailure(
            f"'{name[:200]}' is the name of images that are built for workspaces; a template cannot use one."
        )


async def _pull(client: Client, task: Task, name: str) -> None:
    progress = PullProgress(task.log)
    auth = await asyncio.to_thread(find_credentials, name)
    try:
        async for item in client.pull(with_registry(name) if auth else name, auth=auth):
            progress.note(item)
    except CallFailed as error:
        hint = _HINT.format(registry=registry_of(name))
        raise EngineFailure(f"The image {name} cannot be pulled: {_one_line(str(error))}. {hint}") from error


async def _build(client: Client, task: Task, folder: Path, params: Mapping[str, str]) -> None:
    progress = BuildProgress(task.log)
    packed = task.scratch / "context.tar"
    await asyncio.to_thread(_pack, folder, packed)
    try:
        async for item in client.build(_chunks(packed), params):
            progress.note(item)
    except CallFailed as error:
        progress.finish()
        raise EngineFailure(
            f"The image cannot be built: {_one_line(str(error))}. The lines above say where."
        ) from error
    finally:
        packed.unlink(missing_ok=True)
    progress.finish()


def _pack(folder: Path, target: Path) -> None:
    """Pack the files of the template, root's and without their times, so that equal files find what was built before."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = 0
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with tarfile.open(target, "w") as archive:
        for name in sorted(os.listdir(folder)):
            archive.add(folder / name, name, filter=plain)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(io.FileIO, path)
    try:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
    finally:
        file.close()


def _read(found: Mapping[str, Any], name: str) -> Image:
    config = found.get("Config") or {}
    return Image(
        id=str(found["Id"]),
        name=name,
        user=str(config.get("User") or ""),
        architecture=str(found.get("Architecture") or "amd64"),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:2000].rstrip(".")
