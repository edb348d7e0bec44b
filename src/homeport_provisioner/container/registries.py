"""Credentials for registries, from the file in which `docker login` keeps them."""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HUB = "docker.io"
_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")


def find_credentials(image: str, environment: Mapping[str, str] = os.environ) -> dict[str, str] | None:
    """Return who to be at the registry of an image; None where nothing is kept. Helpers for credentials are not asked."""
    folder = Path(environment.get("DOCKER_CONFIG") or "~/.docker").expanduser()
    try:
        entries = json.loads((folder / "config.json").read_bytes()).get("auths") or {}
    except (OSError, ValueError, AttributeError):
        return None
    if not isinstance(entries, dict):
        return None
    registry = registry_of(image)
    keys = (
        _HUB_KEYS
        if registry == _HUB
        else (registry, f"https://{registry}", f"https://{registry}/v1/", f"https://{registry}/v2/")
    )
    entry = next((entries[key] for key in keys if isinstance(entries.get(key), dict)), None)
    return _read(entry, registry) if entry else None


def registry_of(image: str) -> str:
    """Return the host of an image's registry: Docker Hub's when the name has none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else _HUB


def with_registry(image: str) -> str:
    """Return an image's name with its registry before it, as credentials need it."""
    registry = registry_of(image)
    if image.startswith(f"{registry}/"):
        return image
    return f"{registry}/{image}" if "/" in image else f"{registry}/library/{image}"


def _read(entry: Mapping[str, Any], registry: str) -> dict[str, str] | None:
    if entry.get("identitytoken"):
        return {"identitytoken": str(entry["identitytoken"]), "serveraddress": registry}
    try:
        user, colon, password = base64.b64decode(str(entry.get("auth", ""))).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return {"username": user, "password": password, "serveraddress": registry} if colon else None
