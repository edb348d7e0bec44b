"""MCP over HTTP: stateless, one POST a message. What HTTP can decide is decided here; the SDK gets what is left.

Before a request comes here, `access` has authenticated it. Here follow the method, the toolset, the size, and the scopes of
a tool call (RFC 6750: 403 with a challenge). The SDK is loaded at the first request, off the event loop.
"""

import asyncio
import contextvars
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from litestar.types import Receive, Scope, Send

from homeport.access.errors import ResourceRefused
from homeport.access.providers import IDENTITY
from homeport.access.resources import Doorkeeper
from homeport.access.rules import header, query_value
from homeport.identity.types import Identity
from homeport.kit.errors import TooLarge, Unavailable
from homeport.kit.http import Response
from homeport.kit.routes import KEY as ACCESS
from homeport.kit.routes import Access, Resource
from homeport.mcp.calling import count_refusal
from homeport.mcp.errors import UnknownToolset
from homeport.mcp.inspection import Called, called_tool
from homeport.mcp.registry import Surroundings, Toolset
from homeport.mcp.session import KEY, MAX_BODY, Session
from homeport.mcp.tools import TOOLSETS

if TYPE_CHECKING:
    from homeport.mcp.sdk import Engine

_JSON = "application/json"


class Endpoint:
    """The MCP server of one process. `close` ends what is under way."""

    def __init__(self, around: Surroundings, doorkeeper: Doorkeeper, *, version: str) -> None:
        self._around = around
        self._doorkeeper = doorkeeper
        self._version = version
        self._loading: asyncio.Task[Engine] | None = None
        self._running: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._exchanges: set[asyncio.Task[None]] = set()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of somebody who has been let in."""
        headers: Any = scope["headers"]
        if scope["method"] != "POST":  # type: ignore[typeddict-item]  # the door lets HTTP in alone
            await _answer_405(send)
            return
        name = query_value(scope["query_string"], "toolset") or "standard"
        if name not in TOOLSETS:
            raise UnknownToolset
        access: Access = scope["route_handler"].opt[ACCESS]
        identity: Identity = scope[IDENTITY]  # type: ignore[literal-required]
        assert access.resource is not None
        if header(headers, b"content-type").partition(";")[0].strip().lower() != _JSON:
            raise self._doorkeeper.refusal(access.resource, 400, "invalid_request", f"Send JSON, as {_JSON}")
        body = await _read(headers, receive)
        if body is None:
            return
        has_stream = False
        if (called := called_tool(body)) is not None:
            has_stream = self._check(called, TOOLSETS[name], access.resource, identity)
        engine = await self._engine()
        has_stream = has_stream and "text/event-stream" in header(headers, b"accept")
        inner = {**scope, KEY: Session(identity, name, TOOLSETS[name])}
        await self._exchange(engine, inner, body, receive, send, has_stream=has_stream)

    async def close(self) -> None:
        """Take no more requests, end those under way, and let the SDK leave in order."""
        self._stop.set()
        for exchange in self._exchanges:
            exchange.cancel()
        if self._exchanges:
            await asyncio.wait(set(self._exchanges))
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)

    def _check(self, called: Called, toolset: Toolset, resource: Resource, identity: Identity) -> bool:
        """Refuse a call that the token's scopes do not cover; return whether the client shall see its progress."""
        tool = toolset.find(called.name)
        if tool is None:
            return False
        needs = tool.needs(called.arguments)
        try:
            self._doorkeeper.require_scopes(resource, identity, needed=needs.least, asked=needs.ask)
        except ResourceRefused:
            count_refusal(tool)
            raise
        return tool.streams and called.wants_progress

    async def _engine(self) -> "Engine":
        if self._stop.is_set():
            raise Unavailable("The server is restarting; try again.")
        if self._loading is None:
            # In a context of its own: the session managers outlive the request that happens to be the first.
            self._loading = asyncio.create_task(self._load(), name="mcp loading", context=contextvars.Context())
        try:
            return await asyncio.shield(self._loading)
        except Exception:  # reason: whatever broke the start is raised; the next request tries again
            self._loading = None
            raise

    async def _load(self) -> "Engine":
        engine = await asyncio.to_thread(_build, self._around, self._version)
        ready = asyncio.Event()
        self._running = asyncio.create_task(engine.run(ready, self._stop), name="mcp")
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({waiting, self._running}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._running.done():
            self._running.result()
        return engine

    async def _exchange(
        self, engine: "Engine", scope: Any, body: bytes, receive: Receive, send: Send, *, has_stream: bool
    ) -> None:
        """Let the SDK answer, and end its work when the client leaves or the server stops."""
        gone, answer = asyncio.Event(), _Answer(send)
        work = engine.serve(scope, _replay(body, gone), answer, has_stream=has_stream)
        serving = asyncio.create_task(work, name="mcp exchange")
        watching = asyncio.create_task(_watch(receive, gone), name="mcp client")
        self._exchanges.add(serving)
        try:
            await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._exchanges.discard(serving)
            serving.cancel()
            watching.cancel()
            await asyncio.gather(serving, watching, return_exceptions=True)
        if serving.cancelled() and not gone.is_set() and not answer.has_begun:
            raise Unavailable("The server is restarting; try again.")
        if not serving.cancelled():
            serving.result()


class _Answer:
    """The way to the client: nothing on it is to be stored, and it knows whether the answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = list(message.get("headers", ()))
            if not header(headers, b"cache-control"):
                message = {**message, "headers": [*headers, (b"cache-control", b"no-store")]}
        await self._send(message)


def _build(around: Surroundings, version: str) -> "Engine":
    from homeport.mcp.sdk import Engine  # lazy: half a second and 50 MB, for servers whose people use agents

    return Engine(around, version=version)


async def _read(headers: Any, receive: Receive) -> bytes | None:
    """Return the body; None when the client left meanwhile. Raises 413 beyond the limit, before it is kept."""
    length = header(headers, b"content-length")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise _too_large()
    data = bytearray()
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            return None
        data += message.get("body", b"")
        if len(data) > MAX_BODY:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(data)


def _too_large() -> TooLarge:
    return TooLarge(f"A message has at most {MAX_BODY} bytes.")


def _replay(body: bytes, gone: asyncio.Event) -> Any:
    """Return a `receive` that gives the body, and then nothing until the client leaves."""
    pending: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if pending:
            return pending.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    return receive


async def _watch(receive: Receive, gone: asyncio.Event) -> None:
    with suppress(OSError):
        while (await receive())["type"] == "http.request":
            pass
    gone.set()


async def _answer_405(send: Send) -> None:
    """There is no session to listen to or to end: every message is a POST of its own."""
    words = "Only POST is allowed here: this server keeps no sessions."
    headers = [(b"content-type", b"application/json"), (b"allow", b"POST"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 405, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(Response(words)), "more_body": False})
