"""An OpenID Connect provider of our own for tests: real HTTP on loopback, real keys, and every answer in the test's hands.

It stands in for a provider's server; what it says follows from its attributes, which a test changes as it likes. The real
provider of other people is in tests/interop. Its moments come from the server's clock, so a test moves both at once.
"""

import base64
import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import msgspec
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from homeport.kit import clock
from homeport.kit.ids import random_text

CLIENT_ID = "homeport"
CLIENT_SECRET = "a secret+of/the client:100%"
JSON = "application/json"


class Issuer:
    """One provider. `requests` holds what it was asked, as method and path."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[Any] = [RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})]
        self.algorithm = "RS256"
        self.person: dict[str, Any] = {"sub": "ada-1", "email": "ada@example.com", "preferred_username": "ada"}
        self.id_token_changes: dict[str, Any] = {}
        self.user_info: dict[str, Any] | None = None
        self.document_changes: dict[str, Any] = {}
        self.token_changes: dict[str, Any] = {}
        self.answer_changes: dict[str, str | None] = {}
        self.header_changes: dict[str, Any] = {}
        self.gives_refresh_token = True
        self.gives_id_token_on_refresh = False
        self.refresh_person: dict[str, Any] | None = None
        self.lifetime: Any = 3600
        self.failing: dict[str, tuple[int, dict[str, Any]]] = {}
        self.delays: dict[str, float] = {}
        self.user_info_type = JSON
        self.access_token_claims: dict[str, Any] | None = None
        self.requests: list[str] = []
        self.authorizations: list[dict[str, str]] = []
        self.token_forms: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh_tokens: set[str] = set()
        self._lock = threading.Lock()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a deployment that signs in by this provider."""
        return {"oidc_issuer_url": self.url, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}

    @property
    def document(self) -> dict[str, Any]:
        """What discovery says."""
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.document_changes,
        }
        return {name: value for name, value in document.items() if value is not None}

    def count(self, request: str) -> int:
        """Return how often this was asked, such as `POST /token`."""
        return self.requests.count(request)

    def refreshes(self) -> int:
        """Return how often tokens were refreshed, or tried to be."""
        return sum(form.get("grant_type") == "refresh_token" for form in self.token_forms)

    def rotate(self, kid: str, *, keeps_old: bool = False) -> None:
        """Sign with a new key from now on."""
        self.keys = [RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}), *(self.keys if keeps_old else [])]

    def authorize(self, location: str) -> dict[str, str]:
        """Let the person sign in at the address to which a browser was sent; returns the query that they bring back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        self.authorizations.append(asked)
        code = random_text(24)
        self._codes[code] = asked
        answer: dict[str, str | None] = {"code": code, "state": asked["state"], **self.answer_changes}
        return {name: value for name, value in answer.items() if value is not None}

    def sign(self, claims: dict[str, Any], *, key: Any = None, algorithm: str = "", **header: Any) -> str:
        """Return a JWT with these claims."""
        key = key or self.keys[0]
        kid = {} if isinstance(key, OctKey) or key.kid is None else {"kid": key.kid}
        algorithm = algorithm or self.algorithm
        header = {"alg": algorithm, **kid, **self.header_changes, **header}
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        registry.max_header_length = registry.max_payload_length = 10_000_000
        return jwt.encode(header, claims, key, registry=registry)

    def sign_bytes(self, payload: bytes) -> str:
        """Return a token whose contents are these bytes, whatever they are."""
        header = {"alg": self.algorithm, "kid": self.keys[0].kid}
        registry = JWSRegistry(algorithms=[self.algorithm])
        registry.max_payload_length = 10_000_000
        return jws.serialize_compact(header, payload, self.keys[0], registry=registry)

    def id_token_claims(self, nonce: str = "") -> dict[str, Any]:
        """Return what an ID token says now."""
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            **({"nonce": nonce} if nonce else {}),
            **self.person,
            **self.id_token_changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def answer_token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """Answer the token endpoint."""
        with self._lock:
            self.token_forms.append(form)
        if not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form)
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None:
            return 400, {"error": "invalid_grant", "error_description": "unknown code"}
        if asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant", "error_description": "another redirect_uri"}
        if "code_challenge" in asked:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
                return 400, {"error": "invalid_grant", "error_description": "wrong verifier"}
        return 200, self._tokens(self.sign(self.id_token_claims(asked.get("nonce", ""))))

    def _refresh(self, form: dict[str, str]) -> tuple[int, Any]:
        with self._lock:
            token = form.get("refresh_token", "")
            if token not in self._refresh_tokens:
                return 400, {"error": "invalid_grant", "error_description": "unknown refresh token"}
            # Each is good once, as with providers that rotate them.
            self._refresh_tokens.discard(token)
        person = self.refresh_person or self.person
        id_token = self.sign({**self.id_token_claims(), **person}) if self.gives_id_token_on_refresh else None
        return 200, self._tokens(id_token)

    def _tokens(self, id_token: str | None) -> dict[str, Any]:
        access_token = "at-" + random_text(20)
        if self.access_token_claims is not None:
            now = int(clock.now().timestamp())
            access_token = self.sign({"iss": self.url, "exp": now + 300, **self.access_token_claims})
        answer: dict[str, Any] = {"access_token": access_token, "token_type": "Bearer", "expires_in": self.lifetime}
        if id_token:
            answer["id_token"] = id_token
        if self.gives_refresh_token:
            answer["refresh_token"] = "rt-" + random_text(20)
            self._refresh_tokens.add(answer["refresh_token"])
        answer.update(self.token_changes)
        return {name: value for name, value in answer.items() if value is not None}

    def _is_client(self, form: dict[str, str], authorization: str) -> bool:
        if authorization.startswith("Basic "):
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            return (unquote_plus(pair[0]), unquote_plus(pair[2])) == (CLIENT_ID, CLIENT_SECRET)
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)

    def answer(self, method: str, path: str, form: dict[str, str], authorization: str) -> tuple[int, str, bytes]:
        """Answer one request; returns status, type and body."""
        with self._lock:
            self.requests.append(f"{method} {path}")
        time.sleep(self.delays.get(path, 0.0))
        if path in self.failing:
            status, body = self.failing[path]
            return status, JSON, msgspec.json.encode(body)
        if path == "/.well-known/openid-configuration":
            return 200, JSON, msgspec.json.encode(self.document)
        if path == "/keys":
            public = KeySet(self.keys).as_dict(private=False)
            return 200, JSON, msgspec.json.encode(public)
        if path == "/token":
            status, found = self.answer_token(form, authorization)
            return status, JSON, msgspec.json.encode(found)
        if path == "/userinfo":
            found = self.user_info if self.user_info is not None else self.person
            if self.user_info_type != JSON:
                return 200, self.user_info_type, self.sign(found).encode()
            return 200, JSON, msgspec.json.encode(found)
        return 404, JSON, b'{"error":"not_found"}'


def ec_key(kid: str = "curve") -> ECKey:
    """Return a key of the curve P-256."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def okp_key(kid: str = "edwards") -> OKPKey:
    """Return a key of the curve Ed25519."""
    return OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"})


@contextmanager
def running_issuer(port: int = 0) -> Iterator[Issuer]:
    """Run a provider on loopback."""
    issuer = Issuer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            self._serve(dict(parse_qsl(body, keep_blank_values=True)))

        def _serve(self, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            status, kind, body = issuer.answer(self.command, path, form, self.headers.get("authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def back(answer: dict[str, str]) -> str:
    """Return the path of the callback with a provider's answer."""
    return "/users/oidc/callback?" + urlencode(answer)
