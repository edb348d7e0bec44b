"""Check a running server as an MCP client meets it: `python -m scripts.oauth2.check_mcp_oauth2 --url URL --token TOKEN`.

Discovery, registration, consent, PKCE, resource binding, refresh, reuse, introspection of errors, revocation: each step prints
a line, and the exit status is 1 when one failed. It registers clients of its own and removes them; nothing else is changed.
"""

import sys
from collections.abc import Callable
from typing import Any

import httpx

from scripts.oauth2.pkce import Pair, make_pair
from scripts.oauth2.server import Failure, Server, connect, parser

CALLBACK = "http://127.0.0.1:9876/callback"
SCOPE = "coder:workspaces.read"
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


class Check:
    """One run: what the steps share, and how they ended."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.failures = 0
        self.metadata: dict[str, Any] = {}
        self.resource = ""
        self.client: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}

    def step(self, name: str, work: Callable[[], None]) -> None:
        """Run one step and say how it went."""
        try:
            work()
        except (Failure, KeyError, ValueError, httpx.HTTPError) as error:
            self.failures += 1
            print(f"FAILED  {name}: {error!r}" if not isinstance(error, Failure) else f"FAILED  {name}: {error}")
        else:
            print(f"ok      {name}")

    def run(self) -> int:
        """Run every step in order; returns the number of failures."""
        steps = (
            ("an MCP request without a token names the resource's metadata", self.challenge),
            ("the resource's metadata names this server (RFC 9728)", self.discover_resource),
            ("the server's metadata offers what MCP needs (RFC 8414)", self.discover),
            ("a client registers itself (RFC 7591)", self.register),
            ("a wrong redirect address is answered here, never by a redirect", self.wrong_redirect),
            ("a wrong PKCE verifier gets no token (RFC 7636)", self.wrong_verifier),
            ("another resource than the granted one gets no token (RFC 8707)", self.wrong_resource),
            ("consent and code give tokens", self.get_tokens),
            ("the token opens MCP", self.use_token),
            ("the token opens nothing else", self.use_elsewhere),
            ("a code works once", self.reuse_code),
            ("a refresh gives a new pair, and the old access token ends", self.refresh),
            ("a revoked token opens nothing (RFC 7009)", self.revoke),
            ("errors are JSON with a code", self.errors),
            ("the client removes itself (RFC 7592)", self.unregister),
        )
        for name, work in steps:
            self.step(name, work)
        return self.failures

    def challenge(self) -> None:
        """Be refused, and be told where to read on."""
        reply = self._mcp("")
        expect(reply.status_code == 401, f"status {reply.status_code}")
        header = reply.headers.get("www-authenticate", "")
        expect('resource_metadata="' in header, f"no resource_metadata in {header!r}")
        expect("error=" not in header, "a request without a token is no error")
        self.metadata["prm"] = header.partition('resource_metadata="')[2].partition('"')[0]

    def discover_resource(self) -> None:
        """Read the document that the challenge names: whose resource it is, and who gives tokens for it."""
        found = self.server.http.get(self.metadata["prm"]).json()
        self.resource = found["resource"]
        expect(self.resource == f"{self.server.url}/mcp", f"resource is {self.resource}")
        expect(found["bearer_methods_supported"] == ["header"], "bearer methods")
        expect(found["scopes_supported"] != [], "no scopes")
        self.metadata["issuer"] = found["authorization_servers"][0]

    def discover(self) -> None:
        """Read what the authorization server can do."""
        found = self.server.metadata()
        expect(found["issuer"] == self.metadata["issuer"], "the issuer differs from the resource's metadata")
        expect(found["code_challenge_methods_supported"] == ["S256"], "PKCE methods")
        expect("code" in found["response_types_supported"], "response types")
        expect(found["authorization_response_iss_parameter_supported"] is True, "iss is not offered")
        expect({"authorization_code", "refresh_token"} <= set(found["grant_types_supported"]), "grant types")
        self.metadata = found

    def register(self) -> None:
        """Become a public client."""
        body = {
            "client_name": "MCP check", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        }  # fmt: skip
        reply = self.server.http.post(self.metadata["registration_endpoint"], json=body)
        expect(reply.status_code == 201, f"status {reply.status_code}: {reply.text}")
        self.client = reply.json()
        expect("client_secret" not in self.client, "a public client got a secret")
        expect(self.client["redirect_uris"] == [CALLBACK], "the redirect addresses are not echoed")

    def wrong_redirect(self) -> None:
        """Ask for answers at addresses of others, also with a session."""
        for wrong in ("https://attacker.example/", CALLBACK + "/", CALLBACK.replace("127.0.0.1", "127.0.0.1.example")):
            parameters = self._request(make_pair(), redirect_uri=wrong)
            reply = self.server.http.get(
                self.metadata["authorization_endpoint"], params=parameters, headers=self.server.session
            )
            expect(400 <= reply.status_code < 500, f"{wrong} answered {reply.status_code}")
            expect("location" not in reply.headers, f"{wrong} was redirected to")

    def wrong_verifier(self) -> None:
        """Redeem a code with the verifier of another one."""
        code = self._code(make_pair())
        self._refused(self._redeem(code, make_pair()), "invalid_grant")

    def wrong_resource(self) -> None:
        """Redeem a code for another resource than was allowed."""
        pair = make_pair()
        code = self._code(pair)
        self._refused(self._redeem(code, pair, resource=f"{self.server.url}/other"), "invalid_target")

    def get_tokens(self) -> None:
        """Go the right way, and keep what it gives for the steps to come."""
        pair = make_pair()
        code = self._code(pair)
        reply = self._redeem(code, pair)
        expect(reply.status_code == 200, f"status {reply.status_code}: {reply.text}")
        expect(reply.headers.get("cache-control") == "no-store", "the answer may be stored")
        self.tokens = {**reply.json(), "code": code, "pair": pair}
        expect(self.tokens["token_type"] == "Bearer", "token type")
        expect(isinstance(self.tokens["expires_in"], int), "expires_in is no number")

    def use_token(self) -> None:
        """List the tools."""
        reply = self._mcp(self.tokens["access_token"])
        expect(reply.status_code == 200, f"status {reply.status_code}: {reply.text}")
        expect(len(reply.json()["result"]["tools"]) > 0, "no tools")

    def use_elsewhere(self) -> None:
        """Present the token where it was not meant for, and where tokens do not belong."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        reply = self.server.http.get("/api/v2/users/me", headers=headers)
        expect(reply.status_code == 401, f"the HTTP API answered {reply.status_code} to a token for MCP")
        in_query = self.server.http.post(
            f"/mcp?access_token={self.tokens['access_token']}", json=LIST_TOOLS, headers=ACCEPT
        )
        expect(in_query.status_code == 401, f"a token in the query answered {in_query.status_code}")

    def reuse_code(self) -> None:
        """Redeem the code again, as somebody who does not know its verifier."""
        self._refused(self._redeem(self.tokens["code"], make_pair()), "invalid_grant")
        expect(self._mcp(self.tokens["access_token"]).status_code == 200, "a wrong replay ended the tokens")

    def refresh(self) -> None:
        """Turn the refresh token into another pair."""
        old = dict(self.tokens)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": old["refresh_token"],
            "client_id": self.client["client_id"],
        }
        reply = self.server.post(self.metadata["token_endpoint"], form)
        expect(reply.status_code == 200, f"status {reply.status_code}: {reply.text}")
        self.tokens.update(reply.json())
        expect(self.tokens["refresh_token"] != old["refresh_token"], "the refresh token was not rotated")
        expect(self._mcp(old["access_token"]).status_code == 401, "the old access token still works")
        expect(self._mcp(self.tokens["access_token"]).status_code == 200, "the new access token does not work")

    def revoke(self) -> None:
        """Give the refresh token back, twice."""
        form = {"token": self.tokens["refresh_token"], "client_id": self.client["client_id"]}
        for _ in range(2):
            reply = self.server.post(self.metadata["revocation_endpoint"], form)
            expect(reply.status_code == 200, f"status {reply.status_code}: {reply.text}")
        expect(self._mcp(self.tokens["access_token"]).status_code == 401, "the access token still works")

    def errors(self) -> None:
        """Ask the token endpoint for what it must refuse."""
        endpoint, client = self.metadata["token_endpoint"], {"client_id": self.client["client_id"]}
        self._refused(self.server.post(endpoint, {"grant_type": "password", **client}), "unsupported_grant_type")
        self._refused(self.server.post(endpoint, {"grant_type": "authorization_code", **client}), "invalid_request")
        unknown = {
            "grant_type": "refresh_token",
            "refresh_token": "x",
            "client_id": "00000000-0000-4000-8000-000000000000",
        }
        reply = self.server.post(endpoint, unknown)
        expect(reply.status_code == 401, f"an unknown client answered {reply.status_code}")
        self._refused(reply, "invalid_client")

    def unregister(self) -> None:
        """Remove the client by its own token."""
        headers = {"Authorization": f"Bearer {self.client['registration_access_token']}"}
        reply = self.server.http.delete(self.client["registration_client_uri"], headers=headers)
        expect(reply.status_code == 204, f"status {reply.status_code}: {reply.text}")

    def _request(self, pair: Pair, **changes: str) -> dict[str, str]:
        return {
            "response_type": "code", "client_id": self.client["client_id"], "redirect_uri": CALLBACK, "state": "a b+c%2F",
            "scope": SCOPE, "resource": self.resource, "code_challenge": pair.challenge, "code_challenge_method": "S256",
            **changes,
        }  # fmt: skip

    def _code(self, pair: Pair) -> str:
        given = self.server.allow(self.metadata["authorization_endpoint"], self._request(pair))
        expect(given.get("state") == "a b+c%2F", f"the state came back as {given.get('state')!r}")
        expect(given.get("iss") == self.metadata["issuer"], f"iss is {given.get('iss')!r}")
        expect("code" in given, f"no code: {given.get('error')}")
        return given["code"]

    def _redeem(self, code: str, pair: Pair, **more: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "client_id": self.client["client_id"], "code_verifier": pair.verifier, **more,
        }  # fmt: skip
        return self.server.post(self.metadata["token_endpoint"], form)

    def _mcp(self, token: str) -> httpx.Response:
        headers = {**ACCEPT, **({"Authorization": f"Bearer {token}"} if token else {})}
        return self.server.http.post("/mcp", json=LIST_TOOLS, headers=headers)

    @staticmethod
    def _refused(reply: httpx.Response, code: str) -> None:
        expect(400 <= reply.status_code < 500, f"status {reply.status_code}: {reply.text}")
        expect(reply.json().get("error") == code, f"the error is {reply.text}")


def expect(holds: bool, otherwise: str) -> None:
    """Raise Failure with these words unless something holds."""
    if not holds:
        raise Failure(otherwise)


def main() -> int:
    """Run the check."""
    failures = Check(connect(parser("check_mcp_oauth2", __doc__).parse_args())).run()
    print(f"{failures} failed" if failures else "all passed")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
