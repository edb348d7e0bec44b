"""Every route that changes something is used once with success, and leaves exactly the entries that a table says."""

import json
import re
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from homeport.kit import clock
from homeport.kit.crypto import hash_token
from tests.homeport.server.deployment import CALLBACK, PSK, Deployment, Places
from tests.homeport.server.driver import Answer, Headers, send
from tests.homeport.server.reference import CALLS
from tests.homeport.server.routes import described_by
from tests.homeport.server.samples import PASSWORD, fill, sample
from tests.homeport.server.test_contract import REMEMBERED, STANDS_FOR, token_of
from tests.homeport.server.trail import ELSEWHERE, TRAIL
from tests.support.accounts import Person
from tests.support.archives import pack
from tests.support.names import unique_email, unique_name

TOKEN = "coder-session-token"
FORM = "application/x-www-form-urlencoded"
# Where what the contract sends would change nothing.
BODIES: dict[str, Any] = {
    "PATCH /templates/{template}/acl": {"user_perms": {"{user}": "use"}},
    "PUT /workspaces/{workspace}/dormant": {"dormant": True},
    "PUT /oauth2-provider/settings": {"dynamic_client_registration_enabled": False},
    "PUT /organizations/{organization}/members/{user}/roles": {"roles": ["organization-auditor"]},
    "PUT /organizations/{organization}/members/roles": {"name": "{rolename}", "display_name": "Better"},
}
AGENT_BODIES = {
    "POST /workspaceagents/me/app-health": "PostAppHealthRequest",
    "POST /workspaceagents/me/lifecycle": "PostLifecycleRequest",
    "POST /workspaceagents/me/metadata": "PostMetadataRequest",
    "POST /workspaceagents/me/script-timings": "ScriptTimingRequest",
    "POST /workspaceagents/me/startup": "PostStartupRequest",
    "POST /workspaceagents/me/stats": "AgentStats",
    "POST /workspaceagents/me/subagents": "CreateSubAgentRequest",
}
VERIFIER = "v" * 43


class Walk:
    """Uses routes, and holds what each leaves against the table."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.used: set[str] = set()
        self.problems: list[str] = []

    async def use(
        self, route: str, target: str, *, headers: Headers = (), body: Any = None, kind: str = "application/json"
    ) -> Answer:
        """Send one request and look at its entries. `route` is its line in the table."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        method = route.partition(" ")[0]
        before = await self.deployment.db.fetchval("select count(*) from audit_logs")
        answer = await send(self.deployment.asgi, method, target, headers=headers, body=sent, kind=kind)
        rows = await self.deployment.db.fetch(
            "select resource_type || ':' || action as what, status_code, diff from audit_logs where request_id = $1::text::uuid",
            answer.headers["x-request-id"],
        )
        more = await self.deployment.db.fetchval("select count(*) from audit_logs") - before - len(rows)
        if answer.status < 400:
            self.used.add(route)
            wanted = TRAIL.get(route, "not in the table")
            expected = Counter() if wanted.startswith("-") else Counter(wanted.split(" "))
            if Counter(row["what"] for row in rows) != expected or any(row["status_code"] >= 400 for row in rows):
                self.problems.append(f"{route}: {[row['what'] for row in rows]} instead of {wanted}")
        elif any(row["status_code"] != answer.status or row["diff"] for row in rows) or len(rows) != 1:
            self.problems.append(f"{route} failed by {answer.status}: {[tuple(row) for row in rows]} {answer.body!r}")
        if more:
            self.problems.append(f"{route}: {more} entries of no request")
        return answer


@pytest.mark.requirement("AUDIT-ROUTES-01")
async def test_every_changing_route_leaves_its_entries(deployment: Deployment) -> None:
    walk = Walk(deployment)
    await first_steps(walk)
    owner, person = [await deployment.accounts.make(kind) for kind in ("owner", "member")]
    places = await deployment.furnish(owner, person, user=str(person.id))
    await marks(walk, person, places)
    await agents(walk, places)
    await daemons(walk, places)
    await clients(walk, owner, person)
    await contract(walk, owner, places)
    assert not walk.problems, "\n".join(walk.problems)
    assert sorted(set(TRAIL) - walk.used - ELSEWHERE) == [], "used with success by nothing"


