"""Errors of the room."""

from homeport.bootstrap.types import ARCHITECTURES, SYSTEMS
from homeport.kit.errors import NotFound


class BundleGone(NotFound):
    """404: there is no such bundle, or there is another one by now."""

    def __init__(self) -> None:
        super().__init__("The server has no such file. What it has is told by /bin/agent.json.")


class PlatformUnknown(NotFound):
    """404: the agent does not run there."""

    def __init__(self) -> None:
        names = ", ".join(f"{system}/{architecture}" for system in SYSTEMS for architecture in ARCHITECTURES)
        super().__init__(f"There is no agent for this platform. There is one for: {names}.")
