"""The one module that knows the MCP SDK. It is heavy: `endpoint.py` imports it, in a thread, at the first request.

One SDK server for both toolsets: which one counts stands in the request's scope, as does who asks. Two session managers
over it, both stateless: one answers with JSON, the other with an event stream, for calls whose client wants to see progress.
"""

import asyncio
import logging
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError

from homeport.mcp.calling import call_tool
from homeport.mcp.registry import Call, Surroundings, Tool
from homeport.mcp.session import KEY, MAX_BODY, Session

_INSTRUCTIONS = (
    "Homeport gives people and agents development workspaces. Find a template with coder_list_templates, make a workspace "
    "with coder_create_workspace, and ask coder_get_workspace until its agent is connected. Then run commands with "
    "coder_workspace_bash, and work on files with the other coder_workspace_ tools. A call that your access does not cover is "
    "refused; your client then asks the person for more."
)
# It reports every request at a level that our operators read.
logging.getLogger("mcp").setLevel(logging.WARNING)


class Engine:
    """The SDK's server of one process."""

    def __init__(self, around: Surroundings, *, version: str) -> None:
        self._around = around
        self._listed: dict[str, list[types.Tool]] = {}
        server: Server[Any] = Server(
            "homeport",
            version=version,
            title="Homeport",
            instructions=_INSTRUCTIONS,
            website_url=around.settings.access_url,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            # No tool takes arguments by header, so there is nothing to look up.
            get_tool_input_schema=lambda _: None,
        )
        self._plain = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=MAX_BODY
        )
        self._streaming = StreamableHTTPSessionManager(
            server, json_response=False, stateless=True, max_request_body_size=MAX_BODY
        )

    async def run(self, ready: asyncio.Event, stop: asyncio.Event) -> None:
        """Keep the session managers alive until `stop`; sets `ready` once requests can be served."""
        async with self._plain.run(), self._streaming.run():
            ready.set()
            await stop.wait()

    async def serve(self, scope: Any, receive: Any, send: Any, *, has_stream: bool) -> None:
        """Serve one POST."""
        manager = self._streaming if has_stream else self._plain
        await manager.handle_request(scope, receive, send)

    async def _list_tools(
        self, ctx: ServerRequestContext[Any], _: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        session = _session(ctx)
        if session.toolset_name not in self._listed:
            self._listed[session.toolset_name] = [_shown(tool) for tool in session.toolset.tools]
        return types.ListToolsResult(tools=self._listed[session.toolset_name])

    async def _call_tool(
        self, ctx: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        session = _session(ctx)
        tool = session.toolset.find(params.name)
        if tool is None:
            raise MCPError(code=types.INVALID_PARAMS, message=f"Unknown tool: {params.name[:100]}")

        async def report(done: int, words: str) -> None:
            await ctx.session.report_progress(done, message=words)

        call = Call(self._around, session.identity, report)
        outcome = await call_tool(tool, call, params.arguments or {})
        return types.CallToolResult(content=[types.TextContent(text=outcome.text)], is_error=outcome.is_error)


def _session(ctx: ServerRequestContext[Any]) -> Session:
    assert ctx.request is not None  # every message comes by HTTP
    found: Session = ctx.request.scope[KEY]
    return found


def _shown(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.schema,
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.hints.is_read_only,
            destructive_hint=tool.hints.is_destructive,
            idempotent_hint=tool.hints.is_idempotent,
            open_world_hint=tool.hints.is_open_world,
        ),
    )
