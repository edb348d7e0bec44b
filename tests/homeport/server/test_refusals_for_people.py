"""Nobody is shown JSON by a browser: what pages and ways through providers refuse is a page for people, and JSON for programs."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from homeport.database import Database, Listener
from homeport.proxies.service.hosts import HostCache
from homeport.server.edge import Edge
from tests.homeport.server.deployment import Deployment
from tests.homeport.server.driver import Answer, send

FORM = "application/x-www-form-urlencoded"
CSRF = "c" * 43
HTML = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
JSON = ("accept", "application/json")
OIDC, GITHUB = "/api/v2/users/oidc/callback", "/api/v2/users/oauth2/github/callback"
# Method, address, and the status for who has no session.
REFUSED = [
    ("GET", "/nowhere", 404),
    ("GET", "/@ada/x/y/z/nowhere", 404),
    ("GET", "/%ff", 404),
    ("GET", "/login/device?state=abc", 400),
    ("DELETE", "/login", 405),
    ("PUT", "/account", 405),
    ("POST", "/workspaces", 405),
    ("POST", "/login", 400),
    ("POST", "/setup", 404),
    ("POST", "/reset-password", 400),
    ("POST", OIDC, 405),
    ("DELETE", GITHUB, 405),
    ("GET", "/oauth2/authorize?client_id=nobody", 401),
]
CALLED_BACK = [
    "", "?error=access_denied", "?code=x", "?code=x&state=y", "?state=y", "?code=%00&state=%ff", "?oidc_merge_state=mine",
    "?code=x&state=convert-" + "a" * 32,
]  # fmt: skip


@pytest.fixture
async def limited(db: Database) -> AsyncIterator[Deployment]:
    """The whole application, with limits on."""
    listener = Listener(db.connect)
    await listener.start()
    made = Deployment(db, listener, dangerous_disable_rate_limits=False, login_rate_limit=1)
    yield made
    await made.close()
    await listener.stop()


def is_page(answer: Answer) -> bool:
    text = answer.body.decode()
    return answer.kind == "text/html" and text.lower().startswith("<!doctype html>") and "<h1>" in text


def is_json(answer: Answer) -> bool:
    found: Any = answer.json()
    return answer.kind == "application/json" and bool(found.get("message") or found.get("error_description"))


async def ask(asgi: Any, method: str, target: str, accept: tuple[str, str]) -> Answer:
    headers = [accept, ("cookie", f"csrf_token={CSRF}"), ("user-agent", "Mozilla/5.0")]
    return await send(asgi, method, target, headers=headers, kind=FORM)


@pytest.mark.requirement("ERRORS-PEOPLE-01")
@pytest.mark.parametrize(("method", "target", "status"), REFUSED)
async def test_people_get_a_page_and_programs_json(
    deployment: Deployment, method: str, target: str, status: int
) -> None:
    await deployment.accounts.make("owner")
    page = await ask(deployment.asgi, method, target, HTML)
    assert (page.status, is_page(page)) == (status, True), page
    told = await ask(deployment.asgi, method, target, JSON)
    assert (told.status, is_json(told)) == (status, True), told


@pytest.mark.requirement("ERRORS-PEOPLE-01")
@pytest.mark.parametrize("callback", [OIDC, GITHUB])
@pytest.mark.parametrize("query", CALLED_BACK)
async def test_people_come_from_a_callback_to_the_sign_in_page(
    deployment: Deployment, callback: str, query: str
) -> None:
    await deployment.accounts.make("owner")
    answer = await ask(deployment.asgi, "GET", callback + query, HTML)
    assert (answer.status, answer.headers["location"].partition("?")[0]) == (303, "/login")
    shown = await send(deployment.asgi, "GET", answer.headers["location"], headers=[HTML])
    assert is_page(shown)
    assert 'class="note' in shown.body.decode(), "it says why"
    told = await ask(deployment.asgi, "GET", callback + query, JSON)
    assert told.status >= 400
    assert is_json(told)


@pytest.mark.requirement("ERRORS-PEOPLE-01")
async def test_what_is_not_there_below_the_page_about_the_api_is_told_as_everywhere(deployment: Deployment) -> None:
    person = await deployment.accounts.make("owner")
    headers = [HTML, ("cookie", f"coder_session_token={person.token}")]
    below, elsewhere = [
        await send(deployment.asgi, "GET", f"/{top}/nowhere", headers=headers) for top in ("swagger", "x")
    ]
    assert (below.status, is_page(below)) == (404, True)
    assert below.body.replace(b"/swagger/", b"/x/") == elsewhere.body
    for path in ("/swagger", "/swagger/", "/swagger/index.html", "/swagger/openapi.json", "/swagger/doc.json"):
        assert (await send(deployment.asgi, "GET", path)).status == 200, path


@pytest.mark.requirement("ERRORS-PEOPLE-01")
async def test_bodies_too_long_and_too_many_attempts_are_pages(limited: Deployment) -> None:
    await limited.accounts.make("owner")
    body = b"csrf_token=" + b"c" * 2_000_000
    long = await send(limited.asgi, "POST", "/login", headers=[HTML], body=body, kind=FORM)
    assert (long.status, is_page(long)) == (413, True), long.status
    for path, method in (("/login", "POST"), (OIDC, "GET"), (GITHUB, "GET")):
        page = await ask(limited.asgi, method, path, HTML)
        assert (page.status, is_page(page)) == (429, True), page
        assert int(page.headers["retry-after"]) > 0, path
        told = await ask(limited.asgi, method, path, JSON)
        assert (told.status, is_json(told)) == (429, True), path
        assert int(told.headers["retry-after"]) > 0, path


@pytest.mark.requirement("ERRORS-PEOPLE-01")
@pytest.mark.expected_errors("nothing inside has answered")
@pytest.mark.parametrize("path", ["/workspaces", "/login", "/oauth2/authorize", OIDC, GITHUB])
async def test_even_what_nothing_inside_answers_is_a_page(db: Database, deployment: Deployment, path: str) -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("an inner word")

    settings = deployment.parts.settings
    asgi = Edge(broken, settings, HostCache(db, settings))
    page = await ask(asgi, "GET", path, HTML)
    assert (page.status, is_page(page)) == (500, True), page
    assert b"an inner word" not in page.body
    assert page.headers["x-request-id"] in page.body.decode()
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    told = await ask(asgi, "GET", path, JSON)
    assert (told.status, is_json(told)) == (500, True), told
    api = await ask(asgi, "GET", "/api/v2/users/me", HTML)
    assert (api.status, is_json(api)) == (500, True), "the API speaks JSON, whoever asks"
