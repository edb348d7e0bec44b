"""People and programs reach what is theirs and nothing else: whatever they try, nothing is shown and nothing changes."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from homeport.identity.types import UserStatus
from homeport.kit.clock import FakeClock
from tests.homeport.server.deployment import Deployment, Places
from tests.homeport.server.driver import Answer, send
from tests.homeport.server.hostile import UNKNOWN_ID
from tests.homeport.server.routes import Route, all_routes
from tests.homeport.server.samples import PASSWORD, sample
from tests.support.accounts import Person
from tests.support.names import unique_name

TOKEN = "coder-session-token"
# What every member of an organization may read of it, whosever it is.
SHARED = (
    "/organizations/{organization}", "/templates", "/templateversions", "/users/roles", "/auth/scopes", "/experiments",
    "/deployment/ssh", "/workspaceagents/connection", "/provisionerdaemons",
)  # fmt: skip
# What is computed of it, and stays nowhere.
ASKED_BY_POST = {"POST /api/v2/templateversions/{templateversion}/dynamic-parameters/evaluate"}
# What everybody with an account may read, of an organization or not: which applications there are (identity 5.1).
KNOWN_TO_ALL = {"GET /api/v2/oauth2-provider/apps/{app}"}


def may_read(route: Route, parts: Sequence[str]) -> bool:
    """Tell whether a route reads something, and what it names has one of these parts in its path."""
    is_reading = route.method == "GET" or str(route) in ASKED_BY_POST
    return is_reading and any(part in route.path for part in parts)


def asked_by_people(deployment: Deployment) -> list[Route]:
    """List the API routes that people call and that name something."""
    return [
        route
        for route in all_routes(deployment.app)
        if route.is_api and route.method != "WS" and route.access.credential == "user" and route.names
    ]


def protocols(deployment: Deployment) -> list[Route]:
    """List the endpoints of OAuth and MCP that people's credentials open; they name nothing of anybody."""
    return [one for one in all_routes(deployment.app) if one.is_protocol and one.access.credential == "user"]


async def ask(deployment: Deployment, route: Route, token: str, words: Mapping[str, str]) -> Answer:
    """Call a route with a good body."""
    body = b"" if route.body is None else json.dumps(sample(route.body_name, words)).encode()
    target = route.path.format_map({name: words[name] for name in route.names})
    return await send(deployment.asgi, route.method, target, headers=[(TOKEN, token)], body=body)


async def contents(deployment: Deployment) -> dict[str, str]:
    """Return a digest of every table. Of audit, what was done: what was tried in vain is written down as well."""
    tables = await deployment.db.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    found: dict[str, str] = {}
    for row in tables:
        name = row["relname"]
        done = "where t.status_code < 400" if name == "audit_logs" else ""
        found[name] = await deployment.db.fetchval(
            f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {name} t {done}"
        )
    return found


async def settled(deployment: Deployment, *people: Person) -> dict[str, str]:
    """Let each session note its first use, and return what the tables hold then."""
    for person in people:
        await send(deployment.asgi, "GET", "/api/v2/users/me", headers=[(TOKEN, person.token)])
        await send(deployment.asgi, "GET", "/api/v2/users/me", headers=[(TOKEN, person.token)])
    return await contents(deployment)


def user_words(places: Places, person: Person) -> dict[str, str]:
    """Return the path values with the person's id as `user`."""
    return places.words | {"user": str(person.id)}


@pytest.mark.requirement("HTTP-FOREIGN-01")
async def test_a_member_reaches_nothing_of_another_member(deployment: Deployment, clock: FakeClock) -> None:
    owner, ann, bob = [await deployment.accounts.make(kind) for kind in ("owner", "member", "member")]
    words = user_words(await deployment.furnish(owner, ann, user="me"), ann)
    before = await settled(deployment, owner, ann, bob)
    problems = []
    for route in asked_by_people(deployment):
        answer = await ask(deployment, route, bob.token, words)
        is_shared = str(route) in KNOWN_TO_ALL or may_read(route, SHARED)
        # 412: what a dry run found is not known while it goes on.
        if answer.status not in ({200, 403, 404, 412} if is_shared else {403, 404}):
            problems.append(f"{route}: {answer.status} {answer.body[:200]!r}")
    assert not problems, "\n".join(problems)
    assert await contents(deployment) == before


