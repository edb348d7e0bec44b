"""Answers that are made once: whoever asks gets the same bytes, without the framework's work for each."""

from collections.abc import Mapping

from litestar.types import Receive, Scope, Send


class Ready:
    """An ASGI application that answers 200 with JSON; a handler returns it as its answer."""

    __slots__ = ("_body", "_headers")

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._body = body
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})
