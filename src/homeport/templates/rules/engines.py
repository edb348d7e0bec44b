"""Which engine a template's files are for. Pure."""

from collections.abc import Mapping

import yaml

from homeport.provisioning.types import ProvisionerType

_DESCRIPTIONS = ("homeport.yaml", "homeport.yml")


def engine_of(files: Mapping[str, bytes]) -> ProvisionerType:
    """Return the engine; without a sign of another it is `process`, whose import then says what is missing."""
    for name in _DESCRIPTIONS:
        if name in files:
            return "container" if _has_container(files[name]) else "process"
    at_top = [name for name in files if "/" not in name]
    if any(name.endswith((".tf", ".tf.json")) for name in at_top):
        return "terraform"
    return "echo" if any(name.startswith("echo.") for name in at_top) else "process"


def _has_container(content: bytes) -> bool:
    """Whether it says of what container workspaces are made. Mistakes are for the engine to find."""
    try:
        found = yaml.safe_load(content.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, yaml.YAMLError, RecursionError):
        return False
    return isinstance(found, dict) and "container" in found
