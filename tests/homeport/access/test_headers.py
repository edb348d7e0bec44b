"""Headers that every answer carries, whoever gives it: routes, the framework, the door, the outermost layer (identity 8.2)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.proxies.service.hosts import HostCache
from homeport.server.app import build_asgi, build_parts
from homeport.server.edge import Edge
from tests.support.accounts import ACCESS_URL, Accounts, Api

ALWAYS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}


def build_whole(db: Database, **settings: Any) -> Api:
    """Build the server's own application."""
    chosen = Settings(**{"access_url": ACCESS_URL, "dangerous_disable_rate_limits": True, **settings})
    parts = build_parts(chosen, db, Listener(db.connect), Cipher([bytes(range(32))]))
    asgi, _, gate = build_asgi(parts)
    return Api(asgi, db, chosen, parts.authenticators, gate)


@pytest.fixture
async def whole(db: Database) -> AsyncIterator[Api]:
    """The server's own application over http."""
    built = build_whole(db)
    yield built
    await built.gate.close()


@pytest.mark.requirement("ACCESS-HEADERS-01")
@pytest.mark.parametrize(
    ("method", "path", "status", "more"),
    [
        ("GET", "/healthz", 200, {}),
        ("HEAD", "/healthz", 405, {}),
        ("OPTIONS", "/api/v2/buildinfo", 204, {}),
        ("GET", "/login", 303, {}),
        ("GET", "/workspaces", 303, {}),
        ("GET", "/nowhere", 404, {}),
        ("GET", "/static/nowhere.js", 404, {}),
        ("GET", "/api/nowhere", 404, {}),
        ("GET", "/api/v2/nowhere", 404, {}),
        ("DELETE", "/api/v2/buildinfo", 405, {}),
        ("PATCH", "/api/v2/users/me", 401, {}),
        ("GET", "/api/v2/users/me", 401, {}),
        ("POST", "/api/v2/users/first", 400, {"content": b"{"}),
        ("POST", "/api/v2/users/first", 413, {"content": b"x" * 2_000_000}),
        ("GET", "/api/v2/buildinfo", 400, {"headers": {"Host": "no host"}}),
        ("POST", "/api/v2/users/logout", 400, {"headers": {"Cookie": "coder_session_token=x"}}),
        ("GET", "/swagger/openapi.json", 200, {}),
    ],
)
async def test_every_answer_carries_the_headers_once(
    whole: Api, method: str, path: str, status: int, more: dict[str, Any]
) -> None:
    answer = await whole.raw(method, path, **more)
    assert answer.status_code == status, answer.text
    for name, value in ALWAYS.items():
        assert answer.headers.get_list(name) == [value], name
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert "strict-transport-security" not in answer.headers
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    assert len(answer.headers.get_list("content-security-policy")) == int(is_page)


@pytest.mark.requirement("ACCESS-HEADERS-01")
async def test_answers_of_the_api_carry_them_when_they_are_good(whole: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    answer = await whole.call(person, "GET", "/users/me")
    assert answer.status_code == 200
    assert ALWAYS.items() <= dict(answer.headers).items()


@pytest.mark.requirement("ACCESS-HEADERS-02")
@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/v2/nowhere"])
async def test_over_https_browsers_are_told_to_stay_with_it(db: Database, path: str) -> None:
    answer = await build_whole(db, access_url="https://homeport.test").raw("GET", path)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.requirement("ACCESS-CSP-03")
async def test_the_page_of_an_unknown_address_carries_the_policy(whole: Api) -> None:
    answer = await whole.raw("GET", "/nowhere")
    assert answer.headers["content-type"].startswith("text/html")
    assert "connect-src 'self' ws://homeport.test wss://homeport.test" in answer.headers["content-security-policy"]


@pytest.mark.requirement("ACCESS-HEADERS-01")
async def test_a_refused_websocket_carries_them(whole: Api) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket", "path": "/api/v2/workspaceagents/me/tunnel", "raw_path": b"", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"homeport.test")], "extensions": {"websocket.http.response": {}}, "subprotocols": [],
        "client": ("192.0.2.7", 1), "server": ("homeport.test", 80), "scheme": "ws", "state": {},
    }  # fmt: skip
    await whole.asgi(scope, receive, send)
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 401)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert ALWAYS.items() <= found.items()


@pytest.mark.requirement("ACCESS-HEADERS-01")
@pytest.mark.expected_errors("nothing inside has answered")
async def test_what_nothing_inside_answers_becomes_a_500_without_inner_words(db: Database) -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("an inner word")

    api = build_whole(db)
    api.asgi = Edge(broken, api.settings, HostCache(db, api.settings))
    answer = await api.raw("GET", "/api/v2/users/me")
    assert answer.status_code == 500
    assert ALWAYS.items() <= dict(answer.headers).items()
    assert answer.json() == {
        "message": "An unexpected error happened; the server's log has it.",
        "detail": f"request id {answer.headers['x-request-id']}",
    }


@pytest.mark.requirement("ACCESS-HEADERS-01")
async def test_an_answer_that_has_begun_is_not_begun_again(db: Database) -> None:
    async def breaks_off(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("an inner word")

    api = build_whole(db)
    api.asgi = Edge(breaks_off, api.settings, HostCache(db, api.settings))
    with pytest.raises(ValueError, match="an inner word"):
        await api.raw("GET", "/api/v2/users/me")
