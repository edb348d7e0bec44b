"""The configuration with which a workspace's container is created. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from homeport_provisioner.container.bootstrap import START
from homeport_provisioner.container.client import Identity
from homeport_provisioner.container.images import Image
from homeport_provisioner.container.names import extra_volume, home_volume
from homeport_provisioner.template.shape import ContainerPlan, Limits

STOP_SECONDS = 75
"""How long the container may take to end: 60 s for the agents' stop scripts, 10 s for what they leave behind."""
DEFAULT_PROCESSES = 4096
"""So that no workspace can use up the machine's processes, whatever its template forgot."""
_LOG_BYTES = "10m"
_FILE_DRIVERS = ("json-file", "local")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a container is created: all that does not come from the template."""

    workspace_id: UUID
    hostname: str
    image: Image
    user: str
    home: str
    network: str
    extra_hosts: Sequence[str]
    labels: Mapping[str, str]
    identity: Identity


def container_config(
    plan: ContainerPlan, limits: Limits, setting: Setting, *, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the engine is told. Whoever may inspect the container sees all of it, so nothing secret is in it."""
    entrypoint = list(plan.entrypoint) or ["/bin/sh"]
    command = ["/bin/sh", START] if plan.entrypoint else [START]
    is_host = setting.network == "host"
    config: dict[str, Any] = {
        "Image": setting.image.id,
        "User": setting.user,
        "WorkingDir": setting.home,
        "Entrypoint": entrypoint,
        "Cmd": command,
        "Env": [f"{name}={value}" for name, value in {**environment, "HOME": setting.home}.items()],
        "Labels": {**plan.labels, **setting.labels},
        "StopSignal": "SIGTERM",
        "StopTimeout": STOP_SECONDS,
        # What an image thinks of as healthy is a service that does not run here.
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host_config(plan, limits, setting),
    }
    if not is_host:
        config["Hostname"] = setting.hostname
    return config


def _host_config(plan: ContainerPlan, limits: Limits, setting: Setting) -> dict[str, Any]:
    config: dict[str, Any] = {
        "NetworkMode": setting.network,
        "ExtraHosts": list(setting.extra_hosts),
        "Mounts": [
            {"Type": "volume", "Source": name, "Target": path}
            for name, path in mounts(plan, setting.workspace_id, setting.home)
        ],
        "Tmpfs": {item.path: _tmpfs_options(item.size) for item in plan.tmpfs},
        "Devices": [_device(text) for text in plan.devices],
        "Privileged": plan.privileged,
        "PidsLimit": limits.processes or DEFAULT_PROCESSES,
        # After a restart of the machine or the engine, and when process 1 was killed; not after somebody has stopped it.
        "RestartPolicy": {"Name": "unless-stopped"},
        # On the machine's network these would be powers over others' traffic.
        "CapDrop": ["NET_RAW", "NET_BIND_SERVICE"] if setting.network == "host" and not plan.privileged else [],
    }
    if limits.memory:
        config |= {"Memory": limits.memory, "MemorySwap": limits.memory}
    if limits.cpus:
        config["NanoCpus"] = limits.cpus * 1_000_000_000
    if setting.identity.is_podman:
        config["LogConfig"] = {"Type": "k8s-file", "Config": {"max-size": _LOG_BYTES}}
    elif setting.identity.log_driver in _FILE_DRIVERS:
        config["LogConfig"] = {"Type": setting.identity.log_driver, "Config": {"max-size": _LOG_BYTES}}
    return config


def mounts(plan: ContainerPlan, workspace_id: UUID, home: str) -> list[tuple[str, str]]:
    """Return the names of all volumes of a workspace, each with its place; the home is the first."""
    others = [(extra_volume(workspace_id, volume.name), volume.path) for volume in plan.volumes]
    return [(home_volume(workspace_id), home), *others]


def _tmpfs_options(size: int) -> str:
    options = "rw,exec,nosuid,nodev,mode=1777"
    return f"{options},size={size}" if size else options


def _device(text: str) -> dict[str, str]:
    path, *rest = text.split(":")
    inside = next((word for word in rest if word.startswith("/")), path)
    rights = next((word for word in rest if not word.startswith("/")), "rwm")
    return {"PathOnHost": path, "PathInContainer": inside, "CgroupPermissions": rights}
