"""Agents of workspaces, as people see them."""

import builtins
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from homeport_sdk.http import HttpClient
from homeport_sdk.models import WorkspaceAgent, WorkspaceAgentLog
from homeport_sdk.streams import messages, open_stream

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection


class Agents:
    """Calls about agents."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def get(self, agent_id: str) -> WorkspaceAgent:
        """Return an agent with its status."""
        return await self._http.call("GET", f"/workspaceagents/{agent_id}", answer=WorkspaceAgent)

    async def logs(self, agent_id: str) -> builtins.list[WorkspaceAgentLog]:
        """List the lines of an agent's log so far."""
        return await self._http.call(
            "GET", f"/workspaceagents/{agent_id}/logs", answer=builtins.list[WorkspaceAgentLog]
        )

    def follow_logs(self, agent_id: str, *, after: int = 0) -> AsyncIterator[WorkspaceAgentLog]:
        """Yield the lines of an agent's log as they come."""
        query = {"follow": "true", "after": after}
        return messages(self._http, f"/workspaceagents/{agent_id}/logs", query=query, answer=WorkspaceAgentLog)

    def open_ssh(self, agent_id: str) -> AbstractAsyncContextManager["ClientConnection"]:
        """Open the byte stream to the workspace's SSH server; it asks for no credentials of its own."""
        return open_stream(self._http, f"/workspaceagents/{agent_id}/ssh")
