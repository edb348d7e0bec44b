"""Requests that fail on an object which they have found leave one entry each; nothing else that fails leaves any."""

import json
from typing import Any

import pytest

from homeport.audit import AuditAction, AuditResource
from homeport.audit.service.attempts import Trail, attempt, begin, note_failure
from homeport.audit.service.failures import record_failure
from homeport.database import Database
from homeport.kit.ids import NIL_ID, new_id
from homeport.rbac import EXTERNAL_SCOPE_NAMES
from homeport.server.attempts import Attempts
from tests.homeport.server.deployment import Deployment
from tests.homeport.server.driver import Answer, send
from tests.homeport.server.hostile import UNKNOWN_ID
from tests.homeport.server.reference import CALLS
from tests.homeport.server.samples import PASSWORD, fill
from tests.homeport.server.test_trail import BODIES, TOKEN, route_of
from tests.homeport.server.trail import TRAIL
from tests.support.accounts import Person
from tests.support.names import unique_email, unique_name

# What is to be made is no object yet, and who may not make it is told before anything is looked up.
MAKING = {
    "POST /users", "POST /organizations", "POST /organizations/{organization}/members/roles", "POST /oauth2-provider/apps",
    "POST /organizations/{organization}/groups", "POST /organizations/{organization}/provisionerkeys",
    "POST /organizations/{organization}/templates", "POST /organizations/{organization}/templateversions",
    "POST /users/{user}/workspaces", "POST /organizations/{organization}/members/{user}/workspaces",
    "POST /organizations/{organization}/members/{user}",
}  # fmt: skip

NEEDS_NO_RIGHT = {"/users/logout", "/users/otp/change-password"}

# Refused for what is asked about: the template and not its versions, the workspace and not yet its build.
OTHERWISE = {
    "POST /templates/{template}/versions/archive": "template:write",
    "PUT /workspaces/{workspace}/extend": "workspace:write",
}


async def rows(deployment: Deployment, answer: Answer) -> list[tuple[Any, ...]]:
    """Return what the log has of a request: what was done to what, the status, and whether there is a diff."""
    found = await deployment.db.fetch(
        "select resource_type || ':' || action, resource_id, user_id, status_code, diff from audit_logs"
        " where request_id = $1::text::uuid",
        answer.headers["x-request-id"],
    )
    return [tuple(row) for row in found]


@pytest.mark.requirement("AUDIT-FAILED-01")
async def test_whatever_one_may_read_and_not_change_leaves_what_was_tried(deployment: Deployment) -> None:
    owner, person = [await deployment.accounts.make(kind) for kind in ("owner", "member")]
    scopes = [name for name in EXTERNAL_SCOPE_NAMES if name.endswith((":read", ":read_personal"))]
    reader = await deployment.accounts.make("owner", scopes=scopes)
    words = dict((await deployment.furnish(owner, person, user=str(person.id))).words)
    # Names of what the contract makes by the way: here it is there from the start.
    words |= {
        "new_user": words["user"], "new_key": words["keyid"], "new_template": words["template"], "new_app": words["app"],
        "new_version": words["templateversion"], "new_build": words["workspacebuild"], "new_job": words["job"],
        "new_organization": words["organization"],
    }  # fmt: skip
    problems, seen = [], 0
    for call in CALLS:
        path = call.path.partition("?")[0]
        name, route = f"{call.method} {path}", route_of(call.method, path)
        wanted = TRAIL.get(route, "-")
        if call.method == "GET" or wanted.startswith("-") or path in NEEDS_NO_RIGHT or "/me/" in path:
            continue
        body = fill(BODIES.get(name, call.body), words | {"unique": unique_name(), "email": unique_email()})
        answer = await ask(deployment, reader, call.method, path.format_map(words), body)
        expected: list[Any] = (
            []
            if route.replace("/api/v2", "") in MAKING
            else [(OTHERWISE.get(name, wanted.split(" ")[0]), reader.id, 403, {})]
        )
        found = [(what, who, status, diff) for what, _, who, status, diff in await rows(deployment, answer)]
        seen += bool(expected)
        if answer.status != 403 or found != expected:
            problems.append(f"{name}: {answer.status} {answer.body[:200]!r}: {found} instead of {expected}")
    assert not problems, "\n".join(problems)
    assert seen > 40


