"""Every route that the reference system has and this one serves is called once and answers as the reference does."""

import json
import re
from typing import Any

import pytest

from tests.homeport.server.deployment import Deployment, Places
from tests.homeport.server.driver import Answer, send
from tests.homeport.server.reference import CALLS, MODELS, Call
from tests.homeport.server.routes import all_routes
from tests.homeport.server.samples import PASSWORD, fill
from tests.support.accounts import Person
from tests.support.archives import pack
from tests.support.names import unique_email, unique_name

# What a later call names, by the call that has made it: the name, and the field of the answer.
REMEMBERED = {
    "POST /users": [("new_user", "id")],
    "POST /organizations": [("new_organization", "id")],
    "POST /users/{user}/keys/tokens": [("new_key", "key")],
    "POST /organizations/{organization}/templates": [("new_template", "id")],
    "POST /organizations/{organization}/templateversions": [("new_version", "id"), ("new_versionname", "name")],
    "POST /templateversions/{templateversion}/dry-run": [("new_job", "id")],
    "POST /oauth2-provider/apps": [("new_app", "id")],
    "POST /workspaces/{workspace}/builds": [("new_build", "id")],
}
STANDS_FOR = {
    "new_user": "user", "new_key": "keyid", "new_template": "template", "new_version": "templateversion",
    "new_versionname": "templateversionname", "new_job": "job", "new_build": "workspacebuild",
    "new_app": "app", "new_organization": "organization",
}  # fmt: skip
# Walked elsewhere: a mark is its owner's alone, an upload is no JSON, and before there is a user nobody can call the rest.
ELSEWHERE = {
    "PUT /workspaces/{workspace}/favorite", "DELETE /workspaces/{workspace}/favorite", "POST /files", "POST /users/first",
    "POST /users/login", "GET /workspaceagents/{workspaceagent}/listening-ports",
    # Ours, beside the keys of the reference: see the tests of identity.
    "GET /users/{user}/keys", "DELETE /users/{user}/sessions",
    # They need a provider: see the tests of identity/login.
    "GET /users/oauth2/github/callback", "GET /users/oauth2/github/device", "GET /users/oidc/callback",
    "POST /users/{user}/convert-login",
}  # fmt: skip
# Ours alone: the protocols of daemons and agents, and what people have allowed clients.
OURS = (
    "/provisionerjobs/", "/provisionerdaemons/acquire", "/provisionerkeys/{provisionerkey}", "/workspaceagents/me/",
    "/oauth2-provider/grants", "/audit/export", "/connectionlog/export",
)  # fmt: skip


def problem(call: Call, answer: Answer) -> str:
    """Say what is wrong with an answer, or return an empty text."""
    if answer.status != call.status:
        return f"{answer.status} instead of {call.status}: {answer.body[:300]!r}"
    if "/" in call.answer:
        return "" if answer.kind == call.answer else f"{answer.kind} instead of {call.answer}"
    if not call.answer:
        return ""
    found: Any = json.loads(answer.body)
    if call.answer.startswith("["):
        if not isinstance(found, list):
            return "no list"
        return next((words for one in found if (words := misfit(call.answer[1:-1], one))), "")
    return misfit(call.answer, found)


def misfit(model: str, found: dict[str, Any]) -> str:
    """Say which names an object lacks or has beyond those of the model."""
    names = MODELS[model].split()
    wanted = {name for name in names if not name.endswith("?")}
    known = {name.rstrip("?") for name in names}
    missing, extra = sorted(wanted - found.keys()), sorted(found.keys() - known)
    return f"{model} lacks {missing}, has {extra}" if missing or extra else ""


def token_of(path: str, owner: Person, places: Places) -> str:
    """Return the credential of a call."""
    return places.agent_token if path.startswith("/workspaceagents/me/") else owner.token


@pytest.mark.requirement("HTTP-CONTRACT-01")
async def test_routes_of_the_reference_answer_as_it_does(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    person = await deployment.accounts.make("member")
    places = await deployment.furnish(owner, person, user=str(person.id))
    words = dict(places.words)
    await deployment.report(places.jobs["dry_run"], "complete", {"dry_run": {}})
    problems: list[str] = []
    for call in CALLS:
        path, _, query = call.path.partition("?")
        filled = fill(call.body, words | {"unique": unique_name(), "email": unique_email()})
        if call.method == "PATCH" and path == "/workspaces/{workspace}":
            words["workspacename"] = filled["name"]
        if lacking := set(STANDS_FOR) & set(re.findall(r"{(\w+)}", path)) - set(words):
            problems.append(f"{call.method} {call.path}: no earlier call has made {', '.join(sorted(lacking))}")
            continue
        target = "/api/v2" + path.format_map(words).rstrip("/") + (f"?{query.format_map(words)}" if query else "")
        headers = [("coder-session-token", token_of(path, owner, places))]
        body = b"" if call.body is None else json.dumps(filled).encode()
        answer = await send(deployment.asgi, call.method, target, headers=headers, body=body)
        if words_of_problem := problem(call, answer):
            problems.append(f"{call.method} {call.path}: {words_of_problem}")
            continue
        for name, field in REMEMBERED.get(f"{call.method} {path}", ()):
            value = str(answer.json()[field])
            words[name] = value.partition("-")[0] if field == "key" else value
    assert not problems, "\n".join(problems)


@pytest.mark.requirement("HTTP-CONTRACT-01")
async def test_no_route_is_left_out(deployment: Deployment) -> None:
    # Below /api/v2: what clients and tests of others hold OAuth's endpoints and MCP against stands in tests/interop.
    called = set(ELSEWHERE)
    for call in CALLS:
        path = call.path.partition("?")[0]
        for new, name in STANDS_FOR.items():
            path = path.replace(f"{{{new}}}", f"{{{name}}}")
        called.add(f"{call.method} {path}")
    routes = [one for one in all_routes(deployment.app) if one.is_api and one.method != "WS"]
    found = {f"{one.method} {one.path.removeprefix('/api/v2') or '/'}" for one in routes}
    assert sorted(one for one in found - called if not any(part in one for part in OURS)) == []
    assert sorted(called - found) == []


@pytest.mark.requirement("HTTP-CONTRACT-01")
async def test_the_first_user_signs_in_uploads_and_marks(deployment: Deployment) -> None:
    first = {"email": unique_email(), "username": unique_name(), "password": PASSWORD}

    async def call(method: str, path: str, body: Any = None, token: str = "", **more: Any) -> Answer:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await send(
            deployment.asgi, method, f"/api/v2{path}", headers=[("coder-session-token", token)], body=sent, **more
        )

    assert (await call("GET", "/users/first")).status == 404
    made = await call("POST", "/users/first", first)
    assert (made.status, misfit("CreateFirstUserResponse", made.json())) == (201, "")
    signed = await call("POST", "/users/login", {"email": first["email"], "password": PASSWORD})
    assert (signed.status, misfit("LoginWithPasswordResponse", signed.json())) == (201, "")
    token = signed.json()["session_token"]
    for status in (201, 200):
        stored = await call("POST", "/files", pack({"homeport.yaml": b"x"}), token, kind="application/x-tar")
        assert (stored.status, misfit("UploadResponse", stored.json())) == (status, "")
    owner = await deployment.accounts.make("owner")
    places = await deployment.furnish(owner, owner, user="me")
    for method in ("PUT", "DELETE"):
        answer = await call(method, f"/workspaces/{places.words['workspace']}/favorite", token=owner.token)
        assert answer.status == 204
