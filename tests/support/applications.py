"""Applications made of few rooms. Registering their routes takes a third of a second, so those of one shape share it.

What differs between two of a shape (database, settings, door) is bound to each request: `bind` returns an ASGI application that
serves with the values that it was given.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from homeport.access.middleware import Authentication, Gate
from homeport.access.providers import dependencies
from homeport.identity.api import routes as identity_routes
from homeport.organizations.api import routes as organization_routes

_MOST = 6
_shapes: dict[tuple[Any, ...], tuple[Litestar, list[Any]]] = {}
_values: ContextVar[Mapping[str, Any]] = ContextVar("values of the application that serves")
_gate: ContextVar[Gate] = ContextVar("gate of the application that serves")


class _Door:
    """The middleware of whichever application serves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Authentication(self._app, _gate.get())(scope, receive, send)


class _Bound:
    def __init__(self, app: Litestar, values: Mapping[str, Any], gate: Gate) -> None:
        self.routes = app.routes
        self._app, self._values, self._gate = app, values, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held, kept = _values.set(self._values), _gate.set(self._gate)
        try:
            await self._app(scope, receive, send)
        finally:
            _values.reset(held)
            _gate.reset(kept)


def bind(values: Mapping[str, Any], gate: Gate, *, routes: Sequence[Any], root_routes: Sequence[Any]) -> Any:
    """Return an application of identity, organizations and the given routes that serves with these values and this door."""
    return _Bound(_registered(tuple(sorted(values)), list(routes), list(root_routes)), values, gate)


def _registered(names: tuple[str, ...], routes: list[Any], root_routes: list[Any]) -> Litestar:
    key = (names, tuple(map(id, routes)), tuple(map(id, root_routes)))
    # The routes are kept as well: their ids are what tells shapes apart.
    found = _shapes.pop(key, None) or (_build(names, routes, root_routes), [routes, root_routes])
    while len(_shapes) >= _MOST:
        del _shapes[next(iter(_shapes))]
    # The one used last stands last.
    _shapes[key] = found
    return found[0]


def _build(names: tuple[str, ...], routes: list[Any], root_routes: list[Any]) -> Litestar:
    from homeport.server.errors import HANDLERS  # lazy: only HTTP tests need the server room
    from homeport.server.requests import JsonRequest  # lazy: as above
    from homeport.server.sockets import note_error  # lazy: as above

    return Litestar(
        route_handlers=[
            Router("/api/v2", route_handlers=[*identity_routes, *organization_routes, *routes]),
            *root_routes,
        ],
        dependencies={**dependencies, **{name: Provide(_value(name), sync_to_thread=False) for name in names}},
        middleware=[DefineMiddleware(_Door)],
        exception_handlers=HANDLERS,
        after_exception=[note_error],
        request_class=JsonRequest,
        request_max_body_size=1024 * 1024,
        openapi_config=None,
        logging_config=None,
    )


def _value(name: str) -> Callable[[], Any]:
    return lambda: _values.get()[name]
