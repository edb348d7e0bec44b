"""The outermost layer: gives each request its id, finds out who asks, measures, names cookies, puts the headers of all on answers.

Raw ASGI and in one piece, because every request passes here, those included that no route answers.
"""

from collections.abc import Awaitable
from time import perf_counter
from typing import Any

import msgspec
from litestar.types import ASGIApp, Receive, Send

from homeport.access import cookies
from homeport.access.headers import SecurityHeaders
from homeport.access.peers import Peers
from homeport.access.rules import header
from homeport.config import Settings
from homeport.kit import clock
from homeport.kit.http import Response
from homeport.kit.ids import new_request_id
from homeport.kit.request import RequestInfo, set_request
from homeport.proxies.service.hosts import HostCache
from homeport.scim.errors import error_body, is_scim
from homeport.scim.types import MEDIA_TYPE
from homeport.telemetry.logs import get_logger
from homeport.telemetry.requests import requests
from homeport.web import errors as web_errors

_logger = get_logger(__name__)
_MAX_USER_AGENT = 512
_JSON = {"content-type": "application/json"}
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})


class Edge:
    """ASGI application around the whole of Homeport."""

    def __init__(self, app: ASGIApp, settings: Settings, hosts: HostCache) -> None:
        self._app = app
        self._headers = SecurityHeaders(settings, hosts)
        self._peers = Peers(settings)
        self._has_host_cookies = settings.is_https

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        request_id = new_request_id()
        set_request(RequestInfo(request_id, self._peers.client(scope), _user_agent(scope), clock.now()))
        if self._has_host_cookies:
            scope["headers"] = cookies.inward(scope["headers"])
        has_begun = False

        # Not a coroutine of its own: the caller awaits what the server's `send` returns.
        def send_out(message: Any) -> Awaitable[None]:
            nonlocal has_begun
            if not has_begun:
                if message["type"] in _STARTS:
                    has_begun = True
                    headers = self._headers.added_to(message.get("headers", ()), scope["headers"])
                    headers.append((b"x-request-id", request_id.encode()))
                    if self._has_host_cookies:
                        headers = cookies.outward(headers)
                    message["headers"] = headers
                    _measure(scope, message["status"], begun)
                elif message["type"] == "websocket.accept":
                    has_begun = True
                    _measure(scope, 101, begun)
            return send(message)

        requests.open += 1
        try:
            await self._app(scope, receive, send_out)
        except Exception as error:  # reason: whatever was not handled inside becomes an answer like every other
            if has_begun or scope["type"] != "http":
                raise
            _logger.error("an error that nothing inside has answered", exc_info=error)
            await _apologize(send_out, request_id, scope)
        finally:
            requests.open -= 1


async def _apologize(send: Any, request_id: str, scope: Any) -> None:
    """Answer 500 without any inner detail."""
    message, detail = "An unexpected error happened; the server's log has it.", f"request id {request_id}"
    path = scope["path"]
    if is_scim(path):
        headers, body = {"content-type": MEDIA_TYPE}, msgspec.json.encode(error_body(500, f"{message} {detail}"))
    elif web_errors.wants_page(path, header(scope["headers"], b"accept")):
        headers, text = web_errors.apology(f"{message} ({detail})")
        body = text.encode()
    else:
        headers, body = _JSON, msgspec.json.encode(Response(message=message, detail=detail))
    found = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 500, "headers": found})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _measure(scope: Any, status: int, begun: float) -> None:
    route = scope.get("path_template") or "unmatched"
    requests.answered(scope.get("method", "WS"), route, status, perf_counter() - begun)


def _user_agent(scope: Any) -> str:
    return header(scope["headers"], b"user-agent")[:_MAX_USER_AGENT].replace("\x00", "")
