"""WebSockets are refused before they are accepted, in the words that a plain request would get."""

from typing import Any

import pytest
from litestar import WebSocket, websocket

from homeport.database import Database
from homeport.kit.errors import Conflict, FieldError
from homeport.kit.routes import public
from tests.homeport.server.deployment import Deployment, Places
from tests.homeport.server.driver import Headers, Refusal, knock
from tests.homeport.server.hostile import BAD_QUERIES, BAD_SEGMENTS, UNKNOWN_ID
from tests.homeport.server.routes import Route, all_routes
from tests.support.accounts import Person, build_api
from tests.support.logging import ErrorLog

# Sockets that follow what is finished, or that stay open: fine for those who may.
OPEN_TO_OWNERS = ("/logs", "/watch-ws", "/watch-metadata-ws", "/tunnel", "/dynamic-parameters")
QUERIES = ("after", "before", "follow", "reconnect", "width", "height", "command", "format")


def sockets(deployment: Deployment) -> list[Route]:
    """List the WebSockets that are not for everybody."""
    return [one for one in all_routes(deployment.app) if one.method == "WS" and one.access.credential != "public"]


def path_of(route: Route, places: Places) -> str:
    """Return the path with its blanks filled in."""
    return route.path.format_map({name: places.words[name] for name in route.names})


def signed(route: Route, person: Person | None, places: Places) -> Headers:
    """Return the headers with which a route is entered."""
    if person is None:
        return []
    token = places.agent_token if route.access.credential == "agent" else person.token
    return [("coder-session-token", token)]


def readable(found: Refusal, what: str) -> None:
    """Hold a refusal against what all have."""
    assert 400 <= found.status < 500, f"{what}: {found}"
    body = found.json()
    assert body["message"], what
    assert not body.keys() - {"message", "detail", "validations"}, f"{what}: {found}"
    assert all(one["field"] and one["detail"] for one in body.get("validations", ())), f"{what}: {found}"


@pytest.mark.requirement("HTTP-SOCKET-01")
async def test_who_may_not_is_refused_before_anything_is_opened(deployment: Deployment) -> None:
    owner, ann, bob = [await deployment.accounts.make(kind) for kind in ("owner", "member", "member")]
    stranger = await deployment.accounts.make("stranger")
    places = await deployment.furnish(owner, ann, user="me")
    for route in sockets(deployment):
        path = path_of(route, places)
        anonymous = await knock(deployment.asgi, path)
        readable(anonymous, path)
        assert anonymous.status == 401, path
        closed = await knock(deployment.asgi, path, can_answer=False)
        assert (closed.status, closed.code) == (0, 1008), path
        assert closed.reason, path
        if route.access.credential == "agent":
            continue
        for person in (stranger,) if "/templateversions/" in path else (stranger, bob):
            found = await knock(deployment.asgi, path, headers=signed(route, person, places))
            readable(found, path)
            assert found.status == 404, path
        cookie = [("cookie", f"coder_session_token={ann.token}"), ("origin", "https://evil.test")]
        assert (await knock(deployment.asgi, path, headers=cookie)).status == 403, path
        unknown = route.path.format_map(dict.fromkeys(route.names, UNKNOWN_ID))
        found = await knock(deployment.asgi, unknown, headers=signed(route, owner, places))
        readable(found, unknown)
        assert found.status == 404, unknown


@pytest.mark.requirement("HTTP-SOCKET-01")
@pytest.mark.identities("owner", "member")
async def test_odd_addresses_are_refused_in_words(
    deployment: Deployment, error_log: ErrorLog, identity: Person
) -> None:
    owner = identity if identity.kind == "owner" else await deployment.accounts.make("owner")
    places = await deployment.furnish(owner, identity, user="me")
    for route in sockets(deployment):
        headers = signed(route, identity, places)
        targets = [route.path.format_map({**places.words, name: text}) for name in route.names for text in BAD_SEGMENTS]
        targets += [f"{path_of(route, places)}?{name}={text}" for name in QUERIES for text in BAD_QUERIES]
        for target in targets:
            found = await knock(deployment.asgi, target, headers=headers)
            if found.status == 101 and route.path.endswith(OPEN_TO_OWNERS):
                assert found.code in {0, 1000}, f"{target[:200]}: {found}"
            else:
                readable(found, target[:200])
            assert not error_log.records, target[:200]