@pytest.mark.requirement("AUDIT-ROUTES-01")
async def test_no_changing_route_lacks_a_line(deployment: Deployment) -> None:
    paths = described_by(deployment.app)["paths"]
    found = {
        f"{method.upper()} {path}" for path, operations in paths.items() for method in operations
        if method in {"post", "put", "patch", "delete"}
    }  # fmt: skip
    assert found == set(TRAIL)


async def first_steps(walk: Walk) -> None:
    """Make the first user, and sign in and out."""
    who = {"email": unique_email(), "username": unique_name(), "password": PASSWORD}
    await walk.use("POST /api/v2/users/first", "/api/v2/users/first", body=who)
    who.pop("username")
    await walk.use("POST /api/v2/users/login", "/api/v2/users/login", body=who)
    await walk.deployment.db.execute(
        "update users set hashed_one_time_passcode = $2, one_time_passcode_expires_at = $3 where email = $1",
        who["email"], hash_token("code").hex(), clock.now() + timedelta(minutes=5),
    )  # fmt: skip
    changed = {"email": who["email"], "one_time_passcode": "code", "password": f"{PASSWORD}-anew"}
    await walk.use("POST /api/v2/users/otp/change-password", "/api/v2/users/otp/change-password", body=changed)


async def marks(walk: Walk, person: Person, places: Places) -> None:
    """What only the owner of a workspace does, an upload, and the end of somebody's only session."""
    headers = [(TOKEN, person.token)]
    target = f"/api/v2/workspaces/{places.words['workspace']}/favorite"
    for method in ("PUT", "DELETE"):
        await walk.use(f"{method} /api/v2/workspaces/{{workspace}}/favorite", target, headers=headers)
    archive = pack({"homeport.yaml": unique_name().encode()})
    await walk.use("POST /api/v2/files", "/api/v2/files", headers=headers, body=archive, kind="application/x-tar")
    other = await walk.deployment.accounts.make("member")
    route, sessions = "DELETE /api/v2/users/{user}/sessions", "/api/v2/users/me/sessions"
    await walk.use(route, sessions, headers=[(TOKEN, other.token)])
    grant = f"/api/v2/oauth2-provider/grants/{places.words['grant']}"
    await walk.use("DELETE /api/v2/oauth2-provider/grants/{grant}", grant, headers=headers)


async def agents(walk: Walk, places: Places) -> None:
    """What agents report."""
    for route, name in AGENT_BODIES.items():
        method, path = route.split(" ")
        headers = [(TOKEN, places.agent_token)]
        await walk.use(f"{method} /api/v2{path}", f"/api/v2{path}", headers=headers, body=sample(name, places.words))


async def daemons(walk: Walk, places: Places) -> None:
    """What daemons do; the dry run is what ends, for ends of builds and imports are recorded as the server's."""
    wanted = sample("AcquireJobRequest", places.words)
    route = "POST /api/v2/organizations/{organization}/provisionerdaemons/acquire"
    target = "/api/v2/organizations/default/provisionerdaemons/acquire"
    await walk.use(route, target, headers=[("coder-provisioner-daemon-psk", PSK)], body=wanted)
    steps: list[tuple[str, str, Any]] = [
        ("workspace_build", "update", {"logs": [{"output": "line", "created_at": "2026-01-01T00:00:00Z"}]}),
        ("workspace_build", "quota", {"daily_cost": 0}),
        ("template_import", "fail", {"error": "it broke"}),
        ("dry_run", "complete", {"dry_run": {}}),
    ]
    for kind, what, body in steps:
        job = places.jobs[kind]
        headers = [("homeport-job-token", job.token)]
        target = f"/api/v2/provisionerjobs/{job.id}/{what}"
        await walk.use(f"POST /api/v2/provisionerjobs/{{job}}/{what}", target, headers=headers, body=body)


