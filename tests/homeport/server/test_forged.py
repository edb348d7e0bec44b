"""No unsafe route and no form does what a page of another site asks a browser for, whatever cookies the browser adds."""

from collections.abc import Mapping, Sequence

import pytest

from homeport.access.rules import CSRF_GENERAL, CSRF_MISMATCH
from tests.homeport.server.deployment import Deployment, Places, asking
from tests.homeport.server.driver import Answer, send
from tests.homeport.server.routes import Route, all_routes

FORM = "application/x-www-form-urlencoded"
CSRF = "c" * 43
FOREIGN: Sequence[Sequence[tuple[str, str]]] = (
    [("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")],
    [("sec-fetch-site", "same-site"), ("origin", "https://app.127.0.0.1")],
    [("origin", "https://evil.test")],
    [("origin", "http://127.0.0.1:2")],
)
# Exempt by exact path (identity 8.1): reports do nothing but be logged; the other is a way in, which has a test of its own.
EXEMPT = {"/api/v2/csp/reports", "/api/v2/users/first"}
WAYS_IN = ("/api/v2/users/login", "/api/v2/users/first")
PAGES_IN = ("/login", "/setup")
QUIET = {"/login", "/oauth2/authorize", "/oauth2/device/verify", "/reset-password", "/reset-password/change"}
# What no cookie opens: tokens in headers, or a body that proves itself.
_UNCOOKED = {"scim"}
# Made by the same page for each form; the walk goes over these pages besides.
_WORDS = {
    "handle": "me", "name": "dev", "key": "abcdefghij", "grant": "", "secret": "", "role": "any", "user": "me",
    "organization": "default", "path": "x", "code": "x", "session": "abcdefghij", "provider": "github",
}  # fmt: skip


def unsafe(deployment: Deployment) -> list[Route]:
    """List the routes that change something and that a browser's cookie could open."""
    return [
        one
        for one in all_routes(deployment.app)
        if one.is_changing and not one.access.has_cors and one.access.credential not in _UNCOOKED
    ]


def target(route: Route, places: Mapping[str, str]) -> str:
    """Fill a path; ids that do not exist will do, since nothing is to be looked up before the refusal."""
    nil = "00000000-0000-0000-0000-000000000000"
    return route.path.format_map({name: _WORDS.get(name) or places.get(name) or nil for name in route.names})


def is_refused(route: Route, answer: Answer) -> bool:
    """Tell whether an answer is the one for forged requests: plain text for programs and pages alike."""
    return answer.status == 400 and answer.kind == "text/plain" and answer.body.decode().strip() == CSRF_GENERAL


@pytest.mark.requirement("CSRF-WALK-01", "M25")
@pytest.mark.timeout(180)
async def test_each_unsafe_route_refuses_what_comes_with_the_cookies_alone(deployment: Deployment) -> None:
    person = await deployment.accounts.make("owner")
    places = Places({}, {}, "", "")
    problems, count = [], 0
    cookie = ("cookie", f"coder_session_token={person.token}; csrf_token={CSRF}")
    for route in unsafe(deployment):
        address = target(route, places.words)
        for more in ([], *FOREIGN):
            count += 1
            kind = "text/plain" if route.is_api else FORM
            answer = await send(deployment.asgi, route.method, address, headers=[cookie, *more], body=b"{}", kind=kind)
            if route.path in EXEMPT:
                continue
            if not route.is_api and not more:
                # Nothing says that it is a browser's; the form's own token is missing.
                if answer.status not in {400, 403, 404, 422} and not _is_unknown(answer):
                    problems.append(f"{route} without its token: {answer.status} {answer.body[:80]!r}")
            elif not is_refused(route, answer):
                problems.append(f"{route} {more}: {answer.status} {answer.body[:80]!r}")
    assert problems == []
    assert count > 500


def _is_unknown(answer: Answer) -> bool:
    """Tell whether the page sends the browser to where it begins again, which a stranger's form may cause."""
    return answer.status == 303 and answer.headers["location"].startswith(("/login", "/oauth2/"))


@pytest.mark.requirement("CSRF-WALK-01", "M25")
async def test_the_mismatch_is_named_at_every_route_of_the_api_only_where_two_tokens_differ(
    deployment: Deployment,
) -> None:
    person, other = await deployment.accounts.make("owner"), await deployment.accounts.make()
    cookie = ("cookie", f"coder_session_token={person.token}")
    for route in unsafe(deployment):
        if not route.is_api or route.path in EXEMPT:
            continue
        for header, expected in ((other.token, CSRF_MISMATCH), ("", CSRF_GENERAL)):
            headers = [cookie, ("coder-session-token", header)]
            answer = await send(deployment.asgi, route.method, target(route, {}), headers=headers, body=b"{}")
            assert (answer.status, answer.body.decode().strip()) == (400, expected), f"{route} {header}"


@pytest.mark.requirement("CSRF-WALK-01")
async def test_each_form_of_a_page_wants_the_token_of_its_page(deployment: Deployment) -> None:
    """Signing in, out and up among them: with the cookie of another page's token nothing happens."""
    person = await deployment.accounts.make("owner")
    forms = [one for one in all_routes(deployment.app) if one.is_changing and one.access.is_page]
    assert {"/login", "/logout", "/setup", "/oauth2/authorize"} <= {one.path for one in forms}
    for route in forms:
        for session in ([], [f"coder_session_token={person.token}"]):
            cookies = "; ".join([*session, f"csrf_token={CSRF}"])
            for body in (b"", b"csrf_token=", b"csrf_token=" + b"d" * 43, b"decision=allow&csrf_token=" + b"d" * 43):
                headers = [("cookie", cookies), ("sec-fetch-site", "same-origin")]
                answer = await send(
                    deployment.asgi, route.method, target(route, {}), headers=headers, body=body, kind=FORM
                )
                is_sent_away = answer.status == 303 and answer.headers["location"].startswith(
                    ("/login?", "/setup", "/oauth2/")
                )
                assert is_sent_away or 400 <= answer.status < 500, f"{route} {session} {body!r}: {answer.status}"
                assert (
                    "set-cookie" not in answer.headers
                    or "coder_session_token=" not in answer.headers["set-cookie"]
                    or (is_sent_away)
                ), route
    assert (await deployment.api.call(person, "GET", "/users/me")).status_code == 200, "nobody was signed out"


