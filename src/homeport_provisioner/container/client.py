"""Speaks to the container engine: typed calls, and errors as sentences. All that is known of the client library is here."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import aiodocker
import aiohttp
from aiodocker.exceptions import DockerError
from aiodocker.jsonstream import json_stream_stream
from aiodocker.utils import compose_auth_header

from homeport_provisioner.container.host import Host
from homeport_provisioner.engine import EngineCanceled, EngineFailure, Task
from homeport_sdk import clock

_CONNECT_SECONDS = 10.0
_CALL_SECONDS = 120.0
_LIBPOD = "v4.0.0/libpod"
_FOREVER = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
_REMEMBERED_SECONDS = 300.0
T = TypeVar("T")
Json = dict[str, Any]
_log = logging.getLogger(__name__)


class CallFailed(EngineFailure):
    """The container engine does not do what it was asked; `status` is HTTP's, 0 when it said so in the middle of an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(EngineFailure):
    """The container engine does not answer."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which engine it is. `name` tells two engines apart, `host` is for people, `architecture` is as in amd64."""

    name: str
    host: str
    architecture: str
    is_podman: bool
    log_driver: str
    api: str


_known: dict[tuple[object, ...], tuple[float, Identity]] = {}
"""Who answered at an address, and until when that counts: Podman takes a second to say it, and each build asks."""