@pytest.mark.requirement("HTTP-SOCKET-01")
async def test_bad_numbers_are_refused_by_name(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    places = await deployment.furnish(owner, owner, user="me")
    for route in sockets(deployment):
        if not route.path.endswith("/logs"):
            continue
        for text in ("x", "-1", str(10**30)):
            target = f"{path_of(route, places)}?after={text}"
            found = await knock(deployment.asgi, target, headers=signed(route, owner, places))
            assert found.status == 400, target
            assert [one["field"] for one in found.json()["validations"]] == ["after"], target


@pytest.mark.requirement("HTTP-SOCKET-01")
async def test_what_is_no_websocket_refuses_to_be_one(deployment: Deployment, error_log: ErrorLog) -> None:
    owner = await deployment.accounts.make("owner")
    places = await deployment.furnish(owner, owner, user="me")
    sockets_of = {route.path for route in all_routes(deployment.app) if route.method == "WS"}
    blanks = {
        "handle": "@me",
        "name": "x",
        "number": "1",
        "digest": "x",
        "key": "x",
        "path": "x",
        "role": "x",
        "version": "x",
        "example": "x",
        "id": "x",
    }
    words = {**places.words, **blanks}
    for route in all_routes(deployment.app):
        if route.path in sockets_of:
            continue
        path = route.path.format_map({name: words[name] for name in route.names})
        found = await knock(deployment.asgi, path, headers=[("coder-session-token", owner.token)])
        readable(found, path)
        assert found.status in {404, 405}, f"{path}: {found}"
        assert not error_log.records, path


class _Taken(Conflict):
    """409, as a service would raise it."""

    def __init__(self) -> None:
        super().__init__("This is taken.", validations=(FieldError("name", "Choose another one."),))


@websocket("/early", opt=public("for this test"))
async def refuse_early(socket: WebSocket[Any, Any, Any]) -> None:
    raise _Taken


@websocket("/late", opt=public("for this test"))
async def refuse_late(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    raise _Taken


@websocket("/broken", opt=public("for this test"))
async def break_down(socket: WebSocket[Any, Any, Any]) -> None:
    raise RuntimeError("a secret of the inside")


@pytest.mark.requirement("HTTP-SOCKET-01", "HTTP-SOCKET-02")
@pytest.mark.expected_errors("unexpected error .*a secret of the inside")
async def test_what_a_handler_raises_is_told_and_mistakes_of_ours_are_logged(db: Database, error_log: ErrorLog) -> None:
    api = build_api(db, routes=[refuse_early, refuse_late, break_down])
    early = await knock(api.asgi, "/api/v2/early")
    assert early.status == 409
    assert early.json() == {
        "message": "This is taken.",
        "validations": [{"field": "name", "detail": "Choose another one."}],
    }
    closed = await knock(api.asgi, "/api/v2/early", can_answer=False)
    assert (closed.status, closed.code, closed.reason) == (0, 1008, "This is taken.")
    late = await knock(api.asgi, "/api/v2/late")
    assert (late.status, late.code, late.reason) == (101, 1008, "This is taken.")
    assert not error_log.records
    broken = await knock(api.asgi, "/api/v2/broken")
    assert broken.status == 500
    assert b"secret" not in broken.body
    assert [record.exc_info is not None for record in error_log.records] == [True]
    assert (await knock(api.asgi, "/api/v2/broken", can_answer=False)).code == 1011
    await api.gate.close()
