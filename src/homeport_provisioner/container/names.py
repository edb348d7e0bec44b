"""How everything that belongs to a workspace is named and labelled. Pure."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from homeport_sdk.provisioner_protocol import BuildInput

WORKSPACE_LABEL = "homeport.workspace-id"
BUILD_LABEL = "homeport.build-id"
IMAGES = "localhost/homeport-workspace"
"""The repository of all images that are built for workspaces."""


def container_name(workspace_id: UUID) -> str:
    """Return the name of a workspace's container."""
    return f"homeport-{workspace_id}"


def probe_name(workspace_id: UUID) -> str:
    """Return the name of the container in which files of an image are looked up."""
    return f"homeport-{workspace_id}-probe"


def network_name(workspace_id: UUID) -> str:
    """Return the name of a workspace's own network."""
    return f"homeport-{workspace_id}"


def home_volume(workspace_id: UUID) -> str:
    """Return the name of the volume that holds the home."""
    return f"homeport-{workspace_id}-home"


def extra_volume(workspace_id: UUID, name: str) -> str:
    """Return the name of a volume that the template names."""
    return f"homeport-{workspace_id}-v-{name}"


def image_name(workspace_id: UUID, number: int) -> str:
    """Return the name of the image that a build of a workspace makes."""
    return f"{IMAGES}:{workspace_id}-{number}"


def labels(build: BuildInput, *, daemon: str) -> dict[str, str]:
    """Return the labels of everything that a build makes. Nothing secret: everybody who sees the thing sees them."""
    return {
        WORKSPACE_LABEL: str(build.workspace_id),
        BUILD_LABEL: str(build.workspace_build_id),
        "homeport.daemon": daemon,
        "homeport.workspace": build.workspace_name,
        "homeport.owner": build.owner.username,
        "homeport.template": build.template.name,
    }


def labels_of(thing: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels of a container, volume or network as the engine describes it."""
    config = thing.get("Config")
    found = config.get("Labels") if isinstance(config, Mapping) else thing.get("Labels")
    return found if isinstance(found, Mapping) else {}


def is_ours(thing: Mapping[str, Any], workspace_id: UUID) -> bool:
    """Whether a thing with one of our names is really ours: its label names the workspace, too."""
    return labels_of(thing).get(WORKSPACE_LABEL) == str(workspace_id)