class Client:
    """One connection to one engine. All calls raise CallFailed and Unreachable; what is missing is None where it says so."""

    def __init__(self, docker: "aiodocker.Docker", host: Host) -> None:
        self._docker: Any = docker
        self.host = host

    async def identity(self) -> Identity:
        """Ask the engine who it is, or remember it."""
        mark = self.host.mark()
        found = _remembered(mark)
        if found is None:
            version = await self._call("GET", "version", is_versioned=False)
            about = await self._call("GET", "info")
            architecture = str(version.get("Arch", ""))
            found = Identity(
                name=f"{about.get('Name', '')}:{about.get('DockerRootDir', '')}",
                host=str(about.get("Name", "")),
                architecture={"x86_64": "amd64", "aarch64": "arm64"}.get(architecture, architecture),
                is_podman=any(
                    "podman" in str(part.get("Name", "")).lower() for part in version.get("Components") or []
                ),
                log_driver=str(about.get("LoggingDriver") or ""),
                api=f"v{version['ApiVersion']}",
            )
            _known[mark] = (clock.monotonic() + _REMEMBERED_SECONDS, found)
        return found

    async def container(self, name: str) -> Json | None:
        """Return what the engine knows about a container, or None."""
        return await self._find(f"containers/{name}/json")

    async def create_container(self, name: str, config: Mapping[str, Any]) -> str:
        """Create a container; return its id."""
        return str((await self._call("POST", "containers/create", params={"name": name}, data=config))["Id"])

    async def start_container(self, container_id: str) -> None:
        """Start a container; one that runs is no error."""
        await self._call("POST", f"containers/{container_id}/start")

    async def stop_container(self, container_id: str, *, seconds: float) -> None:
        """Ask a container to end, kill it after a while, and return once it has ended."""
        await self._call("POST", f"containers/{container_id}/stop", params={"t": int(seconds)}, timeout=_FOREVER)

    async def kill_container(self, container_id: str) -> None:
        """Kill a container; one that has ended is no error."""
        await self._call("POST", f"containers/{container_id}/kill", params={"signal": "KILL"}, allowed=(404, 409, 500))

    async def remove_container(self, container_id: str) -> None:
        """Remove a container, running or not, with its unnamed volumes."""
        await self._call("DELETE", f"containers/{container_id}", params={"force": True, "v": True}, allowed=(404,))

    async def logs(self, container_id: str, *, lines: int) -> str:
        """Return the last lines that a container wrote."""
        container = self._docker.containers.container(container_id)
        async with _explained(self.host):
            return "".join(await container.log(stdout=True, stderr=True, tail=lines))

    async def read_file(self, container_id: str, path: str) -> str:
        """Return a text file of a container, running or not; empty when there is none."""
        try:
            async with _explained(self.host):
                archive = await self._docker.containers.container(container_id).get_archive(path)
        except CallFailed as error:
            if error.status == 404:
                return ""
            raise
        for member in archive:
            file = archive.extractfile(member) if member.isfile() and member.size < 1024 * 1024 else None
            if file is not None:
                return str(file.read().decode("utf-8", "replace"))
        return ""

    async def put_files(self, container_id: str, archive: bytes) -> None:
        """Unpack a tar archive in a container, at its root."""
        await self._call("PUT", f"containers/{container_id}/archive", params={"path": "/"}, raw=archive)

    async def image(self, name: str) -> Json | None:
        """Return what the engine knows about an image, or None."""
        return await self._find(f"images/{name}/json")

    async def image_tags(self, repository: str) -> list[str]:
        """List the full names of all images of one repository."""
        found = await self._call("GET", "images/json", params={"filters": json.dumps({"reference": [repository]})})
        tags = [str(tag) for image in found or [] for tag in image.get("RepoTags") or []]
        return sorted(tag for tag in tags if tag.startswith(f"{repository}:"))

    async def remove_image(self, name: str) -> None:
        """Take a name from an image, and remove it when that was its last."""
        await self._call("DELETE", f"images/{name}", allowed=(404,))

    def pull(self, name: str, *, auth: Mapping[str, str] | None) -> AsyncIterator[Json]:
        """Pull an image, yielding the engine's progress."""
        params = {"fromImage": name}
        if "@" not in name and ":" not in name.rpartition("/")[2]:
            params["tag"] = "latest"
        headers = {"X-Registry-Auth": compose_auth_header(dict(auth))} if auth else {}
        return self._stream("images/create", params, headers=headers)

    def build(self, archive: AsyncIterator[bytes], params: Mapping[str, str]) -> AsyncIterator[Json]:
        """Build an image from a tar archive, yielding the engine's progress."""
        return self._stream("build", params, headers={"Content-Type": "application/x-tar"}, data=archive)

    async def volume(self, name: str) -> Json | None:
        """Return what the engine knows about a volume, or None."""
        return await self._find(f"volumes/{name}")

    async def volumes(self, label: str) -> list[Json]:
        """List the volumes with a label."""
        found = await self._call("GET", "volumes", params={"filters": json.dumps({"label": [label]})})
        return list(found.get("Volumes") or [])

    async def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Make a volume on the engine's machine."""
        await self._call("POST", "volumes/create", data={"Name": name, "Labels": dict(labels)})

    async def remove_volume(self, name: str) -> None:
        """Remove a volume with all that is in it."""
        await self._call("DELETE", f"volumes/{name}", allowed=(404,))

    async def network(self, name: str) -> Json | None:
        """Return what the engine knows about a network, or None."""
        if not (await self.identity()).is_podman:
            return await self._find(f"networks/{name}")
        # Podman 4 forgets that a network is isolated as soon as it has described it to a client of Docker's kind.
        found = await self._find(f"{_LIBPOD}/networks/{name}/json", is_versioned=False)
        if found is None:
            return None
        addresses = [{"Gateway": subnet.get("gateway")} for subnet in found.get("subnets") or []]
        return {"Name": found.get("name"), "Labels": found.get("labels"), "IPAM": {"Config": addresses}}

    async def create_network(self, name: str, labels: Mapping[str, str], options: Mapping[str, str]) -> None:
        """Make a bridge network."""
        config = {"Name": name, "Driver": "bridge", "Labels": dict(labels), "Options": dict(options)}
        await self._call("POST", "networks/create", data=config)

    async def remove_network(self, name: str) -> None:
        """Remove a network that no container is on."""
        await self._call("DELETE", f"networks/{name}", allowed=(404,))

    async def _stream(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        headers: Mapping[str, str],
        data: AsyncIterator[bytes] | None = None,
    ) -> AsyncIterator[Json]:
        async with (
            _explained(self.host),
            self._docker._query(
                path, "POST", params=dict(params), headers=dict(headers), data=data, timeout=_FOREVER
            ) as response,
        ):
            try:
                async for item in json_stream_stream(response):
                    yield item
            finally:
                # The engine goes on for as long as somebody listens.
                response.close()

    async def _find(self, path: str, *, is_versioned: bool = True) -> Json | None:
        try:
            found = await self._call("GET", path, is_versioned=is_versioned)
        except CallFailed as error:
            if error.status == 404:
                return None
            raise
        return dict(found)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        raw: bytes | None = None,
        timeout: aiohttp.ClientTimeout | None = None,
        allowed: tuple[int, ...] = (),
        is_versioned: bool = True,
    ) -> Any:
        timeout = timeout or aiohttp.ClientTimeout(total=_CALL_SECONDS, sock_connect=_CONNECT_SECONDS)
        headers = None if raw is None else {"Content-Type": "application/x-tar"}
        try:
            async with (
                _explained(self.host),
                self._docker._query(
                    path,
                    method,
                    params=params,
                    data=raw if data is None else json.dumps(data),
                    headers=headers,
                    timeout=timeout,
                    versioned_api=is_versioned,
                ) as response,
            ):
                text = await response.read()
        except CallFailed as error:
            if error.status in allowed:
                return None
            raise
        return json.loads(text) if text.strip() and response.status != 204 else None


