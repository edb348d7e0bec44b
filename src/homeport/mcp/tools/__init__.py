"""The tools, one module per topic, and the sets in which clients get them."""

from typing import Final

from homeport.mcp.registry import Toolset
from homeport.mcp.tools import apps, commands, files, logs, people, search, templates, workspaces

STANDARD: Final = Toolset(
    [
        *people.TOOLS,
        *workspaces.TOOLS,
        *logs.TOOLS,
        *templates.TOOLS,
        *commands.TOOLS,
        *files.TOOLS,
        *apps.TOOLS,
    ]
)
TOOLSETS: Final = {"standard": STANDARD, "chatgpt": Toolset(search.TOOLS)}
