"""The dashboard as a browser meets it: cookies, forms with their token, redirects that are not followed."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx

from homeport import web
from homeport.database import Database, Listener
from homeport.identity.types import CSRF_COOKIE, SESSION_COOKIE
from tests.homeport.workspaces.world import World
from tests.support.accounts import ACCESS_URL, Person, build_api

CSRF_TOKEN = "c" * 43
ORIGIN = {"sec-fetch-site": "same-origin"}


class Site:
    """Pages over a world of workspaces."""

    def __init__(self, db: Database, listener: Listener) -> None:
        self.world = World(db, listener)
        self.db, self.accounts = db, self.world.accounts
        self.listener = listener
        self.use()

    def use(self, **settings: Any) -> None:
        """Serve the pages with further settings from now on."""
        self.app = build_api(self.db, root_routes=web.routes, provided={"listener": self.listener}, **settings)

    async def close(self) -> None:
        """Wait for what runs beside requests."""
        await self.app.gate.close()
        await self.world.api.gate.close()

    async def get(self, person: Person | None, path: str, **more: Any) -> httpx.Response:
        """Open a page."""
        return await self.send("GET", person, path, **more)

    async def post(
        self, person: Person | None, path: str, fields: dict[str, Any] | None = None, **more: Any
    ) -> httpx.Response:
        """Send a form of a page."""
        data = {"csrf_token": CSRF_TOKEN, **(fields or {})}
        return await self.send("POST", person, path, data=data, **more)

    async def send(self, method: str, person: Person | None, path: str, **more: Any) -> httpx.Response:
        """Send a request with a browser's cookies."""
        cookies = {CSRF_COOKIE: CSRF_TOKEN}
        if person is not None and person.token:
            cookies[SESSION_COOKIE] = person.token
        cookies.update(more.pop("cookies", {}))
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {**ORIGIN, "cookie": jar, **more.pop("headers", {})}
        transport = httpx.ASGITransport(app=self.app.asgi, client=("192.0.2.7", 4711))
        async with httpx.AsyncClient(transport=transport, base_url=ACCESS_URL) as client:
            return await client.request(method, path, headers=headers, **more)


class Document(HTMLParser):
    """What a page holds that could run: scripts, handlers, addresses; and its landmarks and labels."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        """The words of the page."""
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def field(self, name: str) -> dict[str, str]:
        """The attributes of the form field of a name."""
        found = [a for tag, a in self.tags if tag in {"input", "select", "textarea"} and a.get("name") == name]
        assert found, f"no field {name}"
        return found[0]

    def runnables(self) -> list[str]:
        """Everything that a content security policy without 'unsafe-inline' would refuse, or that should not be there."""
        found = [
            f"<script> without src: {a}" for a in self.all("script") if not a.get("src", "").startswith("/static/")
        ]
        for tag, attributes in self.tags:
            found += [f"{tag} {name}" for name in attributes if name.startswith(("on", "hx-on"))]
            found += [
                f"{tag} {name}={value}"
                for name, value in attributes.items()
                if name in {"href", "src", "action"}
                and re.match(r"\s*(javascript|data|vbscript):", value, re.IGNORECASE)
            ]
        return found
