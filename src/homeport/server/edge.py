"""The outermost layer: gives each request its id, remembers its peer, bounds nothing, measures everything."""

from time import perf_counter
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.kit.request import RequestInfo, set_request
from homeport.telemetry import metrics

_REQUESTS = metrics.counter(
    "http_requests", "Requests answered, by method, route and status.", ("method", "route", "status")
)
_SECONDS = metrics.histogram(
    "http_request_seconds", "Seconds from the request's start to the answer's start.", ("method", "route")
)
_OPEN = metrics.gauge("http_requests_open", "Requests being served, WebSockets and streams included.")
_MAX_USER_AGENT = 512


class Edge:
    """ASGI application around the whole of Homeport."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._children: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = new_id()
        set_request(RequestInfo(request_id, _peer(scope), _user_agent(scope), clock.now()))
        begun = perf_counter()
        answer_id = str(request_id).encode()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                message["headers"] = [*message["headers"], (b"x-request-id", answer_id)]
                self._measure(scope, message["status"], perf_counter() - begun)
            elif message["type"] == "websocket.accept":
                self._measure(scope, 101, perf_counter() - begun)
            await send(message)

        _OPEN.inc()
        try:
            await self._app(scope, receive, send_measured)
        finally:
            _OPEN.dec()

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = str(scope.get("path_template") or "unmatched")
        key = (str(scope.get("method", "WS")), route, status)
        pair = self._children.get(key)
        if pair is None:
            pair = (_REQUESTS.labels(key[0], route, str(status)), _SECONDS.labels(key[0], route))
            self._children[key] = pair
        pair[0].inc()
        pair[1].observe(seconds)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "0.0.0.0"  # noqa: S104 the reference's value for "unknown"


def _user_agent(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"user-agent":
            return value[:_MAX_USER_AGENT].decode("latin-1").replace("\x00", "")
    return ""
