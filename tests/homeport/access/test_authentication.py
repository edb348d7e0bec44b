"""From a token to a subject: sources, order of checks, expiry, sliding, challenges (identity 2 and 13)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from litestar import get, post

from homeport.access.authenticators import Presented
from homeport.access.middleware import UndecidedRoute
from homeport.access.queries import AUTHENTICATE
from homeport.access.types import AgentIdentity, Identity, ProvisionerIdentity
from homeport.database import Database
from homeport.identity.queries.keys import find_key
from homeport.identity.types import LoginType
from homeport.kit.clock import FakeClock
from homeport.kit.errors import NotAuthenticated
from homeport.kit.ids import new_id
from homeport.kit.routes import agent_route, authenticated, optional, provisioner_route, requires
from homeport.rbac import Action, Object, ResourceType, is_allowed
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person, build_api
from tests.support.logging import ErrorLog

ME = "/api/v2/users/me"


@pytest.mark.requirement("ACCESS-SOURCE-01")
@pytest.mark.parametrize("source", ["cookie", "query", "header", "bearer", "lower-bearer", "access-token"])
async def test_a_token_may_come_from_five_places(api: Api, accounts: Accounts, source: str) -> None:
    person = await accounts.make()
    answer = await api.raw("GET", ME, **_present({source: person.token}))
    assert answer.status_code == 200
    assert answer.json()["id"] == str(person.id)


ORDER = ["cookie", "query", "header", "bearer", "access-token"]


@pytest.mark.requirement("ACCESS-SOURCE-02")
@pytest.mark.parametrize("position", range(len(ORDER) - 1))
async def test_the_first_source_wins_whether_it_is_good_or_bad(api: Api, accounts: Accounts, position: int) -> None:
    person = await accounts.make()
    first, later = ORDER[position], ORDER[position + 1 :]
    good = await api.raw("GET", ME, **_present({first: person.token, **dict.fromkeys(later, "bad")}))
    assert good.status_code == 200
    bad = await api.raw("GET", ME, **_present({first: "bad", **dict.fromkeys(later, person.token)}))
    assert bad.status_code == 401


@pytest.mark.requirement("ACCESS-ORDER-01")
@pytest.mark.parametrize(
    "token",
    [
        "", "-", "x", "no-dashes-at-all", "short-secret", "0123456789-short", "0123456789-0123456789012345678901-x",
        "012345678-0123456789012345678901", "01234567890-0123456789012345678901", "0123456789-01234567890123456789012",
        "0123456789-0123456789012345678901", "coder_0123456789_" + "x" * 40, "'; drop table users;--", "0123456789-" + "é" * 22,
        "\x000123456789-012345678901234567890", "x" * 10_000, "012345678\x00-0123456789012345678901",
    ],
)  # fmt: skip
async def test_bad_tokens_are_401_with_one_message(api: Api, token: str) -> None:
    answer = await api.raw("GET", "/api/v2/users/me", params={"coder_session_token": token})
    assert answer.status_code == 401
    assert answer.json()["message"].startswith("You are signed out")
    assert answer.json()["detail"]


@pytest.mark.requirement("ACCESS-ORDER-01")
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "bearer  ", "Basic abc", "Bearer a b", "Token x", "Bearer\tx"]
)
async def test_odd_authorization_headers_are_401_with_a_challenge(api: Api, authorization: str) -> None:
    answer = await api.raw("GET", ME, headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="coder", error="invalid_token"')


@pytest.mark.requirement("ACCESS-ORDER-01")
async def test_the_id_of_one_key_with_the_secret_of_another_is_refused(api: Api, accounts: Accounts) -> None:
    ada, ben = await accounts.make(), await accounts.make()
    mixed = f"{ada.token.partition('-')[0]}-{ben.token.partition('-')[2]}"
    answer = await api.raw("GET", ME, headers={"Coder-Session-Token": mixed})
    assert answer.status_code == 401
    assert "secret" in answer.json()["detail"]


@pytest.mark.requirement("ACCESS-CHALLENGE-01")
async def test_the_challenge_leads_to_the_metadata_and_tells_expired_tokens(
    api: Api, accounts: Accounts, clock: FakeClock
) -> None:
    unknown = await api.raw("GET", ME)
    assert unknown.headers["www-authenticate"] == (
        'Bearer realm="coder", error="invalid_token", error_description="The access token is missing or invalid", '
        'resource_metadata="http://homeport.test/.well-known/oauth-protected-resource"'
    )
    person = await accounts.make(lifetime=timedelta(hours=1))
    clock.advance(timedelta(hours=1, seconds=1))
    expired = await api.call(person, "GET", "/users/me")
    assert expired.status_code == 401
    assert expired.json()["detail"].startswith("API key expired")
    assert "session has expired" in expired.text
    assert "access token has expired" in expired.headers["www-authenticate"].lower()


@pytest.mark.requirement("ACCESS-ORDER-02")
async def test_an_expired_key_is_not_touched(api: Api, accounts: Accounts, clock: FakeClock) -> None:
    person = await accounts.make(lifetime=timedelta(hours=2))
    clock.advance(timedelta(hours=3))
    before = await _key(api.db, person)
    await api.call(person, "GET", "/users/me")
    await api.gate.close()
    assert await _key(api.db, person) == before


@pytest.mark.requirement("ACCESS-STATUS-01")
async def test_status_counts_after_the_key(api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    await api.db.execute("update users set status = 'suspended' where id = $1", person.id)
    refused = await api.call(person, "GET", "/users/me")
    assert refused.status_code == 401
    assert "suspended" in refused.json()["detail"]
    await api.db.execute("update users set status = 'dormant' where id = $1", person.id)
    woken = await api.call(person, "GET", "/users/me")
    assert woken.status_code == 200
    assert woken.json()["status"] == "active"
    assert await api.db.fetchval("select status from users where id = $1", person.id) == "active"
    assert await api.db.fetchval("select count(*) from audit_logs where action = 'write'") == 1


@pytest.mark.requirement("ACCESS-SLIDE-01")
async def test_use_moves_last_used_and_expiry_at_most_once_an_hour(
    api: Api, accounts: Accounts, clock: FakeClock
) -> None:
    person = await accounts.make(lifetime=timedelta(hours=24))
    made = await _key(api.db, person)
    await _use(api, person)
    first = await _key(api.db, person)
    assert (first.last_used, first.expires_at) == (clock.now(), made.expires_at), "24 of 24 hours left: not extended"
    assert first.ip_address == "192.0.2.7"
    clock.advance(timedelta(minutes=59))
    await _use(api, person)
    assert await _key(api.db, person) == first
    clock.advance(timedelta(minutes=2))
    await _use(api, person)
    later = await _key(api.db, person)
    assert later.last_used == clock.now()
    assert later.expires_at == clock.now() + timedelta(hours=24)
    assert await api.db.fetchval("select last_seen_at from users where id = $1", person.id) == clock.now()


@pytest.mark.requirement("ACCESS-SLIDE-02")
@pytest.mark.parametrize(
    ("login_type", "slides"), [("password", True), ("github", True), ("token", False), ("oauth2_provider_app", False)]
)
async def test_tokens_end_when_they_say(
    api: Api, accounts: Accounts, clock: FakeClock, login_type: str, slides: bool
) -> None:
    person = await accounts.make(lifetime=timedelta(hours=24))
    await api.db.execute("update api_keys set login_type = $1 where user_id = $2", login_type, person.id)
    if login_type == "github":
        link = "insert into user_links (user_id, login_type, linked_id, created_at, updated_at) values ($1, $2, '1', $3, $3)"
        await api.db.execute(link, person.id, login_type, clock.now())
    made = await _key(api.db, person)
    clock.advance(timedelta(hours=23, minutes=59))
    await _use(api, person)
    key = await _key(api.db, person)
    assert key.last_used == clock.now()
    assert key.expires_at == (clock.now() + timedelta(hours=24) if slides else made.expires_at)


@pytest.mark.requirement("ACCESS-SLIDE-03")
async def test_with_the_refresh_off_only_last_used_moves(db: Database, accounts: Accounts, clock: FakeClock) -> None:
    api = build_api(db, disable_session_expiry_refresh=True)
    person = await accounts.make(lifetime=timedelta(hours=24))
    made = await _key(db, person)
    clock.advance(timedelta(hours=23))
    await _use(api, person)
    key = await _key(db, person)
    assert (key.last_used, key.expires_at) == (clock.now(), made.expires_at)


@pytest.mark.requirement("ACCESS-SLIDE-04")
async def test_many_requests_at_once_write_once_and_the_next_one_sees_it(
    api: Api, accounts: Accounts, clock: FakeClock
) -> None:
    person = await accounts.make()
    await api.db.execute("create table writes (n int)")
    await api.db.execute(
        "create function count_write() returns trigger language plpgsql as $$ begin insert into writes values (1); return new; end $$"
    )
    await api.db.execute(
        "create trigger count_writes after update on api_keys for each row execute function count_write()"
    )
    try:
        answers = await asyncio.gather(*(api.call(person, "GET", "/users/me") for _ in range(12)))
        assert {answer.status_code for answer in answers} == {200}
        key_id = person.token.partition("-")[0]
        seen = (await api.call(person, "GET", f"/users/me/keys/{key_id}")).json()
        assert seen["last_used"].startswith("2026-01-01T12:00:00")
        await api.gate.close()
        assert await api.db.fetchval("select count(*) from writes") == 1
    finally:
        await api.db.execute("drop trigger count_writes on api_keys")
        await api.db.execute("drop function count_write")
        await api.db.execute("drop table writes")


@pytest.mark.requirement("ACCESS-QUERY-01")
async def test_me_costs_one_query(api: Api, accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    person = await accounts.make("organization-admin")
    await _use(api, person)
    seen: list[str] = []
    acquire = api.db.pool.acquire

    async def watched() -> Any:
        raw = await acquire()
        raw.add_query_logger(lambda logged: seen.append(logged.query))
        return raw

    monkeypatch.setattr(api.db.pool, "acquire", watched)
    assert (await api.call(person, "GET", "/users/me")).status_code == 200
    # Statements are told of in a later turn of the loop.
    await asyncio.sleep(0)
    assert seen == [AUTHENTICATE]


@pytest.mark.requirement("ACCESS-ROLES-01")
async def test_custom_roles_are_expanded_and_deleted_ones_ignored(api: Api, accounts: Accounts) -> None:
    await api.db.execute(
        "insert into custom_roles (id, name, organization_id, org_permissions, created_at, updated_at)"
        " values ($1, 'lister', $2, $3, now(), now())",
        new_id(), DEFAULT_ORGANIZATION_ID, [{"negate": False, "resource_type": "organization_member", "action": "read"}],
    )  # fmt: skip
    person = await accounts.make(organization_roles=["lister", "gone-meanwhile"])
    others = Object(
        ResourceType.ORGANIZATION_MEMBER, id=new_id(), owner_id=new_id(), organization_id=DEFAULT_ORGANIZATION_ID
    )
    assert is_allowed(person.me, Action.READ, others)
    listed = await api.call(person, "GET", "/organizations/default/members")
    assert [each["user_id"] for each in listed.json()] == [str(person.id)]
    await api.db.execute("update custom_roles set org_permissions = '[]'")
    await accounts.make()
    assert len((await api.call(person, "GET", "/organizations/default/members")).json()) == 1


@pytest.mark.requirement("ACCESS-SCOPE-01")
async def test_a_scoped_key_does_what_its_scope_says(api: Api, accounts: Accounts) -> None:
    person = await accounts.make("owner", scopes=["organization:read"])
    assert (await api.call(person, "GET", "/organizations")).status_code == 200
    assert (await api.call(person, "GET", "/users/me")).status_code == 404
    assert (await api.call(person, "POST", "/users/me/keys/tokens", {})).status_code in {403, 404}
    odd = await accounts.make()
    await api.db.execute("update api_keys set scopes = '{no:such}' where user_id = $1", odd.id)
    assert (await api.call(odd, "GET", "/users/me")).status_code == 401


@get("/optional", opt=optional("for this test"))
async def optional_route(optional_identity: Identity | None) -> str:
    return optional_identity.username if optional_identity else "nobody"


@get("/page", opt=authenticated(is_page=True))
async def page_route(identity: Identity) -> str:
    return identity.username


@post("/page", opt=authenticated(is_page=True))
async def page_post_route(identity: Identity) -> str:
    return identity.username


@get("/undecided", opt=requires("template:read"))
async def undecided_route() -> str:
    return "never decided"


@pytest.mark.requirement("ACCESS-OPTIONAL-01")
async def test_where_signing_in_is_optional_a_bad_session_is_nobody(
    db: Database, accounts: Accounts, clock: FakeClock
) -> None:
    api = build_api(db, routes=[optional_route])
    person = await accounts.make()
    assert (await api.call(person, "GET", "/optional")).text == person.username
    assert (await api.call(None, "GET", "/optional")).text == "nobody"
    for bad in ("bad", "0123456789-0123456789012345678901"):
        assert (await api.raw("GET", "/api/v2/optional", headers={"Coder-Session-Token": bad})).text == "nobody"
    clock.advance(timedelta(days=2))
    assert (await api.call(person, "GET", "/optional")).text == "nobody"


@pytest.mark.requirement("ACCESS-REDIRECT-01")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_page_sends_a_stranger_to_sign_in_and_back(db: Database, method: str) -> None:
    api = build_api(db, root_routes=[page_route, page_post_route])
    answer = await api.raw(method, "/page?a=1&b=//evil.test")
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith("/login?message=You+are+signed+out")
    assert location.endswith("&redirect=%2Fpage%3Fa%3D1%26b%3D%2F%2Fevil.test")
    assert "www-authenticate" in answer.headers


@pytest.mark.requirement("ACCESS-PROOF-01")
@pytest.mark.expected_errors("nothing inside has answered")
async def test_a_route_that_forgets_to_decide_is_found_in_tests(
    db: Database, accounts: Accounts, error_log: ErrorLog
) -> None:
    api = build_api(db, routes=[undecided_route])
    assert (await api.call(await accounts.make(), "GET", "/undecided")).status_code == 500
    (record,) = error_log.records
    cause = record.exc_info[1] if record.exc_info else None
    while cause is not None and not isinstance(cause, UndecidedRoute):
        cause = cause.__cause__
    assert "GET /api/v2/undecided requires template:read" in str(cause)


@get("/for-agents", opt=agent_route())
async def agent_only(agent: AgentIdentity) -> str:
    return agent.agent_name


@get("/for-daemons", opt=provisioner_route())
async def daemons_only(daemon: ProvisionerIdentity) -> str:
    return daemon.kind


@pytest.mark.requirement("ACCESS-PROGRAMS-01")
async def test_agents_and_daemons_are_recognised_by_the_rooms_that_know_them(db: Database, accounts: Accounts) -> None:
    api = build_api(db, routes=[agent_only, daemons_only])
    person = await accounts.make()

    async def agent(_: Database, presented: Presented) -> AgentIdentity:
        if presented.token != "agent-token":
            raise NotAuthenticated("The agent's token is not known.")
        return AgentIdentity(
            agent_id=new_id(), agent_name="main", parent_id=None, workspace_id=new_id(), owner_id=person.id,
            organization_id=DEFAULT_ORGANIZATION_ID, template_id=new_id(), build_id=new_id(), subject=person.me,
        )  # fmt: skip

    async def daemon(_: Database, presented: Presented) -> ProvisionerIdentity | None:
        if not presented.header("Coder-Provisioner-Daemon-PSK"):
            return None
        return ProvisionerIdentity(
            kind="psk", organization_id=None, key_id=None, tags={}, user_id=None, subject=person.me
        )

    api.authenticators.register_agent(agent)
    api.authenticators.register_provisioner("provisioner", daemon)
    assert (await api.raw("GET", "/api/v2/for-agents", headers={"Coder-Session-Token": "agent-token"})).text == "main"
    assert (await api.call(person, "GET", "/for-agents")).status_code == 401
    assert (await api.raw("GET", "/api/v2/for-daemons", headers={"Coder-Provisioner-Daemon-PSK": "x"})).text == "psk"
    assert (await api.call(person, "GET", "/for-daemons")).text == "user"
    assert (await api.raw("GET", "/api/v2/for-daemons")).status_code == 401


def _present(tokens: dict[str, str]) -> dict[str, Any]:
    headers: dict[str, str] = {}
    params: dict[str, str] = {}
    for source, token in tokens.items():
        if source == "cookie":
            headers["Cookie"] = f"other=1; coder_session_token={token}; more=2"
        elif source == "query":
            params["coder_session_token"] = token
        elif source == "header":
            headers["Coder-Session-Token"] = token
        elif source == "access-token":
            params["access_token"] = token
        else:
            headers["Authorization"] = f"{'bearer ' if source.startswith('lower') else 'Bearer'} {token}"
    return {"headers": headers, "params": params}


async def _use(api: Api, person: Person) -> None:
    assert (await api.call(person, "GET", "/users/me")).status_code == 200
    await api.gate.close()


async def _key(db: Database, person: Person) -> Any:
    async with db.connection() as conn:
        found = await find_key(conn, person.token.partition("-")[0])
    assert found is not None
    assert found.login_type in set(LoginType)
    return found
