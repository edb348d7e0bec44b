"""Cross-origin requests (CORS), without what browsers send by themselves.

Routes that declare it may be called by pages of every site. Answers of the rest of the HTTP API may be read by pages of the
origins that the settings name, with a token of their own; by default there are none. Credentials are never allowed, so no
cookie counts and none is kept. Stands around the application, so that errors carry the headers, too: a page that cannot read a
401 cannot sign in.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from litestar.enums import ScopeType
from litestar.routes import ASGIRoute, BaseRoute, HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Send

from homeport.access.rules import Headers, header
from homeport.kit.routes import KEY, Access

_ORIGIN = (b"access-control-allow-origin", b"*")
# A wildcard stands for every header but Authorization; old browsers know the names only.
_ALLOWED = (
    b"Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID, "
    b"Coder-Session-Token, *"
)
_EXPOSED = (b"access-control-expose-headers", b"WWW-Authenticate, Mcp-Session-Id, Retry-After, X-Request-Id")
_SECONDS = b"7200"
_MCP_METHODS = ("GET", "POST", "DELETE")
_API = "/api/"
_READING = ("GET", "HEAD")
_VARY = (b"vary", b"Origin")


class CrossOrigin:
    """ASGI application around Litestar's, whose routes it must know."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], *, origins: Sequence[str] = ()) -> None:
        """`origins` may read answers of the API; `*` stands for all."""
        self._app = app
        self._origins = frozenset(origins)
        # What is written out goes before what stands for anything, as in routing.
        self._routes = sorted(map(_pattern, routes), key=lambda found: [part is None for part in found[0]])

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one request, or answer a preflight."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        origin = header(scope["headers"], b"origin")
        known = self._known(origin, scope["path"])
        if scope["method"] == "OPTIONS" and origin:
            methods = self._methods(scope["path"])
            if methods or _is_allowed(known):
                await _answer_preflight(send, methods or _READING, [_ORIGIN] if methods else known)
                return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [_ORIGIN, _EXPOSED] if origin and _is_open(scope) else known
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        await self._app(scope, receive, send_with_headers if origin or known else send)

    def _known(self, origin: str, path: str) -> Headers:
        """Return what an answer of the API says to a page of an origin; that it depends on it, where some may and some not."""
        if not self._origins or not path.startswith(_API):
            return []
        if "*" in self._origins:
            return [_ORIGIN, _EXPOSED] if origin else []
        if origin in self._origins:
            return [(_ORIGIN[0], origin.encode("latin-1")), _EXPOSED, _VARY]
        return [_VARY]

    def _methods(self, path: str) -> tuple[str, ...]:
        parts = _split(path)
        return next((methods for pattern, methods in self._routes if _fits(pattern, parts)), ())


Pattern = tuple[str | None, ...]
"""The parts of a path; None stands for one part of any kind, and at the end for one or more."""


def _pattern(route: Any) -> tuple[Pattern, tuple[str, ...]]:
    """Return a route's path, and the methods that pages of other sites may use there: none where nothing allows it."""
    methods: set[str] = set()
    if isinstance(route, ASGIRoute) and _declares_cors(route.route_handler):
        methods = set(_MCP_METHODS)
    elif isinstance(route, HTTPRoute):
        handlers = [handler for handler in route.route_handlers if _declares_cors(handler)]
        methods = {str(method) for handler in handlers for method in handler.http_methods}
    return tuple(part if isinstance(part, str) else None for part in route.path_components), tuple(sorted(methods))


def _declares_cors(handler: Any) -> bool:
    access = handler.opt.get(KEY)
    return isinstance(access, Access) and access.has_cors


def _is_open(scope: Any) -> bool:
    # The router has put it there, also when what came after it has failed.
    handler = scope.get("route_handler")
    return handler is not None and _declares_cors(handler)


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _fits(pattern: Pattern, parts: list[str]) -> bool:
    is_longer = bool(pattern) and pattern[-1] is None and len(parts) > len(pattern)
    return (is_longer or len(parts) == len(pattern)) and all(
        wanted is None or wanted == part for wanted, part in zip(pattern, parts, strict=False)
    )


def _is_allowed(headers: Headers) -> bool:
    return any(name == _ORIGIN[0] for name, _ in headers)


async def _answer_preflight(send: Send, methods: tuple[str, ...], allowed: Headers) -> None:
    headers = [
        *(each for each in allowed if each != _EXPOSED),
        (b"access-control-allow-methods", ", ".join((*methods, "OPTIONS")).encode()),
        (b"access-control-allow-headers", _ALLOWED),
        (b"access-control-max-age", _SECONDS),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
