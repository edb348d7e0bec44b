"""What may go wrong with agents, each with its HTTP status and words."""

from collections.abc import Sequence
from uuid import UUID

from homeport.kit.errors import (
    BadRequest,
    Conflict,
    FieldError,
    Forbidden,
    NotAuthenticated,
    NotFound,
    Unavailable,
)


class UnknownAgentToken(NotAuthenticated):
    """401: no live agent has this token."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("Workspace agent not authorized: no live agent has this token.", detail=detail)


class AgentOutdated(Forbidden):
    """403: a newer build of the workspace has ended."""

    def __init__(self) -> None:
        super().__init__(
            "This agent belongs to an older build of its workspace.",
            detail="Agent must belong to the latest build of the workspace.",
        )


class AgentNotFound(NotFound):
    """404: unknown, deleted, or of a workspace that is not readable."""

    def __init__(self) -> None:
        super().__init__("Workspace agent not found or you do not have access to it.")


class AgentNotConnected(BadRequest):
    """400: the agent has no tunnel at the moment."""

    def __init__(self, reason: str = "") -> None:
        detail = reason or "Start the workspace, or wait until its agent has connected."
        super().__init__("The workspace agent is not connected.", detail=detail)


class AgentExposed(Forbidden):
    """403: nothing keeps the workspace apart from the provisioner's machine, and somebody else than a site owner wants in."""

    def __init__(self) -> None:
        super().__init__(
            "This workspace runs without isolation, so only owners of the deployment can enter it.",
            detail="Whoever enters it has the account of the provisioner on its machine. Install bubblewrap there and restart "
            "the workspace to let in others who may.",
        )


class AgentElsewhere(Unavailable):
    """503: the agent's tunnel ends in another server that cannot be reached from here."""

    def __init__(self, replica: UUID | None) -> None:
        super().__init__(
            "The workspace agent is connected to another server, which cannot be reached from here. Try again.",
            detail=f"The agent's tunnel ends in replica {replica}.",
        )


class AgentBroken(Unavailable):
    """503: the tunnel is there, but the agent does not answer as it should."""

    def __init__(self, detail: str) -> None:
        super().__init__("The workspace agent did not answer as it should. Try again.", detail=detail)


class TunnelRefused(Forbidden):
    """403: the agent may not open a tunnel now; the message says why."""


class UnknownLogSource(BadRequest):
    """400: the agent has no such log source."""

    def __init__(self, source: UUID) -> None:
        field = FieldError("log_source_id", f"This agent has no log source {source}.")
        super().__init__("The log source is not known.", validations=(field,))


class MetadataKeysTooLong(BadRequest):
    """400: the keys of one report are longer together than is kept; the first ones were saved."""

    def __init__(self, limit: int) -> None:
        field = FieldError("metadata", f"The keys take more than {limit} bytes together; the rest was not saved.")
        super().__init__("Too much metadata at once.", validations=(field,))


class InvalidReport(BadRequest):
    """400: a report that names what this agent does not have, or says what cannot be."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__("The report is not valid.", validations=(FieldError(field, detail),))


class InvalidSubAgent(BadRequest):
    """400: fields of a sub-agent that cannot be."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("The sub-agent is not valid.", validations=errors)


class SubAgentNotFound(NotFound):
    """404: no live sub-agent of the caller has this id."""

    def __init__(self) -> None:
        super().__init__("Sub-agent not found, or it is not this agent's.")


class NestedSubAgent(Forbidden):
    """403: sub-agents have no sub-agents."""

    def __init__(self) -> None:
        super().__init__("A sub-agent cannot have sub-agents of its own.")


class AgentNameTaken(Conflict):
    """409: the build has a live agent of this name."""

    def __init__(self, name: str) -> None:
        field = FieldError("name", "This value is already in use and should be unique.")
        super().__init__(f"A workspace agent with the name '{name}' exists already.", validations=(field,))
