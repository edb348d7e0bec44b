"""What a request asks of the database: who is asking by one statement, and nothing twice (authorization-and-data 28)."""

import asyncio
from typing import Any

import pytest

from homeport.access.queries import AUTHENTICATE
from tests.homeport.server.deployment import Deployment
from tests.homeport.server.routes import all_routes

# The health check measures by the same statement five times; a connection that fails looks again for the reason.
REPEATING = {"/api/v2/debug/health", "/api/v2/workspaceagents/{workspaceagent}/listening-ports"}


@pytest.mark.requirement("ACCESS-QUERY-02")
async def test_every_read_authenticates_by_one_statement_and_repeats_none(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await deployment.accounts.make("owner")
    words = (await deployment.furnish(owner, owner, user="me")).words
    routes = [
        route for route in all_routes(deployment.app)
        if route.is_api and route.method == "GET" and route.access.credential == "user" and "watch" not in route.path
    ]  # fmt: skip
    assert len(routes) > 50
    seen = _watch(deployment, monkeypatch)
    problems, answered = [], 0
    for route in routes:
        seen.clear()
        answer = await deployment.api.raw("GET", route.path.format_map(words), headers=owner.headers)
        # Statements are told of in a later turn of the loop.
        await asyncio.sleep(0)
        answered += answer.status_code == 200
        repeated = {query for query, arguments in seen if seen.count((query, arguments)) > 1}
        if [query for query, _ in seen].count(AUTHENTICATE) != 1 or (repeated and route.path not in REPEATING):
            problems.append((str(route), answer.status_code, len(seen), repeated))
    assert problems == []
    assert answered > len(routes) * 0.8


def _watch(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return a list that statements and their arguments are added to from now on; those of transactions' ends are not."""
    seen: list[tuple[str, str]] = []
    watched: set[Any] = set()
    pool = deployment.db.pool
    acquire = pool.acquire

    def note(logged: Any) -> None:
        if logged.query not in {"BEGIN", "COMMIT", "ROLLBACK"}:
            seen.append((logged.query, repr(logged.args)))

    async def watch() -> Any:
        raw = await acquire()
        if raw not in watched:
            watched.add(raw)
            raw.add_query_logger(note)
        return raw

    monkeypatch.setattr(pool, "acquire", watch)
    return seen
