"""Who the agent works for."""

from typing import Any

import msgspec

from homeport.identity.service.users import get_self
from homeport.mcp import needs
from homeport.mcp.arguments import NoArguments
from homeport.mcp.registry import READS, Call, tool


@tool("coder_get_authenticated_user", "Who am I", needs=needs.READ_SELF, hints=READS, kind=NoArguments)
async def get_authenticated_user(call: Call, _: NoArguments) -> Any:
    """Return the person for whom you act: name, email, organizations, roles, and the scopes of your access."""
    found = msgspec.to_builtins(get_self(call.identity))
    wanted = ("id", "username", "email", "name", "status", "organization_ids", "roles")
    return {name: found[name] for name in wanted} | {"scopes": list(call.identity.key_scopes)}


TOOLS = (get_authenticated_user,)