async def ask(deployment: Deployment, person: Person | None, method: str, path: str, body: Any = None) -> Answer:
    """Send one request to the API."""
    headers = [(TOKEN, person.token)] if person else []
    sent = b"" if body is None else json.dumps(body).encode()
    return await send(deployment.asgi, method, f"/api/v2{path}", headers=headers, body=sent)


@pytest.mark.requirement("AUDIT-FAILED-02")
async def test_what_is_unknown_or_unreadable_and_what_is_no_request_at_all_leave_nothing(
    deployment: Deployment,
) -> None:
    owner, ann, bob = [await deployment.accounts.make(kind) for kind in ("owner", "member", "member")]
    words = (await deployment.furnish(owner, ann, user=str(ann.id))).words
    before = await deployment.db.fetchval("select count(*) from audit_logs")
    for person, status, method, path, body in (
        (owner, 404, "PATCH", f"/workspaces/{UNKNOWN_ID}", {"name": "x"}),
        (owner, 404, "DELETE", f"/templates/{UNKNOWN_ID}", None),
        (bob, 404, "PATCH", f"/workspaces/{words['workspace']}", {"name": "x"}),
        (bob, 404, "PUT", f"/users/{ann.id}/profile", {"username": "x"}),
        (None, 401, "PATCH", f"/workspaces/{words['workspace']}", {"name": "x"}),
        (owner, 400, "PATCH", f"/workspaces/{words['workspace']}", {"name": 7}),
        (owner, 404, "POST", "/nothing/here", {}),
    ):
        answer = await ask(deployment, person, method, path, body)
        assert answer.status == status, f"{method} {path}: {answer.body!r}"
    assert await deployment.db.fetchval("select count(*) from audit_logs") == before


@pytest.mark.requirement("AUDIT-FAILED-01")
async def test_refusals_of_every_kind_carry_their_status(deployment: Deployment) -> None:
    owner, ann = [await deployment.accounts.make(kind) for kind in ("owner", "member")]
    words = (await deployment.furnish(owner, ann, user=str(ann.id))).words
    workspace, template = words["workspace"], words["template"]
    other = await deployment.ask(
        ann, "POST", "/users/me/workspaces", {"name": unique_name("ws"), "template_id": template}
    )
    for person, status, method, path, body, entry in (
        (ann, 400, "PATCH", f"/workspaces/{workspace}", {"name": "no name!"}, ("workspace:write", workspace)),
        (ann, 409, "PATCH", f"/workspaces/{workspace}", {"name": other["name"]}, ("workspace:write", workspace)),
        (ann, 409, "POST", f"/workspaces/{other['id']}/builds", {"transition": "start"}, ("workspace_build:start", other["id"])),
        (owner, 400, "DELETE", f"/templates/{template}", None, ("template:delete", template)),
        (owner, 400, "PUT", f"/users/{owner.id}/roles", {"roles": []}, ("user:write", str(owner.id))),
        (ann, 400, "PUT", f"/users/{ann.id}/password", {"password": PASSWORD}, ("user:write", str(ann.id))),
    ):  # fmt: skip
        answer = await ask(deployment, person, method, path, body)
        assert answer.status == status, f"{method} {path}: {answer.body!r}"
        ((what, about, who, code, diff),) = await rows(deployment, answer)
        assert (what, str(about), who, code, diff) == (*entry, person.id, status, {}), path


