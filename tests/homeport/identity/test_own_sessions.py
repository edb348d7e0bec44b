"""Seeing one's sessions and tokens, and ending them: one, all others, everywhere."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from homeport.database import Database
from homeport.identity.service.keys import create_key
from homeport.identity.service.sessions import KEPT, purge
from homeport.identity.types import LoginType, SignedOutEverywhere
from homeport.kit.clock import FakeClock
from tests.support.accounts import Accounts, Api, Person

OTHER = "198.51.100.4"


async def add_key(db: Database, person: Person, login_type: LoginType, *, hours: float = 24, name: str = "") -> str:
    async with db.transaction() as conn:
        _, token = await create_key(
            conn, user_id=person.id, login_type=login_type, lifetime=timedelta(hours=hours), token_name=name
        )
    return token


async def works(api: Api, token: str) -> bool:
    answer = await api.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": token}, address=OTHER)
    return answer.status_code == 200


async def listed(api: Api, person: Person, user: str = "me") -> list[dict[str, Any]]:
    answer = await api.call(person, "GET", f"/users/{user}/keys")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


@pytest.mark.requirement("SESSION-LIST-01")
async def test_sessions_and_tokens_are_listed_by_last_use(
    api: Api, db: Database, accounts: Accounts, clock: FakeClock
) -> None:
    person, other = await accounts.make(), await accounts.make()
    await add_key(db, person, LoginType.OIDC, hours=1)
    await add_key(db, person, LoginType.OAUTH2_PROVIDER_APP)
    token = await add_key(db, person, LoginType.TOKEN, name="robot", hours=900)
    clock.advance(timedelta(hours=2))
    assert await works(api, token)
    used_at = clock.now()
    clock.advance(timedelta(minutes=1))
    # Asking is a use as well, which is noted beside the request.
    await listed(api, person)
    await api.gate.sessions.close()
    own, robot = await listed(api, person)
    assert (robot["kind"], robot["token_name"], robot["ip_address"], robot["is_current"]) == (
        "token",
        "robot",
        OTHER,
        False,
    )
    assert datetime.fromisoformat(robot["last_used"]) == used_at < datetime.fromisoformat(own["last_used"])
    assert (own["kind"], own["id"], own["is_current"]) == ("session", person.token[:10], True)
    assert set(own) == {
        "id", "kind", "login_type", "token_name", "scopes", "ip_address", "created_at", "last_used", "expires_at", "is_current",
    }  # fmt: skip
    assert token.partition("-")[2] not in str(await listed(api, person))
    assert [each["is_current"] for each in await listed(api, other)] == [True]


@pytest.mark.requirement("SESSION-LIST-01")
async def test_tokens_that_ran_out_are_listed_until_they_are_removed(
    api: Api, db: Database, accounts: Accounts, clock: FakeClock
) -> None:
    person = await accounts.make(lifetime=timedelta(days=9))
    await add_key(db, person, LoginType.OIDC, hours=1)
    token = await add_key(db, person, LoginType.TOKEN, hours=1, name="robot")
    clock.advance(timedelta(hours=2))
    assert [each["token_name"] for each in await listed(api, person)] == ["", "robot"]
    # Its name is taken as long.
    wanted = {"token_name": "robot"}
    assert (await api.call(person, "POST", "/users/me/keys/tokens", wanted)).status_code == 409
    assert (await api.call(person, "DELETE", f"/users/me/keys/{token[:10]}")).status_code == 204
    assert (await api.call(person, "POST", "/users/me/keys/tokens", wanted)).status_code == 201


@pytest.mark.requirement("SESSION-LIST-02")
async def test_others_see_and_end_nothing(api: Api, accounts: Accounts) -> None:
    person, other = await accounts.make(), await accounts.make()
    owner, auditor = await accounts.make("owner"), await accounts.make("auditor")
    assert (await api.call(other, "GET", f"/users/{person.id}/keys")).status_code in {200, 404}
    for asker in (other, auditor):
        answer = await api.call(asker, "DELETE", f"/users/{person.id}/sessions")
        assert answer.status_code in {403, 404}
    assert await works(api, person.token)
    assert [each["id"] for each in await listed(api, owner, str(person.id))] == [person.token[:10]]
    ended = await api.call(owner, "DELETE", f"/users/{person.id}/sessions")
    assert ended.json() == {"sessions": 1, "tokens": 0, "applications": False}
    assert not await works(api, person.token)
    assert (await api.call(None, "DELETE", "/users/me/sessions")).status_code == 401


@pytest.mark.requirement("SESSION-LIST-02")
async def test_a_key_with_a_scope_ends_no_more_than_its_scope_says(api: Api, accounts: Accounts, db: Database) -> None:
    reader = await accounts.make(scopes=["workspace:read", "user:read", "api_key:read"])
    assert (await api.call(reader, "DELETE", "/users/me/sessions")).status_code == 403
    assert await db.fetchval("select count(*) from api_keys where user_id = $1", reader.id) == 1


@pytest.mark.requirement("SESSION-END-01")
@pytest.mark.parametrize(
    ("query", "left"), [("", {"token"}), ("?tokens=true", set()), ("?applications=true", {"token"})]
)
async def test_signing_out_everywhere_ends_sessions_and_what_is_asked(
    api: Api, db: Database, accounts: Accounts, query: str, left: set[str]
) -> None:
    heard = []

    async def hear(_: Any, event: SignedOutEverywhere) -> None:
        heard.append(event.user_id)

    db.events.subscribe(SignedOutEverywhere, hear)
    person, other = await accounts.make(), await accounts.make()
    keys = {kind: await add_key(db, person, LoginType(kind)) for kind in ("password", "oidc", "token")}
    answer = await api.call(person, "DELETE", f"/users/me/sessions{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"sessions": 3, "tokens": int("token" not in left), "applications": "applications" in query}
    works_still = {kind for kind, token in keys.items() if kind != "oidc" and await works(api, token)}
    assert works_still == left
    assert not await works(api, person.token)
    assert await works(api, other.token)
    assert heard == ([person.id] if "applications" in query else [])


@pytest.mark.requirement("SESSION-END-02", "SESSION-END-03")
async def test_all_others_end_and_each_is_recorded(api: Api, db: Database, accounts: Accounts) -> None:
    person = await accounts.make()
    others = [await add_key(db, person, LoginType.PASSWORD) for _ in range(3)]
    answer = await api.call(person, "DELETE", "/users/me/sessions?keep_current=true")
    assert answer.json() == {"sessions": 3, "tokens": 0, "applications": False}
    assert await works(api, person.token)
    rows = await db.fetch("select * from audit_logs where action = 'delete' and resource_type = 'api_key'")
    assert [(row["user_id"], row["resource_id"], row["status_code"]) for row in rows] == [
        (person.id, person.id, 200)
    ] * 3
    text = str([dict(row) for row in rows])
    assert not any(token.partition("-")[2] in text for token in others)


@pytest.mark.requirement("SESSION-END-03")
async def test_a_refused_sign_out_is_recorded(api: Api, db: Database, accounts: Accounts) -> None:
    reader = await accounts.make(scopes=["user:read", "api_key:read"])
    assert (await api.call(reader, "DELETE", "/users/me/sessions")).status_code == 403
    row = await db.fetchrow("select * from audit_logs where action = 'delete'")
    assert row is not None
    assert (row["user_id"], row["resource_id"], row["status_code"]) == (reader.id, reader.id, 403)


@pytest.mark.parametrize(
    ("query", "name"),
    [("?tokens=maybe", "tokens"), ("?keep_current=2", "keep_current"), ("?applications=", "applications")],
)
async def test_odd_wishes_are_refused_by_name_and_end_nothing(
    api: Api, accounts: Accounts, query: str, name: str
) -> None:
    person = await accounts.make()
    answer = await api.call(person, "DELETE", f"/users/me/sessions{query}")
    assert answer.status_code == 400, answer.text
    assert [each["field"] for each in answer.json()["validations"]] == [name]
    assert await works(api, person.token)
    assert (await api.call(person, "DELETE", "/users/nobody-at-all/sessions")).status_code == 404


@pytest.mark.requirement("SESSION-PURGE-01")
async def test_sessions_that_ran_out_are_removed_after_a_while(
    api: Api, db: Database, accounts: Accounts, clock: FakeClock
) -> None:
    person = await accounts.make(lifetime=timedelta(hours=1))
    await add_key(db, person, LoginType.TOKEN, hours=1, name="robot")
    clock.advance(timedelta(hours=2))
    assert await purge(db) == 0
    answer = await api.call(person, "GET", "/users/me")
    assert answer.status_code == 401
    assert "session has expired" in answer.json()["detail"]
    clock.advance(KEPT)
    assert await purge(db) == 1
    assert await db.fetchval("select login_type from api_keys where user_id = $1", person.id) == "token"