async def clients(walk: Walk, owner: Person, person: Person) -> None:
    """Register clients by themselves and by an owner, and let them ask for tokens and give them back."""
    wanted = {"redirect_uris": [CALLBACK], "client_name": "Mine"}
    made = (await walk.use("POST /oauth2/register", "/oauth2/register", body=wanted)).json()
    own, target = (
        [("authorization", f"Bearer {made['registration_access_token']}")],
        f"/oauth2/clients/{made['client_id']}",
    )
    await walk.use(
        "PUT /oauth2/clients/{client_id}", target, headers=own, body={**wanted, "client_id": made["client_id"], "client_name": "Ours"}
    )  # fmt: skip
    await walk.use("DELETE /oauth2/clients/{client_id}", target, headers=own)
    kinds = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
    app = {"name": unique_name("app"), "redirect_uris": [CALLBACK], "grant_types": kinds}
    headers = [(TOKEN, owner.token)]
    made = (
        await walk.use("POST /api/v2/oauth2-provider/apps", "/api/v2/oauth2-provider/apps", headers=headers, body=app)
    ).json()
    secrets = f"/api/v2/oauth2-provider/apps/{made['id']}/secrets"
    secret = (await walk.use("POST /api/v2/oauth2-provider/apps/{app}/secrets", secrets, headers=headers)).json()
    proof = {"client_id": made["client_id"], "client_secret": secret["client_secret_full"]}
    await form(walk, "POST /oauth2/device", proof | {"scope": "workspace:read"})
    code = await allow(walk.deployment, person, made["client_id"])
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    pair = (await form(walk, "POST /oauth2/tokens", proof | asked)).json()
    await form(walk, "POST /oauth2/introspect", proof | {"token": pair["access_token"]})
    await form(walk, "POST /oauth2/revoke", proof | {"token": pair["access_token"]})
    target = f"/oauth2/tokens?{urlencode({'client_id': made['client_id']})}"
    await walk.use("DELETE /oauth2/tokens", target, headers=[(TOKEN, person.token)])


async def form(walk: Walk, route: str, fields: Mapping[str, str]) -> Answer:
    """Send a form to an endpoint of OAuth."""
    return await walk.use(route, route.partition(" ")[2], body=urlencode(fields).encode(), kind=FORM)


async def allow(deployment: Deployment, person: Person, client_id: str) -> str:
    """Let a person allow a client, and return the code."""
    challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code", "client_id": client_id, "redirect_uri": CALLBACK, "scope": "workspace:read",
        "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    headers = {**person.headers, "Accept": "*/*"}
    answer = await deployment.api.raw("POST", f"/oauth2/authorize?{urlencode(query)}", headers=headers)
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


async def contract(walk: Walk, owner: Person, places: Places) -> None:
    """Use what the contract names, in its order."""
    words = dict(places.words)
    for call in CALLS:
        path, _, query = call.path.partition("?")
        name = f"{call.method} {path}"
        body = BODIES.get(name, call.body)
        filled = fill(body, words | {"unique": unique_name(), "email": unique_email()})
        if name == "PATCH /workspaces/{workspace}":
            words["workspacename"] = filled["name"]
        target = "/api/v2" + path.format_map(words).rstrip("/") + (f"?{query.format_map(words)}" if query else "")
        headers = [(TOKEN, token_of(path, owner, places))]
        if call.method == "GET":
            continue
        if path.endswith("/versions/archive"):
            await walk.deployment.version(owner, template_id=words["template"])
        answer = await walk.use(route_of(call.method, path), target, headers=headers, body=filled)
        if answer.status != call.status:
            walk.problems.append(f"{name}: {answer.status} {answer.body!r}")
            continue
        for remembered, field in REMEMBERED.get(name, ()):
            value = str(answer.json()[field])
            words[remembered] = value.partition("-")[0] if field == "key" else value


def route_of(method: str, path: str) -> str:
    """Return the line in the table of a call of the contract, whose names of things made by the way are others."""
    named = re.sub(r"\{(\w+)\}", lambda found: f"{{{STANDS_FOR.get(found[1], found[1])}}}", path)
    return f"{method} /api/v2{named}"