@pytest.mark.requirement("HTTP-FOREIGN-01")
async def test_somebody_of_no_organization_reaches_nothing(deployment: Deployment, clock: FakeClock) -> None:
    owner, ann, stranger = [await deployment.accounts.make(kind) for kind in ("owner", "member", "stranger")]
    words = user_words(await deployment.furnish(owner, ann, user="me"), ann)
    before = await settled(deployment, owner, ann, stranger)
    problems = []
    for route in asked_by_people(deployment):
        answer = await ask(deployment, route, stranger.token, words)
        if answer.status not in ({200} if str(route) in KNOWN_TO_ALL else {403, 404}):
            problems.append(f"{route}: {answer.status} {answer.body[:200]!r}")
    assert not problems, "\n".join(problems)
    assert await contents(deployment) == before


@pytest.mark.requirement("HTTP-FOREIGN-02")
@pytest.mark.parametrize("state", ["suspended", "deleted", "expired", "revoked"])
async def test_sessions_that_are_over_open_nothing(deployment: Deployment, clock: FakeClock, state: str) -> None:
    owner = await deployment.accounts.make("owner")
    fallen = await deployment.accounts.make("owner")
    words = user_words(await deployment.furnish(owner, fallen, user="me"), fallen)
    match state:
        case "suspended":
            await deployment.ask(owner, "PUT", f"/users/{fallen.id}/status/suspend")
        case "deleted":
            await deployment.db.execute("update workspaces set deleted = true where owner_id = $1", fallen.id)
            await deployment.ask(owner, "DELETE", f"/users/{fallen.id}")
        case "expired":
            clock.advance(timedelta(hours=25))
            owner = await deployment.accounts.make("owner")
        case "revoked":
            await deployment.ask(owner, "DELETE", f"/users/{fallen.id}/keys/{fallen.token.partition('-')[0]}")
    before = await settled(deployment, owner)
    for route in [*asked_by_people(deployment), *protocols(deployment)]:
        answer = await ask(deployment, route, fallen.token, words)
        assert answer.status == 401, f"{route}: {answer.status} {answer.body[:200]!r}"
    assert await contents(deployment) == before


@pytest.mark.requirement("HTTP-FOREIGN-03")
@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["workspace:read"], ("/workspaces", "/workspacebuilds", "/workspaceagents", "/workspace/")),
        (["coder:application_connect"], ()),
        (["template:read"], ("/templates", "/templateversions")),
        (["api_key:read"], ("/keys",)),
    ],
    ids=lambda value: str(value[0]) if value else "nothing",
)
async def test_a_scoped_token_of_an_owner_changes_nothing(
    deployment: Deployment, clock: FakeClock, scopes: list[str], allowed: tuple[str, ...]
) -> None:
    owner = await deployment.accounts.make("owner")
    words = user_words(await deployment.furnish(owner, owner, user="me"), owner)
    made = await deployment.ask(owner, "POST", "/users/me/keys/tokens", {"scopes": scopes})
    token = str(made["key"])
    await send(deployment.asgi, "GET", "/api/v2/users/me", headers=[(TOKEN, token)])
    before = await settled(deployment, owner)
    problems = []
    for route in asked_by_people(deployment):
        answer = await ask(deployment, route, token, words)
        if answer.status not in ({200, 403, 404, 400, 412} if may_read(route, allowed) else {403, 404}):
            problems.append(f"{route}: {answer.status} {answer.body[:200]!r}")
    assert not problems, "\n".join(problems)
    assert await contents(deployment) == before


