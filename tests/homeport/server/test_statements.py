"""What a request asks of the database: who is asking by one statement, and nothing twice (authorization-and-data 28)."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from homeport.access.queries import AUTHENTICATE
from tests.homeport.server.deployment import NOWHERE, Deployment
from tests.homeport.server.driver import send
from tests.homeport.server.routes import Route, all_routes
from tests.homeport.server.test_bad_pages import browser, good, pages, words
from tests.support.accounts import Person
from tests.support.statements import watch_statements

# The health check measures by the same statement five times; a connection that fails looks again for the reason.
REPEATING = {"/api/v2/debug/health", "/api/v2/workspaceagents/{workspaceagent}/listening-ports"}
# What agents send to MCP: what there is, and calls that read.
MESSAGES = [
    {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    for method, params in (
        ("tools/list", {}),
        ("tools/call", {"name": "coder_get_authenticated_user", "arguments": {}}),
        ("tools/call", {"name": "coder_list_workspaces", "arguments": {}}),
        ("tools/call", {"name": "coder_list_templates", "arguments": {}}),
    )
]


@pytest.mark.requirement("ACCESS-QUERY-02")
async def test_every_read_authenticates_by_one_statement_and_repeats_none(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await deployment.accounts.make("owner")
    places = await deployment.furnish(owner, owner, user="me")
    routes = [
        route for route in all_routes(deployment.app)
        if route.is_api and route.method == "GET" and route.access.credential == "user" and "watch" not in route.path
    ]  # fmt: skip
    assert len(routes) > 50
    tools = [route for route in all_routes(deployment.app) if route.access.resource is not None and route.is_changing]
    assert tools
    seen = watch_statements(deployment.db, monkeypatch)
    problems, answered = [], 0
    for route, message in [(route, None) for route in routes] + [(route, one) for route in tools for one in MESSAGES]:
        seen.clear()
        answer = await _ask(deployment, route, owner, places.words, message)
        # Statements are told of in a later turn of the loop.
        await asyncio.sleep(0)
        assert message is None or answer.status_code == (200 if route.method == "POST" else 405), answer.text
        answered += message is None and answer.status_code == 200
        repeated = {query for query, arguments in seen if seen.count((query, arguments)) > 1}
        if [query for query, _ in seen].count(AUTHENTICATE) != 1 or (repeated and route.path not in REPEATING):
            problems.append((str(route), answer.status_code, len(seen), repeated))
    assert problems == []
    assert answered > len(routes) * 0.8


@pytest.mark.requirement("ACCESS-QUERY-02")
async def test_every_page_recognises_its_reader_by_one_statement(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await deployment.accounts.make("owner")
    known = words(await deployment.furnish(owner, owner, user="me"))
    shown = [one for one in pages(deployment) if one.method == "GET" and one.access.credential in {"user", "optional"}]
    assert len(shown) > 20
    seen = watch_statements(deployment.db, monkeypatch)
    for route in shown:
        seen.clear()
        await send(deployment.asgi, "GET", good(route, known), headers=browser(owner))
        await asyncio.sleep(0)
        assert [query for query, _ in seen].count(AUTHENTICATE) == 1, route


async def _ask(
    deployment: Deployment, route: Route, owner: Person, known: Mapping[str, str], message: Any
) -> httpx.Response:
    more = {} if message is None else {"json": message}
    host = NOWHERE.partition("://")[2]
    headers = {**owner.headers, "Host": host, "Accept": "application/json, text/event-stream"}
    return await deployment.api.raw(route.method, route.path.format_map(known), headers=headers, **more)
