"""Whatever stands in a request, the answer is a refusal that says what was wrong, or the thing is done: never a 500.

The routes come from the application and their fields from its OpenAPI document, so a new route is swept when it is there.
"""

from typing import Any

import pytest

from tests.homeport.server.deployment import Deployment
from tests.homeport.server.driver import send
from tests.homeport.server.hostile import UNKNOWN_ID
from tests.homeport.server.routes import Route, all_routes, described_by
from tests.homeport.server.sweep import Sweep, shape_problems
from tests.support.accounts import Person
from tests.support.logging import ErrorLog

# First parts of paths below /api/v2; what is in none of them belongs to the last.
GROUPS = (
    ("users",),
    ("organizations",),
    ("provisionerjobs",),
    ("templates", "templateversions"),
    ("workspaces", "workspacebuilds"),
    ("workspaceagents",),
    ("oauth2-provider",),
    (),
)
# Not done even with a good body: there is a first user, and nobody has this password, nor this code.
REFUSED = {
    "POST /api/v2/users/first": 409, "POST /api/v2/users/login": 401, "POST /api/v2/users/{user}/convert-login": 403,
    "POST /api/v2/users/otp/change-password": 400,
}  # fmt: skip
TOKEN = "coder-session-token"
# They would end the sweep; tests/homeport/identity/test_own_sessions.py has odd ways to ask for the latter.
SIGNING_OUT = {"POST /api/v2/users/logout", "DELETE /api/v2/users/{user}/sessions"}


def api_routes(deployment: Deployment) -> list[Route]:
    """List the API routes that take requests, but those by which one signs out."""
    return [
        route
        for route in all_routes(deployment.app)
        if route.is_api and route.method != "WS" and str(route) not in SIGNING_OUT
    ]


def routes_of(deployment: Deployment, group: tuple[str, ...]) -> list[Route]:
    """List the API routes of a group."""
    known = {part for parts in GROUPS for part in parts}
    parts = [([*route.path.split("/"), ""][3], route) for route in api_routes(deployment)]
    return [route for part, route in parts if (part in group if group else part not in known)]


@pytest.mark.requirement("HTTP-BAD-INPUT-01", "HTTP-BAD-INPUT-02")
@pytest.mark.identities("owner", "member")
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: "-".join(group) or "others")
async def test_bad_input_is_refused_by_name(
    deployment: Deployment, error_log: ErrorLog, identity: Person, group: tuple[str, ...]
) -> None:
    components: dict[str, Any] = described_by(deployment.app)["components"]["schemas"]
    is_owner = identity.kind == "owner"
    admin = identity if is_owner else await deployment.accounts.make("owner")
    # What a member sends takes the same way to the point where it is decided; a part of it finds what lies behind.
    sweep = Sweep(deployment, error_log, admin, identity, every=1 if is_owner else 4)
    await sweep.furnish()
    for route in routes_of(deployment, group):
        if route.is_changing:
            await sweep.furnish()
        if route.body is not None:
            status = await sweep.try_good(route)
            assert not is_owner or REFUSED.get(str(route), status) == status < 300 or str(route) in REFUSED, route
            await sweep.try_bodies(route)
            await sweep.try_fields(route, components)
        await sweep.try_queries(route)
        await sweep.try_paths(route)
    assert not sweep.problems, "\n".join(sweep.problems)
    # What was odd and is stored now must not break those who read it.
    for route in api_routes(deployment) if is_owner else ():
        if route.method == "GET" and not set(route.names) - {"organization"} and route.access.credential == "user":
            # The values of no claim are none.
            asked = "?claimField=groups" if route.path.endswith("/field-values") else ""
            target = route.path.replace("{organization}", "default") + asked
            answer = await send(deployment.asgi, "GET", target, headers=[(TOKEN, admin.token)])
            assert answer.status == 200, f"{target}: {answer.body[:300]!r}"


@pytest.mark.requirement("HTTP-BAD-INPUT-02")
async def test_a_body_beyond_the_limit_is_refused_whether_its_length_is_told_or_not(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    body = b'{"email":"' + b"x" * 1024 * 1024 + b'"}'
    for headers in ([], [("transfer-encoding", "chunked")]):
        answer = await send(
            deployment.asgi, "POST", "/api/v2/users", headers=[(TOKEN, owner.token), *headers], body=body,
            has_length=not headers,
        )  # fmt: skip
        assert (answer.status, answer.json()) == (413, {"message": "The request body is too large."})


@pytest.mark.requirement("HTTP-UNKNOWN-01")
async def test_unknown_routes_and_methods_answer_json(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    for target in (
        "/api",
        "/api/v2/nothing",
        "/api/v3/users",
        "/api/v2/users/me/nothing/at/all",
        "/api/v2/%00",
        "/api/%FF",
    ):
        answer = await send(deployment.asgi, "GET", target, headers=[(TOKEN, owner.token)])
        assert (answer.status, answer.json()["message"]) == (404, "Route not found."), target
    routes = api_routes(deployment)
    for path in {route.path for route in routes}:
        allowed = {route.method for route in routes if route.path == path}
        method = next(one for one in ("PATCH", "PUT", "DELETE", "GET") if one not in allowed)
        route = Route(method, path, routes[0].access)
        target = path.format_map(dict.fromkeys(route.names, UNKNOWN_ID))
        answer = await send(deployment.asgi, method, target, headers=[(TOKEN, owner.token)])
        assert answer.status in {400, 401, 404, 405}, f"{method} {path}: {answer.status} {answer.body!r}"
        assert not list(shape_problems(route, answer)), f"{method} {path}: {answer.body!r}"


@pytest.mark.requirement("HTTP-BAD-INPUT-01")
@pytest.mark.parametrize(
    "token", ["\x00", "\xff" * 40, "a" * 100_000, "aaaaaaaaaa-" + "a" * 22], ids=lambda token: repr(token[:14])
)
async def test_odd_credentials_are_refused_wherever_one_is_asked_for(deployment: Deployment, token: str) -> None:
    names = (TOKEN, "homeport-job-token", "coder-provisioner-daemon-psk", "coder-provisioner-daemon-key")
    for route in api_routes(deployment):
        if route.access.credential in {"public", "optional"}:
            continue
        target = route.path.format_map(dict.fromkeys(route.names, UNKNOWN_ID))
        for name in names if route.access.credential in {"job", "provisioner"} else names[:1]:
            answer = await send(deployment.asgi, route.method, target, headers=[(name, token)], body=b"{}")
            assert answer.status in {400, 401, 403, 404}, f"{route}: {answer.status} {answer.body!r}"
            assert not list(shape_problems(route, answer)), f"{route}: {answer.body!r}"