@pytest.mark.requirement("AUDIT-FAILED-01")
async def test_sign_ins_of_known_people_that_fail_are_told(deployment: Deployment) -> None:
    first = {"email": unique_email(), "username": unique_name(), "password": PASSWORD}
    made = await deployment.ask(None, "POST", "/users/first", first)
    wrong = await ask(deployment, None, "POST", "/users/login", {"email": first["email"], "password": "not-this-one"})
    ((what, about, who, status, diff),) = await rows(deployment, wrong)
    assert (what, str(about), str(who), status, diff) == ("api_key:login", made["user_id"], made["user_id"], 401, {})
    # An unknown account takes the same writing, so that no clock tells it from a known one, and says nothing of what was typed.
    unknown = {"email": unique_email(), "password": "not-this-one"}
    answer = await ask(deployment, None, "POST", "/users/login", unknown)
    ((what, about, who, status, diff),) = await rows(deployment, answer)
    assert (what, about, who, status, diff) == ("api_key:login", NIL_ID, NIL_ID, 401, {})
    await deployment.db.execute("update users set status = 'suspended' where not is_system")
    right = {"email": first["email"], "password": PASSWORD}
    ((what, _, who, status, _),) = await rows(deployment, await ask(deployment, None, "POST", "/users/login", right))
    assert (what, str(who), status) == ("api_key:login", made["user_id"], 401)


@pytest.mark.requirement("AUDIT-FAILED-01")
async def test_pages_and_tools_leave_what_they_tried_like_the_api(deployment: Deployment) -> None:
    owner, ann = [await deployment.accounts.make(kind) for kind in ("owner", "member")]
    words = (await deployment.furnish(owner, ann, user=str(ann.id))).words
    name = words["workspacename"]
    call = {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "coder_create_workspace_build", "arguments": {
            "workspace_id": words["workspace"], "transition": "start",
            "template_version_id": words["fresh_version"],
        }},
    }  # fmt: skip
    headers = {**ann.headers, "Host": "127.0.0.1:1", "Accept": "application/json, text/event-stream"}
    answer = await deployment.api.raw("POST", "/mcp", headers=headers, json=call)
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["isError"], answer.text
    found = await deployment.db.fetch(
        "select resource_type, action, status_code, resource_target from audit_logs where request_id = $1::text::uuid",
        answer.headers["x-request-id"],
    )
    assert [tuple(row) for row in found] == [("workspace_build", "start", 400, name)]


class Fails:
    """An application that declares, then answers or breaks."""

    def __init__(self, status: int, *, is_declared: bool = True, method: str = "POST") -> None:
        self.status, self.is_declared = status, is_declared

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.is_declared:
            about = AuditResource(new_id(), "dev")
            attempt("workspace", subject_id=new_id(), action=AuditAction.WRITE, resource=about)
        if self.status == 0:
            raise RuntimeError
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.mark.requirement("AUDIT-FAILED-01", "AUDIT-FAILED-02")
@pytest.mark.parametrize(
    ("status", "method", "is_declared", "recorded"),
    [
        (500, "POST", True, [500]), (403, "DELETE", True, [403]), (401, "PUT", True, [401]), (0, "POST", True, [500]),
        (404, "POST", True, []), (200, "POST", True, []), (403, "POST", False, []), (403, "GET", True, []),
    ],
)  # fmt: skip
async def test_what_the_layer_writes(
    db: Database, status: int, method: str, is_declared: bool, recorded: list[int]
) -> None:
    layer, sent = Attempts(Fails(status, is_declared=is_declared), db), []

    async def take(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent.append(await db.fetchval("select count(*) from audit_logs"))

    try:
        await layer({"type": "http", "method": method, "path": "/x"}, None, take)  # type: ignore[arg-type]
    except RuntimeError:
        assert status == 0
    found = await db.fetch("select status_code from audit_logs")
    assert [row["status_code"] for row in found] == recorded
    assert sent in ([], [len(recorded)]), "written before the client hears of it"


@pytest.mark.requirement("AUDIT-FAILED-01")
async def test_a_change_that_was_committed_is_told_once(db: Database) -> None:
    trail = begin()
    attempt("workspace", subject_id=new_id(), action=AuditAction.WRITE, resource=AuditResource(new_id(), "dev"))
    trail.is_recorded = True
    await record_failure(db, trail, 500)
    assert await db.fetchval("select count(*) from audit_logs") == 0


async def test_outside_of_requests_nothing_is_kept() -> None:
    trail = Trail()
    note_failure(500)
    assert (trail.failure, trail.attempt) == (0, None)
