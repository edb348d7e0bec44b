"""One installation of a client that is not here, by what is recorded of it: how it looks for things, asks, and proves itself.

The steps are real requests to a real server; test_recorded_clients.py puts them together as each client does. A step fails
where the client would give up.
"""

import re
import weakref
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from scripts.oauth2.pkce import make_pair
from scripts.oauth2.server import Server as Person
from tests.support.server import Server

_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')
Form = dict[str, str]


class Installation:
    """A client on its way into a server. `seen` are the documents that it looked for, with what they answered."""

    def __init__(self, server: Server, *, path: str = "/mcp", version: str = "2025-06-18") -> None:
        self.server = server
        self.origin = server.url
        self.url = f"{server.url}{path}"
        self.version = version
        self.seen: list[tuple[str, int]] = []
        self.client: Form = {}
        self.tokens: dict[str, Any] = {}
        self.token_endpoint = ""
        self._person = Person(server.url, server.token)
        self._http = httpx.Client(timeout=30, trust_env=False, follow_redirects=False)
        weakref.finalize(self, self._http.close)

    def knock(self) -> dict[str, str]:
        """Send the first request, without a token; returns what the challenge says."""
        reply = self._rpc("initialize", self._hello(), token="")
        assert reply.status_code == 401, reply.text
        scheme, _, rest = reply.headers["www-authenticate"].partition(" ")
        assert scheme == "Bearer"
        return dict(_PARAMETER.findall(rest))

    def document(self, url: str) -> dict[str, Any] | None:
        """Look for a document: 200 in JSON is one, another answer below 500 is none, anything else is the end."""
        reply = self._http.get(url, headers={"Accept": "application/json", "MCP-Protocol-Version": self.version})
        self.seen.append((url.removeprefix(self.origin), reply.status_code))
        assert reply.status_code < 500, reply.text
        assert not reply.is_redirect, f"{url} redirects"
        if reply.status_code != 200:
            return None
        found = reply.json()
        assert isinstance(found, dict), found
        return found

    def first(self, *urls: str) -> dict[str, Any]:
        """Return the first of these documents that there is."""
        for url in urls:
            if (found := self.document(url)) is not None:
                return found
        raise AssertionError(f"nothing at {urls}")

    def register(self, metadata: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        """Register, and check what clients check of the answer."""
        reply = self._http.post(metadata["registration_endpoint"], json=dict(body))
        assert reply.status_code == 201, reply.text
        told: dict[str, Any] = reply.json()
        assert told["redirect_uris"] == body["redirect_uris"]
        assert None not in told.values()
        return told

    def sign_in(
        self,
        metadata: Mapping[str, Any],
        client: Form,
        *,
        redirect_uri: str,
        redeemed: Form | None = None,
        **wanted: str,
    ) -> None:
        """Send the person off and redeem what comes back. `wanted` is asked for, `redeemed` is said again with the code."""
        pair, state = make_pair(), wanted.pop("state", "a-state-of-the-client")
        asked = {
            "response_type": "code", "client_id": client["client_id"], "redirect_uri": redirect_uri, "state": state,
            "code_challenge": pair.challenge, "code_challenge_method": "S256", **wanted,
        }  # fmt: skip
        reply = self._person.submit(metadata["authorization_endpoint"], asked)
        assert reply.status_code in {302, 303}, reply.text
        address = reply.headers["location"]
        assert address.startswith(f"{redirect_uri}?"), address
        given = dict(parse_qsl(urlsplit(address).query))
        assert (given["state"], given["iss"]) == (state, metadata["issuer"])
        self.client, self.token_endpoint = client, metadata["token_endpoint"]
        form = {
            "grant_type": "authorization_code", "code": given["code"], "redirect_uri": redirect_uri,
            "code_verifier": pair.verifier, **(redeemed or {}),
        }  # fmt: skip
        self._take(self.token(form))

    def token(self, form: Form) -> httpx.Response:
        """Ask the token endpoint as this client."""
        return self._http.post(self.token_endpoint, data={**form, **self.client})

    def refresh(self, **more: str) -> None:
        """Turn the refresh token into another pair; the old access token is over."""
        before = dict(self.tokens)
        self._take(self.token({"grant_type": "refresh_token", "refresh_token": before["refresh_token"], **more}))
        assert self.tokens["access_token"] != before["access_token"]
        assert self.tokens["refresh_token"] != before["refresh_token"]
        assert self._rpc("tools/list", {}, token=before["access_token"]).status_code == 401

    def work(self) -> set[str]:
        """Shake hands and list the tools; returns their names."""
        hello = self._rpc("initialize", self._hello())
        assert hello.status_code == 200, hello.text
        assert hello.json()["result"]["protocolVersion"] == self.version
        assert self._rpc("notifications/initialized", {}, is_request=False).status_code == 202
        reply = self._rpc("tools/list", {})
        assert reply.status_code == 200, reply.text
        return {tool["name"] for tool in reply.json()["result"]["tools"]}

    def is_let_into_the_api(self) -> bool:
        """Whether the access token opens the HTTP API."""
        reply = self._http.get(f"{self.origin}/api/v2/users/me", headers=self._bearer(self.tokens["access_token"]))
        assert reply.status_code in {200, 401}, reply.text
        return reply.status_code == 200

    def refusal(self) -> dict[str, str]:
        """Return what the challenge says to the access token that MCP does not take."""
        reply = self._rpc("tools/list", {})
        assert reply.status_code == 401, reply.text
        return dict(_PARAMETER.findall(reply.headers["www-authenticate"]))

    def _take(self, reply: httpx.Response) -> None:
        assert reply.status_code == 200, reply.text
        self.tokens = reply.json()
        assert self.tokens["token_type"].lower() == "bearer"
        assert None not in self.tokens.values()

    def _hello(self) -> dict[str, Any]:
        return {
            "protocolVersion": self.version, "capabilities": {}, "clientInfo": {"name": "recorded", "version": "1"},
        }  # fmt: skip

    def _rpc(
        self, method: str, params: Mapping[str, Any], *, token: str | None = None, is_request: bool = True
    ) -> httpx.Response:
        message = {"jsonrpc": "2.0", "method": method, "params": dict(params), **({"id": 1} if is_request else {})}
        given = self.tokens.get("access_token", "") if token is None else token
        headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": self.version}
        return self._http.post(self.url, json=message, headers={**headers, **self._bearer(given)})

    @staticmethod
    def _bearer(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"} if token else {}