@pytest.mark.requirement("CSRF-PATHS-01")
@pytest.mark.parametrize(
    "path",
    [
        "//api/v2/users/me/keys", "/api//v2/users/me/keys", "/api/v2/users/me/keys/", "/api/v2/./users/me/keys",
        "/api/v2/csp/reports/../../users/me/keys", "/API/v2/users/me/keys", "/api/v2/users/me/keys?x=/api/v2/csp/reports",
        "/api/v2/users/me/keys;/api/v2/csp/reports", "/%61pi/v2/users/me/keys", "/api%2fv2/users/me/keys", "/./api/v2/users/me/keys",
        "/api/v2/users/me/keys#/api/v2/users/first", "/api/v2/csp/reports%2f..%2f..%2fusers/me/keys", "/x/../api/v2/users/me/keys",
    ],
)  # fmt: skip
async def test_no_way_of_writing_a_path_is_exempt(deployment: Deployment, path: str) -> None:
    person = await deployment.accounts.make()
    cookie = ("cookie", f"coder_session_token={person.token}")
    answer = await send(deployment.asgi, "POST", path, headers=[cookie])
    assert 400 <= answer.status < 500, answer
    assert await deployment.db.fetchval("select count(*) from api_keys") == 1


@pytest.mark.requirement("CSRF-LOGIN-01")
@pytest.mark.parametrize("path", WAYS_IN)
@pytest.mark.parametrize("more", FOREIGN)
async def test_a_foreign_page_neither_signs_in_nor_makes_the_first_user(
    deployment: Deployment, path: str, more: Sequence[tuple[str, str]]
) -> None:
    body = b'{"email": "a@homeport.test", "username": "ada", "password": "a-Long-Passphrase-4711", "x": "="}'
    answer = await send(deployment.asgi, "POST", path, headers=more, body=body, kind="text/plain")
    assert (answer.status, answer.body.decode().strip()) == (400, CSRF_GENERAL)
    assert await deployment.db.fetchval("select count(*) from users where not is_system") == 0


@pytest.mark.requirement("CSRF-LOGIN-01")
@pytest.mark.parametrize("path", PAGES_IN)
@pytest.mark.parametrize("more", FOREIGN)
async def test_a_foreign_page_cannot_use_the_forms_even_with_a_token_that_it_has_planted(
    deployment: Deployment, path: str, more: Sequence[tuple[str, str]]
) -> None:
    body = f"csrf_token={CSRF}&email=a%40homeport.test&username=ada&password=a-Long-Passphrase-4711".encode()
    headers = [("cookie", f"csrf_token={CSRF}"), *more]
    answer = await send(deployment.asgi, "POST", path, headers=headers, body=body, kind=FORM)
    assert (answer.status, answer.body.decode().strip()) == (400, CSRF_GENERAL)
    assert await deployment.db.fetchval("select count(*) from users where not is_system") == 0


@pytest.mark.requirement("CSRF-WALK-01")
async def test_forms_of_pages_without_referrer_work_where_browsers_say_no_more_than_that(
    deployment: Deployment,
) -> None:
    """Over plain http beyond loopback no Sec-Fetch-Site comes, and of pages that send no referrer Origin says "null"."""
    person = await deployment.accounts.make("owner")
    known = await deployment.application(person, person)
    places = await deployment.furnish(person, person, user=person.username)
    cookie = ("cookie", f"coder_session_token={person.token}; csrf_token={CSRF}")
    changing = {one.path for one in all_routes(deployment.app) if one.method == "POST" and one.access.is_page}
    quiet: set[str] = set()
    for route in all_routes(deployment.app):
        if route.method != "GET" or not route.access.is_page or route.path not in changing:
            continue
        query = f"?{asking(known['client_id'])}" if route.path == "/oauth2/authorize" else ""
        for headers in ([cookie], []):
            address = target(route, places.words) + query
            page = await send(deployment.asgi, "GET", address, headers=[*headers, ("accept", "text/html")])
            if page.headers["referrer-policy"] == "no-referrer":
                quiet.add(route.path)
    assert quiet == QUIET
    for path in changing:
        route = next(one for one in all_routes(deployment.app) if one.path == path and one.method == "POST")
        headers = [cookie, ("origin", "null")]
        answer = await send(deployment.asgi, "POST", target(route, places.words), headers=headers, body=b"", kind=FORM)
        assert is_refused(route, answer) == (path not in quiet), path


@pytest.mark.requirement("CSRF-LOGIN-01")
@pytest.mark.parametrize(
    "more",
    [[], [("sec-fetch-site", "same-origin")], [("sec-fetch-site", "none")], [("origin", "http://127.0.0.1:1")]],
)
async def test_our_own_pages_and_programs_find_the_way_in(deployment: Deployment, more: list[tuple[str, str]]) -> None:
    body = b'{"email": "a@homeport.test", "username": "ada", "password": "a-Long-Passphrase-4711"}'
    assert (await send(deployment.asgi, "POST", WAYS_IN[1], headers=more, body=body)).status == 201
    assert (await send(deployment.asgi, "POST", WAYS_IN[0], headers=more, body=body)).status == 201