@pytest.mark.requirement("HTTP-FOREIGN-03")
async def test_an_allow_list_opens_its_workspace_alone(deployment: Deployment) -> None:
    owner, ann = await deployment.accounts.make("owner"), await deployment.accounts.make()
    template, _ = await deployment.template(owner)
    (one, _), (other, _) = [await deployment.workspace(ann, template["id"]) for _ in range(2)]
    wanted = {"scopes": ["workspace:read"], "allow_list": [{"type": "workspace", "id": one["id"]}]}
    token = (await deployment.ask(ann, "POST", "/users/me/keys/tokens", wanted))["key"]

    async def read(path: str) -> Answer:
        return await send(deployment.asgi, "GET", f"/api/v2{path}", headers=[(TOKEN, token)])

    assert (await read(f"/workspaces/{one['id']}")).status == 200
    assert (await read(f"/workspacebuilds/{one['latest_build']['id']}")).status == 200
    assert (await read(f"/workspaces/{other['id']}")).status == 404
    assert (await read(f"/workspacebuilds/{other['latest_build']['id']}")).status == 404
    listed = (await read("/workspaces")).json()
    assert ([each["id"] for each in listed["workspaces"]], listed["count"]) == ([one["id"]], 1)


@pytest.mark.requirement("HTTP-FOREIGN-03")
async def test_a_scoped_key_makes_no_wider_one(deployment: Deployment) -> None:
    ann = await deployment.accounts.make()
    wanted = {"scopes": ["coder:apikeys.manage_self", "workspace:read"]}
    token = (await deployment.ask(ann, "POST", "/users/me/keys/tokens", wanted))["key"]

    async def make(path: str, body: dict[str, Any] | None) -> Answer:
        sent = b"" if body is None else json.dumps(body).encode()
        return await send(deployment.asgi, "POST", f"/api/v2/users/me{path}", headers=[(TOKEN, token)], body=sent)

    for path, body in (
        ("/keys", None),
        ("/keys/tokens", {}),
        ("/keys/tokens", {"scopes": ["coder:all"]}),
        ("/keys/tokens", {"scope": "all"}),
        ("/keys/tokens", {"scopes": ["workspace:delete"]}),
        ("/keys/tokens", {"scopes": ["workspace:*"]}),
    ):
        answer = await make(path, body)
        assert answer.status == 403, f"{body}: {answer.body!r}"
        assert "cannot be given more" in answer.json()["message"]
    assert (await make("/keys/tokens", {"scopes": ["workspace:read"]})).status == 201


@pytest.mark.requirement("HTTP-FOREIGN-04")
async def test_user_admins_do_not_become_owners(deployment: Deployment, clock: FakeClock) -> None:
    owner, admin = await deployment.accounts.make("owner"), await deployment.accounts.make("user-admin")
    before = await settled(deployment, owner, admin)
    for method, path, body in (
        ("PUT", f"/users/{owner.id}/password", {"password": PASSWORD}),
        ("POST", f"/users/{owner.id}/keys", None),
        ("POST", f"/users/{owner.id}/keys/tokens", {}),
        ("PUT", f"/users/{owner.id}/status/suspend", None),
        ("DELETE", f"/users/{owner.id}", None),
        ("PUT", f"/users/{owner.id}/roles", {"roles": []}),
        ("PUT", f"/users/{admin.id}/roles", {"roles": ["owner"]}),
        ("GET", f"/users/{owner.id}/keys/tokens/none", None),
    ):
        sent = b"" if body is None else json.dumps(body).encode()
        answer = await send(deployment.asgi, method, f"/api/v2{path}", headers=[(TOKEN, admin.token)], body=sent)
        assert answer.status in {400, 403, 404}, f"{method} {path}: {answer.status} {answer.body!r}"
    assert await contents(deployment) == before


