"""What the shell offers while a name is typed. Completion is quick or silent: it never complains and never asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_sdk.errors import ApiError, BadAnswer, ConnectionFailed

if TYPE_CHECKING:
    from homeport_sdk.client import Client

_SECONDS = 3.0


def workspace_names(incomplete: str) -> list[str]:
    """Offer the user's own workspaces."""

    async def read(client: "Client") -> list[str]:
        page = await client.workspaces.list(query=f"owner:me {incomplete}".strip(), limit=50)
        return [workspace.name for workspace in page.workspaces]

    return _offer(read, incomplete)


def template_names(incomplete: str) -> list[str]:
    """Offer the templates that the user may read."""

    async def read(client: "Client") -> list[str]:
        return [template.name for template in await client.templates.list()]

    return _offer(read, incomplete)


def organization_names(incomplete: str) -> list[str]:
    """Offer the organizations that the user may read."""

    async def read(client: "Client") -> list[str]:
        return [organization.name for organization in await client.organizations.list()]

    return _offer(read, incomplete)


def _offer(read: "Callable[[Client], Awaitable[list[str]]]", incomplete: str) -> list[str]:
    async def limited(client: "Client") -> list[str]:
        return await asyncio.wait_for(read(client), _SECONDS)

    try:
        return [name for name in context.run(limited) if name.startswith(incomplete)]
    except (CliError, ApiError, ConnectionFailed, BadAnswer, TimeoutError, OSError):
        return []
