"""What stands before every handler: CSRF, authentication by the route's declaration, rate limit, proof that it decided.

Raw ASGI, because every request passes here. What it finds lies in the scope under the keys of `providers`.
"""

from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from homeport.access import rules
from homeport.access.authenticators import Authenticators, Presented
from homeport.access.errors import NotForWebSockets, SignedOut
from homeport.access.live import LiveConnections
from homeport.access.providers import AGENT, DAEMON, IDENTITY, PROVIDER
from homeport.access.rate_limits import RateLimits
from homeport.access.resources import Doorkeeper
from homeport.access.service.sessions import Sessions
from homeport.access.types import Identity, ProvisionerIdentity
from homeport.database import Database
from homeport.identity.types import SESSION_COOKIE, LoginType
from homeport.kit.errors import Forbidden, NotAuthenticated
from homeport.kit.request import current_request
from homeport.kit.routes import KEY, Access
from homeport.rbac import DecisionLog, Subject, decisions

_FORGET_SESSION = f"{SESSION_COOKIE}=; HttpOnly; Max-Age=0; Path=/; SameSite=lax".encode()
_UNDECLARED = Access("public", reason="the framework's own route")


class UndecidedRoute(RuntimeError):
    """A route answered without deciding what it says that it requires: a mistake of ours, raised in tests."""


class EndlessRoute(RuntimeError):
    """A route answered a person with a stream and does not declare that it lasts: a mistake of ours, raised in tests."""


class Gate:
    """The parts that the middleware works with; one per application, made by the composition root."""

    def __init__(
        self,
        db: Database,
        sessions: Sessions,
        authenticators: Authenticators,
        rate_limits: RateLimits,
        *,
        doorkeeper: Doorkeeper | None = None,
        live: LiveConnections | None = None,
        has_proof: bool = False,
    ) -> None:
        """`has_proof` makes a successful answer without a decision an error, and a stream that is not declared: on in tests."""
        self.db = db
        self.sessions = sessions
        self.authenticators = authenticators
        self.rate_limits = rate_limits
        self.doorkeeper = doorkeeper or Doorkeeper(sessions)
        self.live = live or LiveConnections(sessions)
        self.has_proof = has_proof

    async def close(self) -> None:
        """Wait for what runs beside requests."""
        await self.sessions.close()


