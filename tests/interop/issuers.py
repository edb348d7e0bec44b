"""Authorization servers as test_black_box.py sees them: by HTTP alone, Homeport and another one behind the same few calls."""

import base64
import weakref
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx
import msgspec

from scripts.oauth2.pkce import Pair, make_pair
from scripts.oauth2.server import Server as Person
from scripts.oauth2.server import form_token
from tests.support.names import unique_name
from tests.support.server import Server

CALLBACK = "http://127.0.0.1:9876/callback"
FORM_TYPE = "application/x-www-form-urlencoded"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
STATE = "a b+c%2F&ü"
Pairs = Sequence[tuple[str, str]]
Changes = Mapping[str, str | None]


class Client(msgspec.Struct, frozen=True):
    """A client that has registered itself: all that it was told."""

    told: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.told["client_id"])

    @property
    def form(self) -> dict[str, str]:
        """What it adds to its forms to prove itself."""
        secret = {"client_secret": self.told["client_secret"]} if "client_secret" in self.told else {}
        return {"client_id": self.id, **secret}

    def basic(self, secret: str = "") -> dict[str, str]:
        """The header by which it proves itself, or fails to with another secret."""
        text = f"{self.id}:{secret or self.told['client_secret']}"
        return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


class Issuer:
    """One authorization server. What differs between servers, and may, is said by its attributes."""

    name = ""
    narrow = ""
    broad = ""
    is_grant_type_needed = "invalid_request"
    is_grant_type_registered = "unauthorized_client"

    def __init__(self, url: str, resource: str, other_resource: str) -> None:
        self.url, self.resource, self.other_resource = url, resource, other_resource
        self.http = httpx.Client(timeout=30, trust_env=False, follow_redirects=False)
        weakref.finalize(self, self.http.close)
        reply = self.http.get(f"{url}/.well-known/oauth-authorization-server")
        assert reply.status_code == 200, reply.text
        self.metadata: dict[str, Any] = reply.json()

    @property
    def both(self) -> str:
        """A scope that holds the narrow one."""
        return f"{self.narrow} {self.broad}"

    def register(self, **changes: Any) -> Client:
        """Register a client: public and native but for these changes."""
        reply = self.http.post(self.metadata["registration_endpoint"], json=registration(**changes))
        assert reply.status_code == 201, reply.text
        return Client(reply.json())

    def confidential(self, method: str = "client_secret_post", **changes: Any) -> Client:
        """Register a client with a secret."""
        return self.register(token_endpoint_auth_method=method, **changes)

    def request(self, client: Client, pair: Pair, /, **changes: str | None) -> list[tuple[str, str]]:
        """Return a good authorization request, but for these changes (None: left out)."""
        wanted: dict[str, str | None] = {
            "response_type": "code", "client_id": client.id, "redirect_uri": CALLBACK, "state": STATE,
            "scope": self.both, "resource": self.resource,
            "code_challenge": pair.challenge, "code_challenge_method": "S256", **changes,
        }  # fmt: skip
        return [(name, value) for name, value in wanted.items() if value is not None]

    def look(self, pairs: Pairs) -> httpx.Response:
        """Open the authorization endpoint as somebody who is not signed in."""
        return self.http.get(self._address(pairs))

    def answer(self, pairs: Pairs, decision: str = "allow") -> httpx.Response:
        """Send a signed-in person to the authorization endpoint who decides; returns what the browser gets at last."""
        raise NotImplementedError

    def opens(self, client: Client, token: str) -> bool:
        """Whether an access token for the resource works."""
        raise NotImplementedError

    def given(self, pairs: Pairs, decision: str = "allow") -> dict[str, str]:
        """Return what comes back to the client."""
        return parameters(self.answer(pairs, decision))

    def code(self, client: Client, pair: Pair, /, **changes: str | None) -> str:
        """Return a code that the person has allowed."""
        given = self.given(self.request(client, pair, **changes))
        assert "code" in given, given
        return given["code"]

    def redemption(self, client: Client, code: str, pair: Pair, /, **changes: str | None) -> dict[str, str]:
        """Return the form that redeems a code, but for these changes (None: left out)."""
        wanted: dict[str, str | None] = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": pair.verifier,
            **client.form, **changes,
        }  # fmt: skip
        return {name: value for name, value in wanted.items() if value is not None}

    def tokens(self, client: Client, /, **changes: str | None) -> dict[str, Any]:
        """Return tokens that the person has just allowed."""
        pair = make_pair()
        reply = self.post("token", self.redemption(client, self.code(client, pair, **changes), pair))
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def refresh(self, client: Client, token: str, /, **form: str) -> httpx.Response:
        """Use a refresh token."""
        return self.post("token", {"grant_type": "refresh_token", "refresh_token": token, **client.form, **form})

    def post(
        self, endpoint: str, form: Mapping[str, str] | Pairs, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a form to an endpoint that the metadata names."""
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        url = self.metadata[f"{endpoint}_endpoint"]
        return self.http.post(url, content=urlencode(pairs), headers={"Content-Type": FORM_TYPE, **(headers or {})})

    def is_active(self, client: Client, token: str) -> bool:
        """Whether introspection calls a token of a confidential client active."""
        reply = self.post("introspection", {"token": token, **client.form})
        assert reply.status_code == 200, reply.text
        found: bool = reply.json()["active"]
        return found

    def _address(self, pairs: Pairs) -> str:
        return f"{self.metadata['authorization_endpoint']}?{urlencode(list(pairs))}"


class Homeport(Issuer):
    """Our own server. A missing grant_type is `unsupported_grant_type`, as in the reference."""

    name = "homeport"
    narrow, broad = "coder:workspaces.read", "coder:workspaces.create"
    is_grant_type_needed = "unsupported_grant_type"

    def __init__(self, server: Server) -> None:
        super().__init__(server.url, f"{server.url}/mcp", f"{server.url}/api/experimental/mcp/http")
        self._person = Person(server.url, server.token)

    def answer(self, pairs: Pairs, decision: str = "allow") -> httpx.Response:
        address = self._address(pairs)
        page = self._person.http.get(address, headers=self._person.session)
        if page.status_code != 200:
            return page
        return self._person.http.post(
            address,
            headers=self._person.session,
            data={"csrf_token": form_token(page.text), "decision": decision},
        )

    def opens(self, client: Client, token: str) -> bool:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
        reply = self.http.post(
            self.resource, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}, headers=headers
        )
        assert reply.status_code in {200, 401}, reply.text
        return reply.status_code == 200


class Peer(Issuer):
    """npm oidc-provider, as clients/peer.mjs starts it. It has no word for a grant type that a client is not registered for."""

    name = "peer"
    narrow, broad = "read", "write"
    is_grant_type_registered = "invalid_request"

    def __init__(self, url: str) -> None:
        super().__init__(url, f"{url}/resource", f"{url}/other")

    def answer(self, pairs: Pairs, decision: str = "allow") -> httpx.Response:
        with httpx.Client(timeout=30, trust_env=False, follow_redirects=False) as browser:
            reply = browser.get(self._address(pairs))
            while (location := urljoin(self.url, reply.headers.get("location", ""))).startswith(f"{self.url}/"):
                reply = browser.get(location + ("?deny" if decision == "deny" and "/consent/" in location else ""))
            return reply

    def opens(self, client: Client, token: str) -> bool:
        return self.is_active(client, token)


def registration(**changes: Any) -> dict[str, Any]:
    """Return the metadata of a public native client, but for these changes (None: left out)."""
    wanted = {
        "client_name": unique_name("black-box"), "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "application_type": "native",
        **changes,
    }  # fmt: skip
    return {name: value for name, value in wanted.items() if value is not None}


def parameters(reply: httpx.Response) -> dict[str, str]:
    """Return the parameters of a redirect that leaves the server, each of which must stand there once.

    The answer to a request for anything but a code may stand behind the address's fragment.
    """
    assert reply.status_code in {302, 303}, f"{reply.status_code}: {reply.text[:500]}"
    parts = urlsplit(reply.headers["location"])
    pairs = parse_qsl(parts.query or parts.fragment, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), reply.headers["location"]
    return dict(pairs)


def stays(reply: httpx.Response) -> bool:
    """Whether the server refuses on a page of its own and sends the browser nowhere."""
    return 400 <= reply.status_code < 500 and "location" not in reply.headers


def is_refused(reply: httpx.Response, code: str, status: int = 400) -> bool:
    """Whether an answer is a refusal as the standards have it: this code, in JSON, with words and no empty member."""
    assert reply.headers.get("content-type", "").startswith("application/json"), (
        f"{reply.status_code}: {reply.text[:500]}"
    )
    body = reply.json()
    assert (reply.status_code, body.get("error")) == (status, code), reply.text
    return bool(body.get("error_description")) and not holes(body)


def holes(value: Any, place: str = "") -> list[str]:
    """Return where JSON holds null or an empty text."""
    if value is None or value == "":
        return [place]
    if isinstance(value, dict):
        return [found for name, each in value.items() for found in holes(each, f"{place}.{name}")]
    if isinstance(value, list):
        return [found for number, each in enumerate(value) for found in holes(each, f"{place}[{number}]")]
    return []
