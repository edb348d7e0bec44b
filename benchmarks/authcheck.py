"""`POST /api/v2/authcheck` of 50 checks, by the service and through the server, as a member of a hundred organizations.

Forty checks name objects of five types, of which most are none of the member's; ten ask about kinds of objects.
"""

import asyncio
import http.client
import json
import statistics
import time
from typing import Any

import msgspec

from benchmarks.figures import Figure
from benchmarks.listing_seed import seed_tenants
from benchmarks.running import PASSWORD, RunningServer, running_server
from homeport.access.schemas import AuthorizationRequest
from homeport.access.service.checks import check_permissions
from homeport.access.service.sessions import Sessions
from homeport.config import Settings
from homeport.database import Database

_ORGANIZATIONS, _GROUPS, _WORKSPACES, _OWN = 100, 20, 5_000, 60
# The median of each series counts, and of these the best: what else the machine does then is not measured.
_SERIES, _ROUNDS, _GOAL = 5, 60, 3.0
# Eight of each type, asked about by one action.
_IDS = {
    ("workspace", "ssh"): "select id from workspaces order by md5(id::text) limit 8",
    ("template", "use"): "select id from templates order by md5(id::text) limit 8",
    ("organization", "update"): "select id from organizations order by md5(id::text) limit 8",
    ("group", "read"): "select id from groups order by md5(id::text) limit 8",
    ("user", "read"): "select id from users order by md5(id::text) limit 8",
}
_KINDS = ("workspace", "template", "group", "organization_member", "provisioner_daemon")


def run() -> list[Figure]:
    """Return milliseconds of fifty checks: decided here, with the database, and over HTTP."""
    with running_server(daemons=0) as server:
        member = {"email": "member@example.com", "username": "member", "password": PASSWORD}
        server.call("POST", "/users", member)
        seeding = seed_tenants(
            server.database_url(), organizations=_ORGANIZATIONS, joined=_ORGANIZATIONS, groups=_GROUPS,
            workspaces=_WORKSPACES, own=_OWN, people={"member": ["organization-auditor"]},
        )  # fmt: skip
        asyncio.run(seeding)
        token = str(
            server.call("POST", "/users/login", {"email": member["email"], "password": PASSWORD})["session_token"]
        )
        checks, service = asyncio.run(_through_service(server.database_url(), token))
        return [
            Figure("50 checks, service with its query", service * 1e3, "ms", _GOAL),
            Figure("50 checks, through the server", _through_server(server, token, checks) * 1e3, "ms", _GOAL),
        ]


async def _through_service(url: str, token: str) -> tuple[dict[str, Any], float]:
    db = Database(url, pool_size=1)
    try:
        checks: dict[str, Any] = {}
        for (type_, action), sql in _IDS.items():
            for row in await db.fetch(sql):
                named = {"resource_type": type_, "resource_id": str(row["id"])}
                checks[f"{type_} {row['id']}"] = {"object": named, "action": action}
        for type_ in _KINDS:
            for action in ("create", "read"):
                checks[f"{type_} {action}"] = {"object": {"resource_type": type_, "any_org": True}, "action": action}
        if len(checks) != 50:
            raise RuntimeError(f"{len(checks)} checks instead of 50")
        sessions = Sessions(db, Settings())
        subject = (await sessions.authenticate(token)).subject
        await sessions.close()
        request = msgspec.convert({"checks": checks}, AuthorizationRequest)
        times = []
        for _ in range(_SERIES * _ROUNDS):
            begun = time.perf_counter()
            await check_permissions(db, subject=subject, request=request)
            times.append(time.perf_counter() - begun)
        return checks, _typical(times)
    finally:
        await db.close()


def _through_server(server: RunningServer, token: str, checks: dict[str, Any]) -> float:
    body = json.dumps({"checks": checks})
    headers = {"Coder-Session-Token": token, "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    times = []
    for _ in range(_SERIES * _ROUNDS):
        begun = time.perf_counter()
        connection.request("POST", "/api/v2/authcheck", body=body, headers=headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        times.append(time.perf_counter() - begun)
        if answer.status != 200 or len(found) != 50 or set(found.values()) != {True, False}:
            raise RuntimeError(f"the server answered {answer.status} {found}")
    connection.close()
    return _typical(times)


def _typical(times: list[float]) -> float:
    return min(statistics.median(times[first : first + _ROUNDS]) for first in range(0, len(times), _ROUNDS))
