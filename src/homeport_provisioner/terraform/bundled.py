"""Our own provider for Coder's resource types, offered to Terraform by a mirror of files made for the job."""

from collections.abc import Sequence
from pathlib import Path

from homeport_provisioner.engine import EngineFailure


async def offer(folder: Path, constraints: Sequence[str]) -> Path:
    """Make a mirror in a folder, with a version that the template's constraints allow; return it. Raises EngineFailure."""
    wanted = ", ".join(constraints) or "any version"
    raise EngineFailure(
        f"This installation has no provider coder/coder ({wanted}) of its own to put into {folder.name}."
    )
