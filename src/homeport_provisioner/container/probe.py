"""Looks up in an image who its users are, without running anything of it."""

from homeport_provisioner.container.client import CallFailed, Client
from homeport_provisioner.container.images import Image
from homeport_provisioner.container.names import is_ours, labels, probe_name
from homeport_provisioner.container.people import Person, find_person
from homeport_provisioner.engine import EngineFailure
from homeport_sdk.provisioner_protocol import BuildInput

_MOST_IMAGES = 256


class Probe:
    """Remembers what it has found: an image's id stands for its content."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, str]] = {}

    async def look(self, client: Client, image: Image, user: str, build: BuildInput, *, daemon: str) -> Person:
        """Return who `user` (as Docker writes it; empty is root) is in an image. Raises EngineFailure."""
        if image.id not in self._found:
            while len(self._found) >= _MOST_IMAGES:
                self._found.pop(next(iter(self._found)))
            self._found[image.id] = await _read_files(client, image, build, daemon)
        passwd, group = self._found[image.id]
        return find_person(user, passwd=passwd, group=group)


async def _read_files(client: Client, image: Image, build: BuildInput, daemon: str) -> tuple[str, str]:
    name = probe_name(build.workspace_id)
    left = await client.container(name)
    if left is not None:
        if not is_ours(left, build.workspace_id):
            raise EngineFailure(
                f"The container engine has a container {name} that is not Homeport's. Remove it there, and try again."
            )
        await client.remove_container(str(left["Id"]))
    config = {
        "Image": image.id,
        "Entrypoint": ["/bin/sh"],
        "Labels": labels(build, daemon=daemon),
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {"NetworkMode": "none"},
    }
    try:
        container_id = await client.create_container(name, config)
    except CallFailed as error:
        raise EngineFailure(f"No container can be made of the image {image.name}: {error}") from error
    try:
        return await client.read_file(container_id, "/etc/passwd"), await client.read_file(container_id, "/etc/group")
    finally:
        await client.remove_container(container_id)
