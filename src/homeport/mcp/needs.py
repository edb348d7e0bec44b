"""Which scopes the tools need: at least, and to be asked for."""

from homeport.mcp.registry import Needs

READ_SELF = Needs(("user:read", "user:read_personal"), ("coder:workspaces.read",))
READ_WORKSPACES = Needs(("workspace:read",), ("coder:workspaces.read",))
READ_TEMPLATES = Needs(("template:read",), ("coder:workspaces.read",))
SEARCH = Needs(("template:read", "workspace:read"), ("coder:workspaces.read",))
CREATE_WORKSPACES = Needs(
    ("template:read", "template:use", "workspace:create", "workspace:read", "workspace:start"),
    ("coder:workspaces.create",),
)
START_WORKSPACES = Needs(("workspace:read", "workspace:start"), ("coder:workspaces.operate",))
STOP_WORKSPACES = Needs(("workspace:read", "workspace:stop"), ("coder:workspaces.operate",))
DELETE_WORKSPACES = Needs(("workspace:delete", "workspace:read"), ("coder:workspaces.delete",))
ENTER_WORKSPACES = Needs(("workspace:read", "workspace:ssh"), ("coder:workspaces.access",))
OPEN_PORTS = Needs(("workspace:application_connect", "workspace:read"), ("coder:workspaces.access",))
UPLOAD_FILES = Needs(("file:create",), ("coder:templates.build",))
CREATE_TEMPLATES = Needs(("template:create", "template:read"), ("coder:templates.author",))
CREATE_VERSIONS = Needs(("file:read", "template:create", "template:read"), ("coder:templates.author",))
ADD_VERSIONS = Needs(("file:read", "template:read", "template:update"), ("coder:templates.author",))
UPDATE_TEMPLATES = Needs(("template:read", "template:update"), ("coder:templates.author",))
DELETE_TEMPLATES = Needs(("template:delete", "template:read"), ("coder:templates.author",))
