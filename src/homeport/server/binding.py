"""What differs from one server to the next, bound to each request, so that routes know no server.

Registering all routes with the framework takes half a second: servers of one process, as replicas in tests are, share it.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from litestar import Litestar
from litestar.di import Provide
from litestar.types import ASGIApp, Receive, Scope, Send

from homeport.access.middleware import Authentication, Gate

_values: ContextVar[Mapping[str, Any]] = ContextVar("values of the server that serves this request")
_gate: ContextVar[Gate] = ContextVar("gate of the server that serves this request")


class Bound:
    """Registered routes, as one server: its values by their names as parameters of handlers, and its gate."""

    def __init__(self, app: Litestar, values: Mapping[str, Any], gate: Gate) -> None:
        self.routes = app.routes
        self._app, self._values, self._gate = app, values, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        values, gate = _values.set(self._values), _gate.set(self._gate)
        try:
            await self._app(scope, receive, send)
        finally:
            _values.reset(values)
            _gate.reset(gate)


class Door:
    """The innermost middleware: authentication at the gate of whichever server serves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        await Authentication(self._app, _gate.get())(scope, receive, send)


def current(name: str) -> Any:
    """Return a value of the server that serves this request."""
    return _values.get()[name]


def provide(name: str) -> Provide:
    """Let handlers take a value of the server that serves them as a parameter of this name."""
    return Provide(lambda: _values.get()[name], sync_to_thread=False)