class Authentication:
    """The middleware, as the innermost around the application of one server."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        opt = scope["route_handler"].opt
        access: Access = opt.get(KEY, _UNDECLARED)
        mark = self._gate.live.mark
        try:
            # Where pages of every site may call, or an identity provider, no cookie counts, so none can be abused.
            has_cookies = not access.has_cors and access.credential != "scim"
            if scope["type"] == ScopeType.HTTP and has_cookies and (answer := self._forged(scope)):
                await _send_text(send, 400, answer)
                return
            if scope["type"] != ScopeType.HTTP and self._is_foreign(scope):
                raise Forbidden("A page of another site may not open this WebSocket.")
            if (limit := opt.get("rate_limit")) is not None:
                await self._gate.rate_limits.hit(limit, current_request().ip)
            if access.credential != "public":
                await self._identify(scope, access)
        except SignedOut as error:
            if access.is_page and scope["type"] == ScopeType.HTTP:
                is_https = self._gate.sessions.access_url.startswith("https://")
                # A stream shows nobody the reason; its page will ask again, and shall find it.
                await _send_to_login(send, scope, error, is_https=is_https, forgets=error.is_final and not access.lasts)
                return
            raise
        identity: Identity | None = cast("Any", scope).get(IDENTITY)
        if identity is None or (scope["type"] == ScopeType.HTTP and not access.lasts):
            await self._serve(scope, receive, send)
            return
        try:
            await self._gate.live.serve(self._serve, scope, receive, send, identity=identity, mark=mark)
        except SignedOut as error:
            if access.resource is None:
                raise
            raise self._gate.doorkeeper.refusal(access.resource, 401, "invalid_token", error.description) from error

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        access: Access = scope["route_handler"].opt.get(KEY, _UNDECLARED)
        if self._gate.has_proof and scope["type"] == ScopeType.HTTP and access.permission:
            await self._serve_with_proof(scope, receive, send, access)
        else:
            await self._app(scope, receive, send)

    def _is_foreign(self, scope: Any) -> bool:
        return rules.is_foreign_socket(scope["headers"], self._gate.sessions.access_url)

    def _forged(self, scope: Any) -> str:
        if scope["method"] in rules.SAFE_METHODS:
            return ""
        return rules.csrf_problem(
            method=scope["method"],
            path=scope.get("path_template") or scope["path"],
            headers=scope["headers"],
            query=scope["query_string"],
            access_url=self._gate.sessions.access_url,
        )

    async def _identify(self, scope: Any, access: Access) -> None:
        if access.resource is not None:
            if scope["type"] != ScopeType.HTTP:
                raise NotForWebSockets(scope["path"])
            scope[IDENTITY] = await self._gate.doorkeeper.admit(scope, access.resource)
            return
        headers, query = scope["headers"], scope["query_string"]
        token = rules.presented_token(headers, query)
        if access.credential == "user":
            scope[IDENTITY] = await self._authenticate(token, query)
        elif access.credential == "optional":
            scope[IDENTITY] = await self._find_identity(token, query)
        else:
            await self._identify_program(scope, access, token)

    async def _authenticate(self, token: str, query: bytes) -> Identity:
        """Recognise a person. An access token of a client does not count in the query; keys and sessions do (identity 2)."""
        identity = await self._gate.sessions.authenticate(token)
        if identity.key_login_type == LoginType.OAUTH2_PROVIDER_APP and rules.is_in_query(token, query):
            raise self._gate.sessions.refusal("Send an access token in the header Authorization, not in the query.")
        return identity

    async def _find_identity(self, token: str, query: bytes) -> Identity | None:
        if not token:
            return None
        try:
            return await self._authenticate(token, query)
        except SignedOut:
            return None

    async def _identify_program(self, scope: Any, access: Access, token: str) -> None:
        presented = Presented(token, scope["headers"], dict(scope.get("path_params") or {}))
        gate = self._gate
        if access.credential == "scim":
            scope[PROVIDER] = await self._identify_provider(presented)
            return
        if access.credential == "agent":
            scope[AGENT] = await gate.authenticators.agent(gate.db, presented)
            return
        daemon = await gate.authenticators.provisioner(cast("Any", access.credential), gate.db, presented)
        if daemon is None:
            identity = await self._authenticate(token, scope["query_string"])
            scope[IDENTITY] = identity
            daemon = ProvisionerIdentity(
                kind="user",
                organization_id=None,
                key_id=None,
                tags={},
                user_id=identity.user_id,
                subject=identity.subject,
            )
        scope[DAEMON] = daemon

    async def _identify_provider(self, presented: Presented) -> Subject:
        """Recognise the identity provider. Wrong tokens are counted by address; a right one is let in whoever else guesses there."""
        try:
            return await self._gate.authenticators.scim(presented)
        except NotAuthenticated:
            await self._gate.rate_limits.hit("scim", current_request().ip)
            raise

    async def _serve_with_proof(self, scope: Scope, receive: Receive, send: Send, access: Access) -> None:
        log = (decisions.get() if access.lasts else None) or DecisionLog()
        token = decisions.set(log)
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status < 400 and not log.made and not log.is_public:
                    route = f"{scope.get('method')} {scope.get('path_template')}"
                    raise UndecidedRoute(f"{route} requires {access.permission} but made no decision.")
                if not access.lasts and b"event-stream" in dict(message["headers"]).get(b"content-type", b""):
                    raise EndlessRoute(f"{scope.get('path_template')} sends a stream: declare it as lasting(...).")
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            decisions.reset(token)


async def _send_text(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode() + b"\n", "more_body": False})


async def _send_to_login(send: Send, scope: Any, error: SignedOut, *, is_https: bool, forgets: bool) -> None:
    """Send a browser to the sign-in page; 303, so that a POST becomes a GET."""
    location = rules.login_location(scope["path"], scope["query_string"], error.reason)
    headers = [
        (b"location", location.encode("latin-1", "replace")),
        (b"www-authenticate", error.challenge.encode("latin-1", "replace")),
        (b"cache-control", b"no-store"),
    ]
    if forgets and rules.cookie(scope["headers"], SESSION_COOKIE):
        # A session that will not come back shall not stand in the way of the next.
        # Under https its name gets a prefix further out, and browsers take that with Secure alone.
        headers.append((b"set-cookie", _FORGET_SESSION + (b"; Secure" if is_https else b"")))
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
