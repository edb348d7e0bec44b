"""`GET /api/v2/workspaces?limit=50`: of 1,000 and of 20,000 workspaces, and of 100,000 in 200 organizations as six people."""

import asyncio
import statistics
import time

from benchmarks.figures import Figure
from benchmarks.listing_seed import seed_plain, seed_tenants
from benchmarks.running import PASSWORD, RunningServer, running_server

_SMALL, _LARGE = 1_000, 20_000
_ORGANIZATIONS, _JOINED, _GROUPS, _WORKSPACES, _OWN = 200, 100, 20, 100_000, 60
_ROUNDS = 30
_GOAL = 30.0

# Username, roles of the deployment, roles in each of the organizations.
_PEOPLE: tuple[tuple[str, list[str], list[str]], ...] = (
    ("member", [], []),
    ("local-admin", [], ["organization-admin"]),
    ("local-template-admin", [], ["organization-template-admin"]),
    ("site-template-admin", ["template-admin"], []),
    ("site-auditor", ["auditor"], []),
)


def run() -> list[Figure]:
    """Return milliseconds of a page at both totals and their ratio, then of a page among many organizations by person."""
    with running_server(daemons=0) as server:
        asyncio.run(seed_plain(server.database_url(), 1, _SMALL))
        small = _measure(server)
        asyncio.run(seed_plain(server.database_url(), _SMALL + 1, _LARGE))
        large = _measure(server)
    with running_server(daemons=0) as server:
        tenants = _measure_tenants(server)
    return [
        Figure(f"50 of {_SMALL:,} workspaces", small * 1e3, "ms"),
        Figure(f"50 of {_LARGE:,} workspaces", large * 1e3, "ms"),
        Figure("large total against small", large / small, "times", 1.5),
        *tenants,
    ]


def _measure_tenants(server: RunningServer) -> list[Figure]:
    prepare(server)
    owner, figures = server.token, []
    figures.append(Figure(f"50 of {_WORKSPACES:,}: owner", _measure(server) * 1e3, "ms", _GOAL))
    for username, _, _ in _PEOPLE:
        server.token = _sign_in(server, username)
        name = f"50 of {_WORKSPACES:,}, {_JOINED} organizations: {username}"
        figures.append(Figure(name, _measure(server) * 1e3, "ms", _GOAL))
    server.token = owner
    return figures


def prepare(server: RunningServer) -> None:
    """Make the people and what they list."""
    for username, roles, _ in _PEOPLE:
        address = f"{username}@example.com"
        made = server.call("POST", "/users", {"email": address, "username": username, "password": PASSWORD})
        server.call("PUT", f"/users/{made['id']}/roles", {"roles": roles})
    asyncio.run(
        seed_tenants(
            server.database_url(),
            organizations=_ORGANIZATIONS,
            joined=_JOINED,
            groups=_GROUPS,
            workspaces=_WORKSPACES,
            own=_OWN,
            people={username: roles for username, _, roles in _PEOPLE},
        )
    )


def _sign_in(server: RunningServer, username: str) -> str:
    answer = server.call("POST", "/users/login", {"email": f"{username}@example.com", "password": PASSWORD})
    return str(answer["session_token"])


def _measure(server: RunningServer) -> float:
    times = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        page = server.call("GET", "/workspaces?limit=50")
        times.append(time.perf_counter() - begun)
        if len(page["workspaces"]) != 50:
            raise RuntimeError(f"expected a page of 50, got {len(page['workspaces'])}")
    return statistics.median(times)
