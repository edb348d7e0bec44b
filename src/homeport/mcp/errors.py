"""What may go wrong in a tool, in words that an agent can act upon."""

from homeport.kit.errors import BadRequest, HomeportError, NotFound


class ToolFailed(HomeportError):
    """A tool could not do what was asked; the message says why and what to do."""

    status = 400


class UnknownToolset(BadRequest):
    """400: there is no such set of tools."""

    def __init__(self) -> None:
        super().__init__("The toolset is not known: say standard (or leave it out) or chatgpt.")


class NothingHere(NotFound):
    """404: what was named does not exist, or is not visible to the caller."""
