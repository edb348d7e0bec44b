"""Which scopes the tools need: at least, and to be asked for."""

from collections.abc import Mapping
from typing import Any

from homeport.mcp.registry import Needs, NeedsOf

READ_SELF = Needs(("user:read", "user:read_personal"), ("coder:workspaces.read",))
READ_WORKSPACES = Needs(("workspace:read",), ("coder:workspaces.read",))
READ_TEMPLATES = Needs(("template:read",), ("coder:workspaces.read",))
SEARCH = Needs(("template:read", "workspace:read"), ("coder:workspaces.read",))
CREATE_WORKSPACES = Needs(
    ("template:read", "template:use", "user:read", "workspace:create", "workspace:read", "workspace:start"),
    ("coder:workspaces.create",),
)
START_WORKSPACES = Needs(("workspace:read", "workspace:start"), ("coder:workspaces.operate",))
STOP_WORKSPACES = Needs(("workspace:read", "workspace:stop"), ("coder:workspaces.operate",))
DELETE_WORKSPACES = Needs(("workspace:delete", "workspace:read"), ("coder:workspaces.delete",))
ENTER_WORKSPACES = Needs(("workspace:read", "workspace:ssh"), ("coder:workspaces.access",))
OPEN_PORTS = Needs(("workspace:application_connect", "workspace:read"), ("coder:workspaces.access",))
UPLOAD_FILES = Needs(("file:create",), ("coder:templates.build",))
CREATE_TEMPLATES = Needs(("organization:read", "template:create", "template:read"), ("coder:templates.author",))
CREATE_VERSIONS = Needs(
    ("file:read", "organization:read", "template:create", "template:read"), ("coder:templates.author",)
)
ADD_VERSIONS = Needs(
    ("file:read", "organization:read", "template:read", "template:update"), ("coder:templates.author",)
)
UPDATE_TEMPLATES = Needs(("template:read", "template:update"), ("coder:templates.author",))
DELETE_TEMPLATES = Needs(("template:delete", "template:read"), ("coder:templates.author",))


def on_workspace(needs: Needs, argument: str = "workspace") -> NeedsOf:
    """Return what a call needs that names a workspace: one of somebody else, as owner/name, is found by reading users."""
    wider = Needs((*needs.least, "user:read"), needs.ask)

    def needs_of(given: Mapping[str, Any]) -> Needs:
        return wider if "/" in str(given.get(argument, "")) else needs

    return needs_of
