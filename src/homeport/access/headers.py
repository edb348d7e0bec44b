"""Headers that every answer carries, and the policy that pages carry (spec: identity 8.2)."""

from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from homeport.access.rules import content_security_policy, header

_ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]


class SecurityHeaders:
    """Middleware: nosniff and a referrer policy everywhere, the Content-Security-Policy on HTML. A page's own stay."""

    def __init__(
        self, app: ASGIApp, additions: dict[str, tuple[str, ...]] | None = None, is_https: bool = False
    ) -> None:
        """`additions` are appended to our directives; over https, browsers are told to stay with it."""
        self._app = app
        self._additions = additions
        self._always = list(_ALWAYS)
        if is_https:
            self._always.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                # A page that says something else itself is stricter: what comes last would count.
                added = [each for each in self._always if not header(given, each[0])]
                message["headers"] = [*given, *added, *self._policy(scope, message)]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _policy(self, scope: Any, message: Any) -> list[tuple[bytes, bytes]]:
        headers = list(message.get("headers", ()))
        if not header(headers, b"content-type").startswith("text/html") or header(headers, b"content-security-policy"):
            return []
        host = header(scope["headers"], b"host")
        return [(b"content-security-policy", content_security_policy(host=host, additions=self._additions).encode())]
