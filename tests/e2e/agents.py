"""The official MCP client, connected to a server with a key."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.server import Server
from tests.support.waiting import until

ERAS = ["legacy", "auto"]
"""The handshake of 2025-11-25, and whatever is newest."""


class Agent:
    """A connected client; `call` returns a result's JSON or words."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def result(self, tool: str, **arguments: Any) -> Any:
        """Call a tool and return what it answers, as it is."""
        return await self.client.call_tool(tool, arguments)

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool that works."""
        result = await self.result(tool, **arguments)
        text = result.content[0].text
        assert not result.is_error, text
        return json.loads(text) if text[:1] in {"{", "["} else text

    async def words(self, tool: str, **arguments: Any) -> str:
        """Call a tool that fails."""
        result = await self.result(tool, **arguments)
        assert result.is_error, result
        return str(result.content[0].text)

    async def until_ready(self, name: str) -> dict[str, Any]:
        """Wait for a workspace as an agent does: by asking."""
        found: dict[str, Any] = {}

        async def is_ready() -> bool:
            nonlocal found
            found = await self.call("coder_get_workspace", workspace_id=name)
            assert found["latest_build"]["job_status"] != "failed", found
            return [(each["status"], each["lifecycle"]) for each in found["agents"]] == [("connected", "ready")]

        await until(is_ready, seconds=60)
        return found


@asynccontextmanager
async def agent_of(server: Server, *, token: str = "", mode: str = "auto") -> AsyncIterator[Agent]:
    """Connect with a key."""
    headers = {"Authorization": f"Bearer {token or server.token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield Agent(client)
