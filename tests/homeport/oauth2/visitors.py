"""People at the consent page: with a browser (cookie, forms of pages) or with a program (header)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

from tests.homeport.oauth2.world import CALLBACK, CHALLENGE, READ, OAuthClient, Replica
from tests.homeport.web.site import Document
from tests.support.accounts import Person

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
PATH = "/oauth2/authorize"
Parameters = Mapping[str, str] | Sequence[tuple[str, str]]


def asking(client: OAuthClient, **changes: str | None) -> dict[str, str]:
    """Return the parameters of a usual request; None takes one out."""
    wanted: dict[str, str | None] = {
        "response_type": "code", "client_id": client.id, "redirect_uri": CALLBACK, "state": "s", "scope": READ,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", **changes,
    }  # fmt: skip
    return {name: value for name, value in wanted.items() if value is not None}


def query_of(parameters: Parameters) -> str:
    """Return a query as clients write it, spaces as %20."""
    pairs = parameters.items() if isinstance(parameters, Mapping) else parameters
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


class Visitor:
    """Somebody before one replica; `person` None is a stranger."""

    def __init__(self, replica: Replica, person: Person | None, *, has_browser: bool = True) -> None:
        self._replica, self._person, self._has_browser = replica, person, has_browser

    async def open(self, parameters: Parameters | str, **headers: str) -> httpx.Response:
        """Follow a client's link."""
        return await self.send("GET", parameters, headers=headers)

    async def answer(
        self, parameters: Parameters | str, fields: Parameters | None = None, **headers: str
    ) -> httpx.Response:
        """Send the form with these fields."""
        content = query_of(fields or {})
        sent = {"content-type": "application/x-www-form-urlencoded", **headers}
        return await self.send("POST", parameters, headers=sent, content=content)

    async def send(
        self, method: str, parameters: Parameters | str, *, path: str = PATH, headers: Mapping[str, str], **more: Any
    ) -> httpx.Response:
        """Send one request."""
        query = parameters if isinstance(parameters, str) else query_of(parameters)
        return await self._replica.request(
            method, f"{path}?{query}" if query else path, headers={**self._credential(), **headers}, **more
        )

    async def allow(self, parameters: Parameters | str, decision: str = "allow") -> dict[str, str]:
        """Look at the page, answer it, and return what the client gets."""
        page = await self.open(parameters)
        assert page.status_code == 200, page.text
        reply = await self.answer(parameters, {"csrf_token": token_of(page), "decision": decision})
        return given(reply)

    def _credential(self) -> dict[str, str]:
        if not self._has_browser:
            return self._person.headers if self._person else {}
        cookie = {"cookie": f"coder_session_token={self._person.token}"} if self._person else {}
        return {"accept": HTML, "sec-fetch-site": "same-origin", **cookie}


def token_of(page: httpx.Response) -> str:
    """Return the form's token on a page."""
    found = Document(page.text).field("csrf_token")["value"]
    assert found
    return found


def given(reply: httpx.Response) -> dict[str, str]:
    """Return the parameters that a redirect gives the client, each once."""
    assert reply.status_code == 303, (reply.status_code, reply.text)
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["referrer-policy"] == "no-referrer"
    location = urlsplit(reply.headers["location"])
    assert not location.fragment
    assert location.path != "/login", location
    pairs = parse_qsl(location.query, keep_blank_values=True)
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def is_page(reply: httpx.Response, status: int) -> bool:
    """Whether a reply is a page of ours with everything that protects it."""
    assert reply.status_code == status, (reply.status_code, reply.text[:300])
    assert "location" not in reply.headers
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.headers.get_list("cache-control") == ["no-store"]
    assert reply.headers.get_list("x-frame-options") == ["DENY"]
    assert reply.headers.get_list("referrer-policy") == ["no-referrer"]
    assert "access-control-allow-origin" not in reply.headers
    policy = dict(part.partition(" ")[::2] for part in reply.headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert policy["default-src"] == "'none'"
    document = Document(reply.text)
    assert document.runnables() == []
    assert not document.all("script")
    assert not document.all("iframe")
    loaded = [tag.get("src") or tag.get("href", "") for kind in ("img", "link") for tag in document.all(kind)]
    assert all(address.startswith("/static/") for address in loaded), loaded
    return len(re.findall("<h1>", reply.text)) == 1


def leads_to_sign_in(reply: httpx.Response) -> str:
    """Return where the sign-in page leads back to."""
    assert reply.status_code == 303
    path, _, query = reply.headers["location"].partition("?")
    assert path == "/login"
    return dict(parse_qsl(query))["redirect"]
