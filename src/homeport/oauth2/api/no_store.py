"""What holds secrets is stored by nobody: no answer of OAuth's endpoints may be, errors included (RFC 6749 section 5.1)."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = [(b"cache-control", b"no-store"), (b"pragma", b"no-cache")]
_NAMES = frozenset(name for name, _ in _HEADERS)


class NoStore:
    """Middleware: `Cache-Control: no-store` and `Pragma: no-cache` on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def send_unstored(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message.get("headers", ()) if pair[0].lower() not in _NAMES]
                message["headers"] = [*others, *_HEADERS]
            await send(message)

        await self._app(scope, receive, send_unstored)
