"""Refusing WebSockets: what a handler raises, or what stands before it, becomes the answer that a plain request would get.

The framework closes a WebSocket with a code of its own whatever went wrong, and tells nobody. Its hook for exceptions is
where the reason is noted, and the message with which it closes is where the reason is told.
"""

from typing import Any

import msgspec
from litestar.exceptions import WebSocketException
from litestar.types import ASGIApp, Message, Receive, Send

from homeport.server.errors import WEBSOCKET, Refusal, refusal_of

_NOTED = "homeport_socket_error"
_EXTENSION = "websocket.http.response"
_POLICY_VIOLATION = 1008
_INTERNAL_ERROR = 1011
# A close frame holds 125 bytes: two of them the code.
_LONGEST_REASON = 123


async def note_error(error: Exception, scope: Any) -> None:
    """Keep the exception that ended a WebSocket. A hook of the framework (`after_exception`)."""
    if scope["type"] == "websocket":
        scope.setdefault(_NOTED, error)


class SocketRefusals:
    """ASGI application around the framework's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        socket = _Socket(scope, receive, send)
        await self._app(scope, socket.receive, socket.send)


class _Socket:
    """One WebSocket between the server and the framework."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._has_begun = self._is_accepted = False

    async def receive(self) -> Any:
        """Hand on what comes from the client."""
        self._has_begun = True
        return await self._receive()

    async def send(self, message: Message) -> None:
        """Hand on what goes to the client; a close that an exception has caused becomes its refusal."""
        kind = message["type"]
        self._is_accepted = self._is_accepted or kind == "websocket.accept"
        error = self._scope.pop(_NOTED, None) if kind == "websocket.close" else None
        if error is None or isinstance(error, WebSocketException):
            await self._send(message)
            return
        refusal = refusal_of(error, method=WEBSOCKET, path=self._scope["path"])
        if self._is_accepted or _EXTENSION not in (self._scope.get("extensions") or {}):
            await self._send(_closing(refusal))
        else:
            await self._answer(refusal)

    async def _answer(self, refusal: Refusal) -> None:
        if not self._has_begun:
            # The answer answers the client's wish to connect, which comes as a message.
            await self._receive()
        headers = [(b"content-type", b"application/json")]
        headers += [
            (name.lower().encode(), text.encode("latin-1", "replace")) for name, text in refusal.headers.items()
        ]
        await self._send({"type": f"{_EXTENSION}.start", "status": refusal.status, "headers": headers})
        body = msgspec.json.encode(refusal.body)
        await self._send({"type": f"{_EXTENSION}.body", "body": body, "more_body": False})


def _closing(refusal: Refusal) -> dict[str, Any]:
    """Return the message that closes with the reason, where no answer can be sent (any more)."""
    code = _INTERNAL_ERROR if refusal.status >= 500 else _POLICY_VIOLATION
    reason = refusal.message.encode()[:_LONGEST_REASON].decode("utf-8", "ignore")
    return {"type": "websocket.close", "code": code, "reason": reason}
