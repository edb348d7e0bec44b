"""Every route of the application: how it is entered, and what the OpenAPI document says of its parameters and body."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar
from litestar.routes import ASGIRoute, HTTPRoute, WebSocketRoute

from homeport.kit.routes import KEY, Access
from homeport.server.openapi import document

API = "/api/v2"
_TYPED = re.compile(r"\{(\w+):\w+\}")
_FRAMEWORKS = Access("public", reason="the framework's own")
# A handler of raw ASGI answers whatever the method is.
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


class Route(msgspec.Struct, frozen=True):
    """One method on one path; `method` is WS for WebSockets. `body` is the schema of the JSON that it takes."""

    method: str
    path: str
    access: Access
    queries: tuple[Mapping[str, Any], ...] = ()
    body: Mapping[str, Any] | None = None

    @property
    def body_name(self) -> str:
        """Return the name of the body's schema."""
        text = msgspec.json.encode(self.body).decode()
        found = re.search(r"schemas/(\w+)", text)
        return found.group(1) if found else ""

    @property
    def names(self) -> list[str]:
        """Return the names of the path's parameters."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def is_api(self) -> bool:
        """Tell whether it belongs to the HTTP API, whose refusals have one shape."""
        return self.path == API or self.path.startswith(f"{API}/")

    @property
    def is_protocol(self) -> bool:
        """Tell whether programs call it by a protocol of its own: OAuth's endpoints, discovery, MCP."""
        is_below = self.path.startswith(("/oauth2/", "/.well-known/")) and not self.access.is_page
        return is_below or self.access.resource is not None

    @property
    def is_scim(self) -> bool:
        """Tell whether an identity provider calls it: tests/homeport/scim sweeps these, whose refusals have a form of their own."""
        return self.access.credential == "scim"

    @property
    def is_changing(self) -> bool:
        """Tell whether it may change something."""
        return self.method not in {"GET", "WS", "HEAD"}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def described_by(app: Litestar) -> Mapping[str, Any]:
    """Return the OpenAPI document of an application. Servers of one process share theirs; to write it takes a quarter second."""
    return document(app)


def all_routes(app: Litestar) -> list[Route]:
    """List the routes in the order in which they were registered."""
    return list(_routes(app))


@cache
def _routes(app: Litestar) -> tuple[Route, ...]:
    described = described_by(app)["paths"]
    found: list[Route] = []
    for route in app.routes:
        path = _TYPED.sub(r"{\1}", route.path)
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.opt.get(KEY) is None and route.path.startswith("/swagger"):
                    continue
                methods = sorted(handler.http_methods - {"OPTIONS"})
                found += [_described(one, path, handler.opt.get(KEY), described.get(path, {})) for one in methods]
        elif isinstance(route, WebSocketRoute):
            found.append(Route("WS", path, route.route_handler.opt.get(KEY, _FRAMEWORKS)))
        elif isinstance(route, ASGIRoute):
            access: Access = route.route_handler.opt.get(KEY, _FRAMEWORKS)
            found += [Route(one, path, access) for one in (_METHODS if access.resource is not None else ("GET",))]
    return tuple(found)


def _described(method: str, path: str, access: Access | None, operations: Mapping[str, Any]) -> Route:
    operation = operations.get(method.lower(), {})
    queries = tuple(one for one in operation.get("parameters", ()) if one["in"] == "query")
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json", {}).get("schema")
    return Route(method, path, access or _FRAMEWORKS, queries, body)
