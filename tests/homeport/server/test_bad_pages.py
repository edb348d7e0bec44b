"""Whatever stands in an address or a form, people get a page that says what is wrong: never a 500, never JSON."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, quote_from_bytes

import pytest
from litestar.connection import ASGIConnection
from litestar.datastructures import MultiDict

from tests.homeport.server.deployment import NOWHERE, Deployment, Places, asking
from tests.homeport.server.driver import Answer, Headers, send
from tests.homeport.server.hostile import BAD_QUERIES, BAD_SEARCHES, BAD_SEGMENTS, quoted
from tests.homeport.server.routes import Route, all_routes
from tests.support.accounts import Person
from tests.support.logging import ErrorLog

CSRF = "c" * 43
FORM = "application/x-www-form-urlencoded"
# Read from the address as it stands there, which nobody sees being asked for.
RAW_QUERIES = {"/oauth2/authorize": {"client_id", "redirect_uri", "scope", "resource", "response_type", "state"}}
FIELDS = (
    "username", "name", "email", "password", "old_password", "token_name", "lifetime", "redirect", "confirm", "update",
    "parameter.size", "parameter.", "user_status", "login_type", "roles", "callback_url", "client_type", "scope", "registration",
    "decision", "user_code", "display_name", "description", "icon", "avatar_url", "quota_allowance", "permission", "status",
    "organization_ids", "group.x", "user.x", "preset", "do", "weeks", "switches", "stop_days", "default_ttl_ms", "new_name", "new_content",
)  # fmt: skip
TEXTS = (
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe",
    b"a\nb",
    "\u202e\U0001f600".encode(),
    b"x" * 9000,
    b"-1",
    b"<script>",
    b"{{7*7}}",
)


def pages(deployment: Deployment) -> list[Route]:
    """List what people open in a browser; signing out would end the sweep."""
    return [
        route
        for route in all_routes(deployment.app)
        if not (route.is_api or route.is_protocol or route.is_scim) and route.path != "/logout"
    ]


def words(places: Places) -> Mapping[str, str]:
    """Return values of the pages' path parameters."""
    return {
        **places.words, "handle": "@me", "name": places.words["workspacename"], "number": "1", "digest": "x",
        "template": places.words["templatename"], "version": places.words["templateversionname"], "example": "shell",
        "id": places.words["fresh_version"], "key": places.words["keyid"],
        "group": places.words["groupname"], "role": places.words["rolename"],
    }  # fmt: skip


