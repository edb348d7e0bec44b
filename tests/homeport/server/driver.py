"""Requests as the network may bring them: any bytes in path, query, headers and body, straight into the application."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

Headers = Sequence[tuple[str, str]]
_STREAM = "text/event-stream"


class Answer(msgspec.Struct):
    """What came back. `stream` answers are cut after their first piece."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def kind(self) -> str:
        """Return the content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0]


class Refusal(msgspec.Struct):
    """How a WebSocket was refused: `status` is 101 where it was accepted, 0 where it was closed without an answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = {}
    code: int = 0
    reason: str = ""

    def json(self) -> Any:
        """Return the body, decoded."""
        return msgspec.json.decode(self.body)


async def send(
    asgi: Any,
    method: str,
    target: str,
    *,
    headers: Headers = (),
    body: bytes = b"",
    kind: str = "application/json",
    has_length: bool = True,
) -> Answer:
    """Send one request. `target` is the path with its query as it stands in the request line."""
    given = [*headers]
    if body or method in {"POST", "PUT", "PATCH"}:
        given += [("content-length", str(len(body)))] if has_length else []
        given += [("content-type", kind)] if kind else []
    scope = _scope("http", target, given) | {"method": method}
    answer = Answer(0, {}, b"")
    is_over, has_asked = asyncio.Event(), False

    async def receive() -> dict[str, Any]:
        nonlocal has_asked
        if not has_asked:
            has_asked = True
            return {"type": "http.request", "body": body, "more_body": False}
        await is_over.wait()
        return {"type": "http.disconnect"}

    async def take(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = _named(message["headers"])
            return
        answer.body += message.get("body", b"")
        if answer.kind == _STREAM or not message.get("more_body"):
            is_over.set()

    await asyncio.wait_for(asgi(scope, receive, take), 20)
    return answer


async def knock(asgi: Any, target: str, *, headers: Headers = (), can_answer: bool = True) -> Refusal:
    """Ask for a WebSocket, and leave at once where it is accepted. `can_answer`: the server may refuse in HTTP."""
    scope = _scope("websocket", target, headers) | {
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}} if can_answer else {},
    }
    found = Refusal(0)
    events = iter(({"type": "websocket.connect"},))

    async def receive() -> dict[str, Any]:
        return next(events, {"type": "websocket.disconnect", "code": 1001})

    async def take(message: dict[str, Any]) -> None:
        match message["type"]:
            case "websocket.accept":
                found.status = 101
            case "websocket.http.response.start":
                found.status = message["status"]
                found.headers = _named(message["headers"])
            case "websocket.http.response.body":
                found.body += message.get("body", b"")
            case "websocket.close":
                found.code, found.reason = message.get("code", 1000), message.get("reason") or ""

    await asyncio.wait_for(asgi(scope, receive, take), 20)
    return found


def _named(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name; of several with one name each stands on a line of its own."""
    found: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode().lower(), value.decode()
        found[key] = f"{found[key]}\n{text}" if key in found else text
    return found


def _scope(kind: str, target: str, headers: Headers) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http" if kind == "http" else "ws",
        # As the HTTP server does it: bytes that are no UTF-8 become replacement characters.
        "path": unquote_to_bytes(path).decode("utf-8", "replace"), "raw_path": path.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"), "root_path": "", "client": ("192.0.2.7", 4711),
        "server": ("127.0.0.1", 1), "state": {}, "extensions": {},
        "headers": [(b"host", b"127.0.0.1:1"), *((name.encode(), value.encode("latin-1")) for name, value in headers)],
    }  # fmt: skip
