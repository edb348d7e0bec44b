"""The table of headers and cookies by class of route: written, read, and compared with the committed one (`header_table.txt`).

`python -m tests.homeport.server.header_table` writes the table again; read the difference before you commit it.

How it is asked: the whole application over https, one of everything in its database. Each route gets good requests of an owner,
of a plain member, of the program that it is for, and of a stranger, each of them from a page of another origin as well. Beside
routes stand addresses that no route has, wrong methods, bodies that are too long, forged requests, preflights and an error of
the inside. Of each answer the headers that browsers and caches go by are noted, by class of route and kind of status.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from homeport.identity.service.passwords import hash_password
from homeport.server.edge import Edge
from homeport.web.assets import static_url
from tests.homeport.server.deployment import Deployment
from tests.homeport.server.driver import Answer, Headers, knock, send
from tests.homeport.server.route_table import SELF, TOKEN, Walk, _body
from tests.homeport.server.routes import Route, all_routes
from tests.homeport.server.samples import PASSWORD

PATH: Final = Path(__file__).with_name("header_table.txt")
WRITE: Final = "HOMEPORT_WRITE_HEADER_TABLE"
HTTPS: Final = "https://127.0.0.1:1"
SCIM_TOKEN: Final = "s" * 40
ORIGIN: Final = ("origin", "https://evil.test")
ORIGIN_OWN: Final = ("origin", HTTPS)
CSRF: Final = "c" * 43
GITHUB: Final = "/api/v2/users/oauth2/github/callback"
FORM: Final = "application/x-www-form-urlencoded"
HEADER: Final = """\
# Which headers answers carry, by class of route and kind of status. Written by `python -m tests.homeport.server.header_table`,
# held by test_header_table.py. Read every difference: it is what browsers and caches are told of all answers of a class.
#
# Each block of a class is one set of headers that some of its answers carry. Policies stand at the end, by name.
"""
_WATCHED: Final = frozenset(
    {
        "cache-control", "clear-site-data", "content-security-policy", "permissions-policy", "pragma", "referrer-policy",
        "set-cookie", "strict-transport-security", "vary", "x-content-type-options", "x-frame-options",
    }
)  # fmt: skip
_NOTHING: Final[Mapping[str, tuple[str, str]]] = {
    "nothing: page": ("GET", "/nowhere"),
    "nothing: page below": ("GET", "/@nobody/nothing/nowhere/at/all"),
    "nothing: api": ("GET", "/api/v2/nowhere"),
    "nothing: api root": ("GET", "/api/nowhere"),
    "nothing: static": ("GET", "/static/nowhere.js"),
    "nothing: scim": ("GET", "/scim/v2/nowhere"),
    "nothing: oauth2": ("GET", "/oauth2/nowhere"),
    "nothing: well-known": ("GET", "/.well-known/nowhere"),
    "nothing: swagger": ("GET", "/swagger/nowhere"),
    "wrong method: page": ("DELETE", "/workspaces"),
    "wrong method: api": ("DELETE", "/api/v2/buildinfo"),
    "wrong method: head": ("HEAD", "/api/v2/buildinfo"),
    "preflight: api": ("OPTIONS", "/api/v2/users/me"),
    "preflight: page": ("OPTIONS", "/workspaces"),
    "preflight: oauth2 protocol": ("OPTIONS", "/oauth2/tokens"),
    "preflight: mcp": ("OPTIONS", "/mcp"),
    "preflight: authorize": ("OPTIONS", "/oauth2/authorize"),
}

Profile = frozenset[str]
Table = dict[str, dict[str, set[Profile]]]


def class_of(route: Route) -> str:
    """Return the class of a route by what it declares and where it is."""
    access = route.access
    if route.method == "WS":
        return f"websocket: {access.credential}"
    if access.resource is not None:
        return "mcp"
    if access.is_page:
        kind = "consent" if route.path.startswith("/oauth2/") else f"{access.credential}"
        return "page: sign-in" if route.path == "/login" else f"page: {kind}"
    if route.is_api:
        return f"api: {access.credential}{' with cors' if access.has_cors else ''}{', lasting' if access.lasts else ''}"
    if route.path.startswith("/static/") or route.path == "/favicon.ico":
        return "static"
    if route.path.startswith("/bin/"):
        return "bundles"
    top = next(part for part in route.path.split("/") if part)
    named = {".well-known": "well-known", "oauth2": "oauth2 protocol", "scim": "scim"}
    return f"{named[top]}: {access.credential}" if top in named else f"root: {route.path}"


class HeaderWalk:
    """Asks everything and notes what it gets: `table` by class, and `answers`, each with what was asked."""

    def __init__(self, deployment: Deployment, walk: Walk) -> None:
        self._deployment, self._asgi, self._app, self._walk = deployment, deployment.asgi, deployment.app, walk
        self.table: Table = {}
        self.answers: list[tuple[str, Answer]] = []

    async def everything(self) -> None:
        """Ask every route, and what no route has."""
        for route in all_routes(self._app):
            for headers in self._askers(route):
                await self._ask(route, headers)
                await self._ask(route, [*headers, ORIGIN])
        swagger = (
            ("swagger: page", "/swagger"),
            ("swagger: page", "/swagger/index.html"),
            ("swagger: document", "/swagger/openapi.json"),
        )
        for name, path in swagger:
            self._note(name, f"GET {path}", await send(self._asgi, "GET", path))
        for name, (method, path) in _NOTHING.items():
            asking: tuple[Headers, ...] = ((), (ORIGIN, ("access-control-request-method", "GET")))
            for more in asking:
                self._note(name, f"{method} {path}", await send(self._asgi, method, path, headers=more))
        await self._refusals()

    async def _refusals(self) -> None:
        long = await send(self._asgi, "POST", "/api/v2/users/login", body=b" " * 2_000_000)
        self._note("refused: too long", "too long", long)
        person = self._walk._people[SELF]
        assert person is not None
        cookie = ("cookie", f"__Host-coder_session_token={person.token}")
        for path in ("/api/v2/users/me/keys", "/logout"):
            forged = await send(self._asgi, "POST", path, headers=[cookie, ("sec-fetch-site", "cross-site")])
            self._note("refused: forged", f"forged {path}", forged)
        await self._ways_in()
        signed_out = await send(self._asgi, "POST", "/api/v2/users/logout", headers=[(TOKEN, person.token)])
        self._note("signing out", "signing out", signed_out)

    async def _provided(self, session: Headers) -> None:
        """Set out to a provider, as a browser and to convert an account, and come back with nothing that counts."""
        form = urlencode({"csrf_token": CSRF, "to_type": "github", "password": PASSWORD}).encode()
        cookies = "; ".join([session[0][1], f"__Host-csrf_token={CSRF}"])
        page = [("cookie", cookies), ("sec-fetch-site", "same-origin")]
        body = msgspec.json.encode({"to_type": "github", "password": PASSWORD})
        program = [(TOKEN, session[0][1].partition("=")[2])]
        asked: tuple[tuple[str, str, str, Headers, bytes, str], ...] = (
            ("departing", "GET", GITHUB, [], b"", ""),
            ("coming back refused", "GET", f"{GITHUB}?error=access_denied", [("accept", "text/html")], b"", ""),
            ("coming back refused: program", "GET", f"{GITHUB}?error=access_denied", [], b"", ""),
            ("converting: page", "POST", "/account/convert", page, form, FORM),
            ("converting: api", "POST", "/api/v2/users/me/convert-login", program, body, "application/json"),
        )  # fmt: skip
        for name, method, path, headers, sent, kind in asked:
            answer = await send(self._asgi, method, path, headers=headers, body=sent, kind=kind)
            self._note(f"provider: {name}", f"{method} {path}", answer)

    async def _ways_in(self) -> None:
        """Sign in, by the API and by the page; read a file, a stream of a page, and MCP with a token."""
        person = self._walk._people[SELF]
        assert person is not None
        hashed = await hash_password(PASSWORD)
        await self._deployment.db.execute("update users set hashed_password = $2 where id = $1", person.id, hashed)
        body = msgspec.json.encode({"email": person.email, "password": PASSWORD})
        self._note(
            "signing in: api",
            "sign-in",
            await send(self._asgi, "POST", "/api/v2/users/login", headers=[ORIGIN_OWN], body=body),
        )
        await self._provided([("cookie", f"__Host-coder_session_token={person.token}")])
        fields = urlencode({"csrf_token": CSRF, "email": person.email, "password": PASSWORD, "redirect": "/"}).encode()
        held = [("cookie", f"__Host-csrf_token={CSRF}"), ("sec-fetch-site", "same-origin")]
        self._note(
            "signing in: page",
            "sign-in page",
            await send(self._asgi, "POST", "/login", headers=held, body=fields, kind=FORM),
        )
        self._note("static: by hash", "style.css", await send(self._asgi, "GET", static_url("style.css")))
        words = self._walk._places.words
        events = f"/@{person.username}/{words['workspacename']}/events"
        cookie = [("cookie", f"__Host-coder_session_token={person.token}"), ("sec-fetch-site", "same-origin")]
        self._note("page: stream", "events", await send(self._asgi, "GET", events, headers=cookie))
        broken = Edge(_broken, self._deployment.parts.settings, self._deployment.parts.hosts)
        self._note("error of the inside", "error", await send(broken, "GET", "/api/v2/users/me"))

    def _askers(self, route: Route) -> Iterator[Headers]:
        yield []
        if route.access.credential == "scim":
            yield [("authorization", f"Bearer {SCIM_TOKEN}")]
        elif route.access.credential in {"agent", "job", "provisioner"}:
            yield self._walk._program(route)
        for name in ("site:owner", SELF):
            person = self._walk._people[name]
            assert person is not None
            if route.access.is_page:
                cookie = f"__Host-coder_session_token={person.token}; __Host-csrf_token={CSRF}"
                yield [("cookie", cookie), ("sec-fetch-site", "same-origin"), ("accept", "text/html")]
            else:
                yield [(TOKEN, person.token)]

    async def _ask(self, route: Route, headers: Headers) -> None:
        words = self._words(route)
        address = route.path.format_map({name: words.get(name, "x") for name in route.names})
        if route.method == "WS":
            refusal = await knock(self._asgi, address, headers=headers)
            if refusal.status not in {0, 101}:
                self._note(class_of(route), str(route), Answer(refusal.status, refusal.headers, refusal.body))
            return
        body, kind = self._body(route, words)
        self._note(
            class_of(route),
            str(route),
            await send(self._asgi, route.method, address, headers=headers, body=body, kind=kind),
        )

    def _body(self, route: Route, words: Mapping[str, str]) -> tuple[bytes, str]:
        if route.access.is_page:
            return (f"csrf_token={CSRF}".encode() if route.is_changing else b""), FORM
        try:
            return _body(route, words)
        except KeyError:
            return b"{}", "application/json"

    def _words(self, route: Route) -> dict[str, str]:
        """Return what paths name: of pages by name, of the API by id."""
        words = dict(self._walk._places.words)
        if route.access.credential == "job":
            words["job"] = self._walk._places.jobs["dry_run"].id
        if route.access.is_page:
            owner = self._walk._people[SELF]
            assert owner is not None
            words |= {
                "handle": owner.username, "name": words["workspacename"], "template": words["templatename"], "user": owner.username,
                "group": words["groupname"], "role": words["rolename"], "number": "1", "app": words.get("app", "x"),
                "version": words["templateversionname"], "example": "shell", "id": words["fresh_version"],
            }  # fmt: skip
        return words

    def _note(self, name: str, asked: str, answer: Answer) -> None:
        self.answers.append((asked, answer))
        kind = f"{answer.status // 100}xx"
        self.table.setdefault(name, {}).setdefault(kind, set()).add(profile(answer))


async def _broken(*_: Any) -> None:
    raise ValueError("an inner word")


def profile(answer: Answer) -> Profile:
    """Return the watched headers of an answer, each as one line."""
    lines = []
    for name, value in answer.headers.items():
        if name == "set-cookie":
            lines += [f"set-cookie: {_cookie(text)}" for text in value.split("\n")]
        elif name == "content-security-policy":
            lines.append(f"{name}: {_POLICIES.setdefault(value, f'policy {len(_POLICIES) + 1}')}")
        elif name in _WATCHED or name.startswith(("access-control-", "cross-origin-")):
            lines.append(f"{name}: {value}")
    return frozenset(lines)


_POLICIES: dict[str, str] = {}


def _cookie(text: str) -> str:
    pair, *attributes = [part.strip() for part in text.split(";")]
    kept = sorted(re.sub(r"(?i)^(max-age|expires)=.*", r"\1=…", one) for one in attributes)
    return "; ".join([f"{pair.partition('=')[0]}=…", *kept])


def render(table: Mapping[str, Mapping[str, Any]], policies: Mapping[str, str]) -> str:
    """Return the table as text; policies are numbered by where they stand first, whatever the order of asking."""
    blocks = [
        "\n".join([f"{name} · {kind}", *(f"  {line}" for line in lines)])
        for name in sorted(table)
        for kind in sorted(table[name])
        for lines in sorted(sorted(one) for one in _plain(table[name][kind], policies))
    ]
    text = "\n\n".join(blocks)
    numbers: dict[str, str] = {}
    for value in re.findall(r"content-security-policy: (.*)", text):
        numbers.setdefault(value, f"policy {len(numbers) + 1}")
    for value, number in numbers.items():
        text = text.replace(f"content-security-policy: {value}\n", f"content-security-policy: {number}\n")
    ends = "\n\n".join(
        "\n".join([number, *(f"  {part}" for part in value.split("; "))]) for value, number in numbers.items()
    )
    return f"{HEADER}\n{text}\n\n{ends}\n"


def _plain(profiles: set[Profile], policies: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield profiles with their policies written out."""
    texts = {number: value for value, number in policies.items()}
    for one in profiles:
        yield [
            f"content-security-policy: {texts[line.partition(': ')[2]]}"
            if line.startswith("content-security-policy: ")
            else line
            for line in one
        ]


def differences(committed: str, found: str) -> list[str]:
    """Say where two tables differ: whole blocks, each by its class."""
    before, after = (set(text.strip().split("\n\n")) for text in (committed, found))
    gone = [f"no answer is so any more:\n{block}" for block in sorted(before - after)]
    return [*gone, *(f"the table does not have this:\n{block}" for block in sorted(after - before))]


def main() -> int:
    """Write the table again; return the exit status."""
    test = Path(__file__).with_name("test_header_table.py")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", str(test)]
    return subprocess.run(command, env={**os.environ, WRITE: "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