class Asked(MultiDict[Any]):
    """The values of an address's query; `names` are those that a page has looked for."""

    names: ClassVar[set[str]] = set()

    def get(self, key: str, default: Any = None) -> Any:
        """Note the name and return its first value."""
        self.names.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.names.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the names that pages look for in the query of an address, as they do it."""
    plain = vars(ASGIConnection)["query_params"].fget
    names: set[str] = set()
    monkeypatch.setattr(Asked, "names", names)
    monkeypatch.setattr(ASGIConnection, "query_params", property(lambda self: Asked(plain(self))))
    return names


def good(route: Route, known: Mapping[str, str]) -> str:
    """Return an address that shows something."""
    path = route.path.format_map(known)
    return f"{path}?{asking(known['client_id'])}" if path == "/oauth2/authorize" else path


def browser(person: Person) -> Headers:
    """Return the headers of a signed-in browser on a page of ours."""
    cookies = f"coder_session_token={person.token}; csrf_token={CSRF}"
    return [("cookie", cookies), ("origin", NOWHERE), ("accept", "text/html")]


def wrong(route: Route, what: str, answer: Answer, log: ErrorLog) -> list[str]:
    """Say what is wrong with an answer to a browser."""
    found = []
    if not 200 <= answer.status < 500:
        found.append("neither done nor refused")
    if log.records:
        found.append(f"an error was logged: {log.records.pop().getMessage()[:200]}")
    is_file = route.path.startswith(("/static", "/healthz", "/favicon"))
    if answer.status >= 400 and not is_file and answer.kind != "text/html":
        found.append(f"the refusal is {answer.kind}")
    if b"Traceback" in answer.body:
        found.append("tells of the inside")
    return [f"{route}: {what}: {problem}: {answer.status} {answer.body[:200]!r}" for problem in found]


@pytest.mark.requirement("HTTP-BAD-INPUT-03")
@pytest.mark.identities("owner", "member")
async def test_odd_addresses_get_a_page(
    deployment: Deployment, error_log: ErrorLog, identity: Person, asked: set[str]
) -> None:
    owner = identity if identity.kind == "owner" else await deployment.accounts.make("owner")
    known = words(await deployment.furnish(owner, identity, user="me"))
    problems: list[str] = []
    looked_for: set[str] = set()

    async def get(route: Route, target: str) -> None:
        answer = await send(deployment.asgi, "GET", target, headers=browser(identity))
        problems.extend(wrong(route, target[-80:], answer, error_log))

    for route in pages(deployment):
        if route.method != "GET":
            continue
        asked.clear()
        asked.update(RAW_QUERIES.get(route.path, ()))
        shown = good(route, known)
        await get(route, shown)
        for name in route.names:
            for text in BAD_SEGMENTS:
                await get(route, route.path.format_map({**known, name: text}))
        more = "&" if "?" in shown else "?"
        for text in BAD_QUERIES[::4]:
            await get(route, shown + more + "&".join(f"{name}={text}" for name in sorted(asked)))
        # What a page does not look for cannot harm it.
        for name in sorted(asked):
            for text in BAD_QUERIES[::4]:
                await get(route, f"{shown}{more}{name}={text}")
        for text in BAD_SEARCHES if "q" in asked else ():
            await get(route, f"{shown}{more}q={quoted(text)}")
        looked_for |= asked
    assert not problems, "\n".join(problems)
    assert {"q", "page", "notice", "organization", "preset", "show", "update"} <= looked_for


@pytest.mark.requirement("HTTP-BAD-INPUT-03")
@pytest.mark.identities("owner", "member")
async def test_odd_forms_get_a_page(deployment: Deployment, error_log: ErrorLog, identity: Person) -> None:
    owner = identity if identity.kind == "owner" else await deployment.accounts.make("owner")
    known = words(await deployment.furnish(owner, identity, user="me"))
    problems: list[str] = []
    for route in pages(deployment):
        if route.method != "POST":
            continue
        target = good(route, known)
        bodies = [(f"csrf_token={CSRF}&{filled(text)}".encode(), FORM) for text in TEXTS]
        bodies += [(f"csrf_token={CSRF}&{'a=b&' * 6000}".encode(), FORM), (f"csrf_token={CSRF}".encode(), FORM)]
        bodies += [
            (b"", FORM),
            (b"%", FORM),
            (b"\xff=\xff", FORM),
            (b"csrf_token=%00", FORM),
            (b"{}", "application/json"),
        ]
        bodies += [(b"--x", "multipart/form-data; boundary=x"), (b"--x", "multipart/form-data"), (b"x", "")]
        for body, kind in bodies:
            answer = await send(deployment.asgi, "POST", target, headers=browser(identity), body=body, kind=kind)
            problems += wrong(route, f"{kind} {body[-30:]!r}", answer, error_log)
        for name in route.names:
            for text in BAD_SEGMENTS:
                target = route.path.format_map({**known, name: text})
                body = f"csrf_token={CSRF}&confirm={quote(text)}".encode()
                answer = await send(deployment.asgi, "POST", target, headers=browser(identity), body=body, kind=FORM)
                problems += wrong(route, target[-80:], answer, error_log)
    assert not problems, "\n".join(problems)


def filled(text: bytes) -> str:
    """Return a form in which every field holds the text."""
    return "&".join(f"{name}={quote_from_bytes(text, safe='')}" for name in FIELDS)
