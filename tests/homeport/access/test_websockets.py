"""WebSockets are refused before they are accepted."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import WebSocket, websocket

from homeport.access.types import Identity
from homeport.database import Database
from homeport.kit.routes import authenticated
from tests.support.accounts import Accounts, build_api


@websocket("/socket", opt=authenticated())
async def socket_route(socket: WebSocket[Any, Any, Any], identity: Identity) -> None:
    await socket.accept()
    await socket.send_text(identity.username)
    await socket.close()


async def _open(asgi: Any, headers: list[tuple[bytes, bytes]], extensions: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    events: Iterator[dict[str, Any]] = iter(
        [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    )
    scope = {
        "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": "/api/v2/socket",
        "raw_path": b"/api/v2/socket", "query_string": b"", "root_path": "", "headers": [(b"host", b"homeport.test"), *headers],
        "client": ("192.0.2.7", 1), "server": ("homeport.test", 80), "subprotocols": [], "extensions": extensions,
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return next(events)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await asgi(scope, receive, send)
    return sent


@pytest.mark.requirement("ACCESS-WEBSOCKET-01")
async def test_a_signed_in_person_is_let_in(db: Database, accounts: Accounts) -> None:
    api, person = build_api(db, routes=[socket_route]), await accounts.make()
    sent = await _open(api.asgi, [(b"coder-session-token", person.token.encode())], {})
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert sent[1]["text"] == person.username
    await api.gate.close()


@pytest.mark.requirement("ACCESS-WEBSOCKET-01")
@pytest.mark.parametrize("headers", [[], [(b"coder-session-token", b"bad")]])
async def test_a_stranger_gets_the_answer_that_the_server_can_send(
    db: Database, headers: list[tuple[bytes, bytes]]
) -> None:
    api = build_api(db, routes=[socket_route])
    answered = await _open(api.asgi, headers, {"websocket.http.response": {}})
    assert [message["type"] for message in answered] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert answered[0]["status"] == 401
    assert b"www-authenticate" in dict(answered[0]["headers"])
    assert json.loads(answered[1]["body"])["message"].startswith("You are signed out")
    closed = await _open(api.asgi, headers, {})
    assert [(message["type"], message["code"]) for message in closed] == [("websocket.close", 1008)]


@pytest.mark.requirement("ACCESS-WEBSOCKET-02")
async def test_pages_of_other_origins_open_nothing_with_a_cookie(db: Database, accounts: Accounts) -> None:
    api, person = build_api(db, routes=[socket_route]), await accounts.make()
    cookie = (b"cookie", b"coder_session_token=" + person.token.encode())
    for origin in (b"https://evil.test", b"http://app--dev--ada.homeport.test", b"null"):
        refused = await _open(api.asgi, [cookie, (b"origin", origin)], {"websocket.http.response": {}})
        assert refused[0]["status"] == 403, origin
    for headers in ([cookie, (b"origin", b"http://homeport.test")], [cookie]):
        assert (await _open(api.asgi, headers, {}))[0]["type"] == "websocket.accept"
    by_header = [(b"coder-session-token", person.token.encode()), (b"origin", b"https://tool.test")]
    assert (await _open(api.asgi, by_header, {}))[0]["type"] == "websocket.accept"
    await api.gate.close()
