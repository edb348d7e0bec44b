"""Connections that last end at once when their person's right to them does, in every server process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from litestar import WebSocket, get, websocket
from litestar.response import Stream

from homeport.access.live import CLOSE_ENDED
from homeport.access.middleware import EndlessRoute
from homeport.access.types import Identity
from homeport.database import Database, Listener
from homeport.identity.types import LoginType
from homeport.kit.routes import lasting, requires
from homeport.rbac import Action, Object, ResourceType, Subject, require
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person, build_api
from tests.support.logging import ErrorLog
from tests.support.waiting import until

AUDIT = Object(ResourceType.AUDIT_LOG, organization_id=DEFAULT_ORGANIZATION_ID)
Deed = Callable[[Api, Person, Person], Any]


def decide(subject: Subject, about: str) -> None:
    """Let in by oneself, or by a role."""
    target = Object(ResourceType.USER, subject.id, subject.id) if about == "me" else AUDIT
    require(subject, Action.READ, target, noun="thing")


@websocket("/echo/{about:str}", opt=requires("user:read"))
async def echo(socket: WebSocket[Any, Any, Any], about: str, subject: Subject, identity: Identity) -> None:
    """Send back what comes, until the other side leaves."""
    decide(subject, about)
    await socket.accept()
    await socket.send_text(identity.username)
    while (event := await socket.receive())["type"] != "websocket.disconnect":
        await socket.send_text(str(event.get("text")))


@get("/ticks/{about:str}", opt=lasting(requires("user:read")))
async def ticks(about: str, subject: Subject) -> Stream:
    """Send one event, and then nothing more for ever."""
    decide(subject, about)

    async def events() -> AsyncIterator[str]:
        yield "event: first\ndata: now\n\n"
        await asyncio.Event().wait()

    return Stream(events(), media_type="text/event-stream")


@get("/undeclared", opt=requires("user:read"))
async def undeclared(subject: Subject) -> Stream:
    """A stream whose route does not say that it is one."""
    decide(subject, "me")
    return Stream(iter(["data: x\n\n"]), media_type="text/event-stream")


class Client:
    """The other side of a WebSocket on an application."""

    def __init__(self, api: Api, person: Person, path: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("192.0.2.7", 1),
            "headers": [(b"host", b"homeport.test"), (b"coder-session-token", person.token.encode())],
            "server": ("homeport.test", 80), "subprotocols": [], "extensions": {"websocket.http.response": {}},
        }  # fmt: skip
        self.task = asyncio.create_task(api.asgi(scope, self._inbox.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def opened(self) -> "Client":
        """Wait until the greeting is there."""
        await until(lambda: len(self.sent) == 2 or self.task.done())
        assert [message["type"] for message in self.sent] == ["websocket.accept", "websocket.send"], self.sent
        return self

    async def ping(self) -> bool:
        """Whether what is said comes back."""
        before = len(self.sent)
        await self._inbox.put({"type": "websocket.receive", "text": "ping"})
        await until(lambda: len(self.sent) > before or self.task.done())
        return self.sent[-1].get("text") == "ping"

    async def ended(self) -> dict[str, Any]:
        """Wait for the end and return the close."""
        await asyncio.wait_for(self.task, 10)
        return self.sent[-1]

    async def leave(self) -> None:
        """Close from this side."""
        await self._inbox.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 10)


@asynccontextmanager
async def serving(db: Database) -> AsyncIterator[Api]:
    """An application that hears of changes, as one server process has it."""
    listener = Listener(db.connect)
    await listener.start()
    built = build_api(db, routes=[echo, ticks, undeclared])
    await built.gate.live.start(listener)
    await until(lambda: listener.is_connected)
    try:
        yield built
    finally:
        await built.gate.live.stop()
        await listener.stop()
        await built.gate.close()


@pytest.fixture
async def server(db: Database) -> AsyncIterator[Api]:
    async with serving(db) as built:
        yield built


async def suspend(api: Api, owner: Person, person: Person) -> None:
    assert (await api.call(owner, "PUT", f"/users/{person.id}/status/suspend")).status_code == 200


async def delete(api: Api, owner: Person, person: Person) -> None:
    assert (await api.call(owner, "DELETE", f"/users/{person.id}")).status_code == 200


async def end_key(api: Api, owner: Person, person: Person) -> None:
    key = person.token.partition("-")[0]
    assert (await api.call(owner, "DELETE", f"/users/{person.id}/keys/{key}")).status_code == 204


async def sign_out(api: Api, _owner: Person, person: Person) -> None:
    assert (await api.call(person, "POST", "/users/logout")).status_code == 200


async def new_password(api: Api, owner: Person, person: Person) -> None:
    body = {"password": "Another-Light-88"}
    assert (await api.call(owner, "PUT", f"/users/{person.id}/password", body)).status_code == 204


async def sign_out_everywhere(api: Api, _owner: Person, person: Person) -> None:
    assert (await api.call(person, "DELETE", "/users/me/sessions")).status_code == 200


@pytest.mark.requirement("STATUS-LIVE-01", "SESSION-END-01")
@pytest.mark.parametrize("deed", [suspend, delete, end_key, sign_out, sign_out_everywhere, new_password])
async def test_open_connections_end_with_the_account_and_the_session(
    server: Api, accounts: Accounts, deed: Deed
) -> None:
    owner, person, other = await accounts.make("owner"), await accounts.make(), await accounts.make()
    mine, foreign = await Client(server, person, "/api/v2/echo/me").opened(), Client(server, other, "/api/v2/echo/me")
    stream = asyncio.create_task(server.call(person, "GET", "/ticks/me"))
    await foreign.opened()
    await until(lambda: len(server.gate.live._held.get(person.id, ())) == 2)
    assert await mine.ping()
    await deed(server, owner, person)
    end = await mine.ended()
    assert (end["type"], end["code"]) == ("websocket.close", CLOSE_ENDED)
    assert end["reason"]
    reply = await asyncio.wait_for(stream, 10)
    assert reply.status_code == 200
    assert reply.text == "event: first\ndata: now\n\n"
    assert await foreign.ping(), "nobody else notices"
    await foreign.leave()
    assert server.gate.live._held == {}


@pytest.mark.requirement("STATUS-LIVE-02")
async def test_every_server_process_ends_its_own(db: Database, server: Api, accounts: Accounts) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    async with serving(db) as second:
        clients = [await Client(api, person, "/api/v2/echo/me").opened() for api in (server, second, second)]
        await suspend(server, owner, person)
        assert [(await client.ended())["code"] for client in clients] == [CLOSE_ENDED] * 3
        refused = Client(second, person, "/api/v2/echo/me")
        await asyncio.wait_for(refused.task, 10)
        assert refused.sent[0]["status"] == 401


@pytest.mark.requirement("STATUS-LIVE-03")
async def test_the_end_of_one_session_leaves_the_others(server: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    key = (await server.call(person, "POST", "/users/me/keys/tokens", {})).json()["key"]
    token = Person("member", person.id, person.username, person.email, key, person.subject)
    by_session, by_token = [await Client(server, each, "/api/v2/echo/me").opened() for each in (person, token)]
    await end_key(server, person, token)
    assert (await by_token.ended())["code"] == CLOSE_ENDED
    assert await by_session.ping()
    await by_session.leave()


@pytest.mark.requirement("STATUS-LIVE-04")
async def test_a_lost_right_ends_what_rests_on_it_and_nothing_else(server: Api, accounts: Accounts) -> None:
    owner, auditor = await accounts.make("owner"), await accounts.make("organization-auditor")
    trail = await Client(server, auditor, "/api/v2/echo/trail").opened()
    mine = await Client(server, auditor, "/api/v2/echo/me").opened()
    looked = server.gate.live.mark
    await server.call(owner, "PUT", f"/users/{auditor.id}/roles", {"roles": ["auditor"]})
    await until(lambda: server.gate.live.mark > looked)
    assert await trail.ping(), "more rights end nothing"
    path = f"/organizations/default/members/{auditor.id}/roles"
    assert (await server.call(owner, "PUT", path, {"roles": []})).status_code == 200
    await until(lambda: server.gate.live.mark > looked + 1)
    assert await trail.ping(), "another role still lets it in"
    await server.call(owner, "PUT", f"/users/{auditor.id}/roles", {"roles": []})
    end = await trail.ended()
    assert end["code"] == CLOSE_ENDED
    assert "roles" in end["reason"]
    assert await mine.ping()
    await mine.leave()


@pytest.mark.requirement("STATUS-LIVE-04")
async def test_a_custom_role_that_is_narrowed_ends_what_rested_on_it(server: Api, accounts: Accounts) -> None:
    may_read = [{"negate": False, "resource_type": "audit_log", "action": "read"}]
    await server.db.execute(
        "insert into custom_roles (id, name, organization_id, org_permissions, created_at, updated_at)"
        " values (gen_random_uuid(), 'reader', $1, $2, now(), now())",
        DEFAULT_ORGANIZATION_ID, may_read,
    )  # fmt: skip
    person = await accounts.make(organization_roles=["reader"])
    client = await Client(server, person, "/api/v2/echo/trail").opened()
    await server.db.execute("update custom_roles set org_permissions = '[]' where name = 'reader'")
    assert (await client.ended())["code"] == CLOSE_ENDED


@pytest.mark.requirement("STATUS-LIVE-05")
async def test_a_change_between_authentication_and_beginning_is_not_missed(
    server: Api, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    sessions = server.gate.sessions
    authenticate = sessions.authenticate

    async def slow(token: str, **more: Any) -> Identity:
        identity = await authenticate(token, **more)
        if identity.user_id == person.id:
            looked = server.gate.live.mark
            await suspend(server, owner, person)
            await until(lambda: server.gate.live.mark > looked)
        return identity

    monkeypatch.setattr(sessions, "authenticate", slow)
    client = Client(server, person, "/api/v2/echo/me")
    await asyncio.wait_for(client.task, 10)
    assert client.sent[0]["status"] == 401
    assert (await server.call(person, "GET", "/ticks/me")).status_code == 401


@pytest.mark.requirement("STATUS-LIVE-05")
async def test_news_that_were_lost_are_made_up_for(db: Database, server: Api, accounts: Accounts) -> None:
    person, other = await accounts.make(), await accounts.make()
    client, foreign = [await Client(server, each, "/api/v2/echo/me").opened() for each in (person, other)]
    # What nobody tells of: as if the message had got lost.
    async with db.transaction() as conn:
        await conn.execute("set local session_replication_role = replica")
        await conn.execute("update users set status = 'suspended' where id = $1", person.id)
    assert await client.ping()
    await db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'"
    )
    assert (await client.ended())["code"] == CLOSE_ENDED
    assert await foreign.ping()
    await foreign.leave()


@pytest.mark.requirement("STATUS-LIVE-05")
@pytest.mark.expected_errors("could not be decided upon again")
async def test_what_cannot_be_decided_upon_ends_and_the_next_news_are_heard(
    server: Api, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, person, other = await accounts.make("owner"), await accounts.make(), await accounts.make()
    clients = [await Client(server, each, "/api/v2/echo/me").opened() for each in (person, other)]

    async def broken(_key_id: str) -> Subject | None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(server.gate.sessions, "find_subject", broken)
        await server.call(owner, "PUT", f"/users/{person.id}/roles", {"roles": ["auditor"]})
        assert (await clients[0].ended())["code"] == CLOSE_ENDED
    await suspend(server, owner, other)
    assert (await clients[1].ended())["code"] == CLOSE_ENDED


@pytest.mark.requirement("STATUS-LIVE-06")
async def test_a_rotated_access_token_is_no_end_but_the_end_of_its_family_is(db: Database, accounts: Accounts) -> None:
    listener = Listener(db.connect)
    await listener.start()
    person = await accounts.make()
    async with listener.subscribe("user_access") as news:
        await until(lambda: listener.is_connected)
        await news.wait(0.01)
        await _insert_family(db, person.id)
        await db.execute("delete from api_keys where login_type = 'oauth2_provider_app'")
        await db.execute("delete from oauth2_provider_token_families")
        assert await news.wait(10) == [str(person.id)]
        await db.execute("delete from api_keys where user_id = $1", person.id)
        assert await news.wait(10) == [str(person.id)]
    await listener.stop()


async def _insert_family(db: Database, user_id: UUID) -> None:
    await db.execute(
        "insert into api_keys (id, hashed_secret, user_id, login_type, expires_at, created_at, updated_at)"
        " values ('abcdefghij', '', $1, $2::text::login_type, now(), now(), now())",
        user_id, LoginType.OAUTH2_PROVIDER_APP.value,
    )  # fmt: skip
    app = await db.fetchval(
        "insert into oauth2_provider_apps (id, name, created_at, updated_at) values (gen_random_uuid(), 'a', now(), now()) returning id"
    )
    grant = await db.fetchval(
        "insert into oauth2_provider_grants (id, user_id, app_id, resource_uri, scopes, created_at, updated_at)"
        " values (gen_random_uuid(), $1, $2, '', '{}', now(), now()) returning id",
        user_id, app,
    )  # fmt: skip
    await db.execute(
        "insert into oauth2_provider_token_families (id, grant_id, app_id, user_id, scopes, created_at, expires_at)"
        " values (gen_random_uuid(), $1, $2, $3, '{}', now(), now())",
        grant, app, user_id,
    )  # fmt: skip


@pytest.mark.requirement("STATUS-LIVE-07")
@pytest.mark.expected_errors("nothing inside has answered")
async def test_a_stream_that_is_not_declared_fails_in_tests(
    server: Api, accounts: Accounts, error_log: ErrorLog
) -> None:
    reply = await server.call(await accounts.make(), "GET", "/undeclared")
    assert reply.status_code == 500
    (record,) = error_log.records
    cause = record.exc_info[1] if record.exc_info else None
    while cause is not None and not isinstance(cause, EndlessRoute):
        cause = cause.__cause__
    assert "/undeclared sends a stream" in str(cause)