@pytest.mark.requirement("HTTP-FOREIGN-05")
async def test_programs_do_not_pass_for_people_nor_for_each_other(deployment: Deployment) -> None:
    owner, ann, bob = [await deployment.accounts.make(kind) for kind in ("owner", "member", "member")]
    of_ann = await deployment.furnish(owner, ann, user="me")
    of_bob = await deployment.furnish(owner, bob, user="me")
    before = await settled(deployment, owner, ann, bob)
    secrets = {"agent": of_bob.agent_token, "job": of_bob.jobs["dry_run"].token, "key": of_bob.provisioner_key}
    for route in all_routes(deployment.app):
        credential = route.access.credential
        is_for_programs = route.is_api or route.is_protocol
        if not is_for_programs or route.method == "WS" or credential in {"public", "optional"}:
            continue
        body = (
            b""
            if route.body is None
            else json.dumps(
                sample(route.body_name, of_ann.words) if route.body_name != "CompleteJobRequest" else {}
            ).encode()
        )
        target = route.path.format_map({name: of_ann.words[name] for name in route.names})
        for name, secret in secrets.items():
            if name == credential:
                continue
            answer = await send(deployment.asgi, route.method, target, headers=[(TOKEN, secret)], body=body)
            assert answer.status in {400, 401, 403, 404}, f"{route} by {name}: {answer.status} {answer.body!r}"
        if credential == "agent":
            answer = await send(deployment.asgi, route.method, target, headers=[(TOKEN, ann.token)], body=body)
            assert answer.status == 401, f"{route} by a person: {answer.status} {answer.body!r}"
    # The holder of one job, about another one.
    headers = [("homeport-job-token", of_bob.jobs["dry_run"].token)]
    reports: dict[str, Any] = {"update": {}, "complete": {"dry_run": {}}, "fail": {}, "quota": {"daily_cost": 0}}
    for what, report in reports.items():
        for job in (of_ann.jobs["dry_run"].id, UNKNOWN_ID):
            answer = await send(
                deployment.asgi,
                "POST",
                f"/api/v2/provisionerjobs/{job}/{what}",
                headers=headers,
                body=json.dumps(report).encode(),
            )
            assert answer.status in {403, 404}, f"{what}: {answer.status} {answer.body!r}"
    # One agent, about another one's things.
    agent = [(TOKEN, of_bob.agent_token)]
    about_others: tuple[tuple[str, str, Any], ...] = (
        ("DELETE", f"/workspaceagents/me/subagents/{of_ann.words['subagent']}", {}),
        ("POST", "/workspaceagents/me/app-health", {"healths": {of_ann.words["app_id"]: "healthy"}}),
        ("POST", "/workspaceagents/me/script-timings", sample("ScriptTimingRequest", of_ann.words)),
        ("POST", "/workspaceagents/me/subagents", {"id": of_ann.words["subagent"]}),
        ("PATCH", "/workspaceagents/me/logs", {"log_source_id": of_ann.words["log_source"], "logs": [{"output": "x"}]}),
    )
    for method, path, report in about_others:
        answer = await send(deployment.asgi, method, f"/api/v2{path}", headers=agent, body=json.dumps(report).encode())
        assert answer.status in {400, 403, 404}, f"{method} {path}: {answer.status} {answer.body!r}"
    after = await contents(deployment)
    # Daemons that introduced themselves with Bob's key are the only news.
    assert {name for name in after if after[name] != before[name]} <= {"provisioner_daemons"}


@pytest.mark.requirement("HTTP-FOREIGN-02")
async def test_a_dormant_person_wakes_by_signing_in_and_a_suspended_one_does_not(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    wanted = {"email": f"{unique_name()}@homeport.test", "username": unique_name(), "password": PASSWORD}
    made = await deployment.ask(owner, "POST", "/users", wanted)
    assert made["status"] == UserStatus.DORMANT
    signed = await deployment.ask(None, "POST", "/users/login", {"email": wanted["email"], "password": PASSWORD})
    session = {"Coder-Session-Token": signed["session_token"]}
    assert (await deployment.ask(None, "GET", "/users/me", headers=session))["status"] == UserStatus.ACTIVE
    token = await deployment.ask(None, "POST", "/users/me/keys/tokens", {}, headers=session)
    headers = {"Coder-Session-Token": token["key"]}
    await deployment.ask(owner, "PUT", f"/users/{made['id']}/status/suspend")
    for method, path, body in (
        ("GET", "/users/me", None),
        ("POST", "/users/login", {"email": wanted["email"], "password": PASSWORD}),
    ):
        answer = await deployment.api.call(None, method, path, body, headers=headers if body is None else {})
        assert answer.status_code == 401, answer.text
        assert "suspended" in answer.text