@asynccontextmanager
async def connected(host: Host | None) -> AsyncIterator[Client]:
    """Give a client for as long as the block runs. Raises EngineFailure when nobody knows where the engine is."""
    if host is None:
        raise Unreachable(
            "This provisioner finds no container engine. Install Docker or Podman on its machine and start it "
            "(`systemctl enable --now docker`, or `podman.socket`), or set HOMEPORT_PROVISIONER_CONTAINER_HOST to an engine's address."
        )
    known = _remembered(host.mark())
    docker = aiodocker.Docker(
        url=host.url,
        ssl_context=host.tls(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        # Else it asks for the version once more before its first call.
        api_version=known.api if known else "auto",
    )
    try:
        yield Client(docker, host)
    finally:
        await docker.close()


async def unless_canceled(task: Task, work: Coroutine[Any, Any, T]) -> T:
    """Wait for `work`, and end it when the job is canceled: the engine stops when nobody listens any more. Raises EngineCanceled."""
    running = asyncio.ensure_future(work)
    sign = asyncio.ensure_future(task.canceled.wait())
    try:
        await asyncio.wait({running, sign}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
    finally:
        sign.cancel()
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
    raise EngineCanceled("The job was canceled.")


@asynccontextmanager
async def _explained(host: Host) -> AsyncIterator[None]:
    try:
        yield
    except DockerError as error:
        if error.status == 900:
            raise _unreachable(host, error.message) from error
        raise CallFailed(error.status, str(error.message).strip() or f"status {error.status}") from error
    except TimeoutError as error:
        raise _unreachable(host, "it does not answer in time") from error
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
        raise _unreachable(host, "it broke off in the middle of an answer") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _unreachable(host, str(error) or type(error).__name__) from error
    except (ValueError, KeyError) as error:
        raise CallFailed(0, f"the answer of {host.url} is none of a container engine's: {error!r}") from error


def _remembered(mark: tuple[object, ...]) -> Identity | None:
    for other in [key for key, (until, _) in _known.items() if until < clock.monotonic()]:
        del _known[other]
    return _known[mark][1] if mark in _known else None


def _unreachable(host: Host, why: str) -> Unreachable:
    if "Permission denied" in why or "Errno 13" in why:
        hint = "Let the provisioner's user use the socket (for Docker: `usermod -aG docker USER`; this is as much as root), and restart it."
    else:
        hint = "Start it (`systemctl start docker` or `podman.socket`), or correct HOMEPORT_PROVISIONER_CONTAINER_HOST or DOCKER_HOST."
    return Unreachable(f"The container engine at {host.url} cannot be reached: {why}. {hint}")
