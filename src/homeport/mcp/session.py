"""What the HTTP layer knows about one MCP request and the tools behind the SDK need: it travels in the request's scope."""

from typing import Final

import msgspec

from homeport.identity.types import Identity
from homeport.mcp.registry import Toolset

KEY: Final = "homeport.mcp"
MAX_BODY: Final = 4 * 1024 * 1024


class Session(msgspec.Struct, frozen=True):
    """Who asks, and which tools they chose. Lives for one request: the server keeps no state between requests."""

    identity: Identity
    toolset_name: str
    toolset: Toolset
