"""An MCP client made of plain HTTP requests, so that tests see every status and header."""

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from tests.homeport.oauth2.world import Replica

LATEST = "2026-07-28"
HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
PATHS = ("/mcp", "/api/experimental/mcp/http")
_ids = itertools.count(1)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class Agent:
    """Speaks to one endpoint with one token (empty: none)."""

    def __init__(self, replica: Replica, token: str, *, path: str = "/mcp") -> None:
        self.replica, self.token, self.path = replica, token, path

    async def post(self, body: Any, **more: Any) -> httpx.Response:
        """Send one message. `headers` replace the usual ones; None leaves one out."""
        usual = {
            "authorization": f"Bearer {self.token}" if self.token else None,
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            **more.pop("headers", {}),
        }
        headers = {name: value for name, value in usual.items() if value is not None}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.replica.request("POST", more.pop("path", self.path), content=content, headers=headers, **more)

    async def ask(self, method: str, params: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        """Send a request of the handshake's time, which is stateless here."""
        body = {"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": dict(params or {})}
        return await self.post(body, **more)

    async def call(self, tool: str, **arguments: Any) -> httpx.Response:
        """Call a tool."""
        return await self.ask("tools/call", {"name": tool, "arguments": arguments})

    async def ok(self, tool: str, **arguments: Any) -> Any:
        """Call a tool that works; returns its JSON, or its words."""
        answer = await self.call(tool, **arguments)
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        assert not result.get("isError"), result
        text = result["content"][0]["text"]
        return json.loads(text) if text[:1] in {"{", "["} else text

    async def failure(self, tool: str, **arguments: Any) -> str:
        """Call a tool that fails; returns its words."""
        answer = await self.call(tool, **arguments)
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        assert result["isError"], result
        words: str = result["content"][0]["text"]
        return words


def initialize(version: str = "2025-11-25") -> dict[str, Any]:
    """Return the first message of a client of that version."""
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    return {"jsonrpc": "2.0", "id": next(_ids), "method": "initialize", "params": params}


def challenge(answer: httpx.Response) -> dict[str, str]:
    """Return the parameters of the one Bearer challenge of an answer."""
    values = answer.headers.get_list("www-authenticate")
    assert len(values) == 1, values
    scheme, _, rest = values[0].partition(" ")
    assert scheme == "Bearer"
    return dict(_PARAMETER.findall(rest))
