"""The whole application in this process, once or as several replicas on one database, with clients and people.

`world.token(client, grant_type=…)` asks the token endpoint; `world.tokens(client, person)` is the way there in one call. Codes
are made by the service here, without a browser.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import httpx
import msgspec

from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.ids import new_id
from homeport.oauth2.queries import clients as queries
from homeport.oauth2.rules.authorization import grant_resource
from homeport.oauth2.rules.pkce import challenge_of
from homeport.oauth2.service.grants import issue_code, record_grant
from homeport.oauth2.service.secrets import insert_new_secret
from homeport.oauth2.types import AppRow, AuthMethod
from homeport.server.app import build_asgi, build_parts
from tests.support.accounts import ACCESS_URL, Accounts, Person
from tests.support.names import unique_name

ADDRESS = "192.0.2.7"
CALLBACK = "https://client.example/callback"
VERIFIER = "a-verifier-of-the-tests-that-is-long-enough-0123456789"
CHALLENGE = challenge_of(VERIFIER)
READ = "coder:workspaces.read"
MCP = f"{ACCESS_URL}/mcp"
KEYS = [bytes(range(32))]


class OAuthClient(msgspec.Struct, frozen=True):
    """A client and its secret (empty: it has none)."""

    app: AppRow
    secret: str = ""

    @property
    def id(self) -> str:
        """Its client_id."""
        return self.app.client_id

    @property
    def form(self) -> dict[str, str]:
        """What it adds to its forms."""
        return {"client_id": self.id, **({"client_secret": self.secret} if self.secret else {})}

    def basic(self) -> dict[str, str]:
        """The header with which it proves itself by HTTP Basic."""
        return {"authorization": "Basic " + base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()}


class Replica:
    """One server process above a database."""

    def __init__(self, db: Database, **settings: Any) -> None:
        self.db = db
        self.settings = Settings(
            **{"access_url": ACCESS_URL, "dangerous_disable_rate_limits": True, "provisioner_daemons": 0, **settings}
        )
        self.parts = build_parts(self.settings, db, Listener(db.connect), Cipher(KEYS))
        asgi, self.litestar, self.gate = build_asgi(self.parts, has_proof=True)
        self.asgi: Any = asgi

    async def request(self, method: str, path: str, *, address: str = ADDRESS, **more: Any) -> httpx.Response:
        """Send one request; no cookies are kept, no redirect is followed."""
        transport = httpx.ASGITransport(app=self.asgi, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=ACCESS_URL) as client:
            return await client.request(method, path, **more)


class World:
    """Replicas, people and clients. The first replica answers unless another one is named."""

    def __init__(self, db: Database, **settings: Any) -> None:
        self.db = db
        self.first = Replica(db, **settings)
        self.replicas = [self.first]
        self.accounts = Accounts(db)

    @property
    def settings(self) -> Settings:
        """The settings of the first replica."""
        return self.first.settings

    def second(self, db: Database, **settings: Any) -> Replica:
        """Start another server process on the same database."""
        made = Replica(db, **settings)
        self.replicas.append(made)
        return made

    async def close(self) -> None:
        """Wait for what runs beside requests."""
        for replica in self.replicas:
            await replica.gate.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def make_client(
        self,
        *,
        is_public: bool = False,
        method: AuthMethod | None = None,
        grant_types: Sequence[str] = ("authorization_code", "refresh_token"),
        redirect_uris: Sequence[str] = (CALLBACK,),
        scope: str = "",
        service_user_id: UUID | None = None,
        **more: Any,
    ) -> OAuthClient:
        """Make a client as an administrator has registered it."""
        now = clock.now()
        chosen = method or (AuthMethod.NONE if is_public else AuthMethod.SECRET_POST)
        values: dict[str, Any] = dict.fromkeys(AppRow.__struct_fields__, "")
        values |= dict.fromkeys(_NULL)
        values |= {
            "id": new_id(), "name": unique_name("client"), "redirect_uris": list(redirect_uris), "contacts": [],
            "client_type": "public" if is_public else "confidential", "dynamically_registered": False,
            "kind": "registered", "service_user_id": service_user_id, "grant_types": list(grant_types),
            "response_types": ["code"], "token_endpoint_auth_method": chosen, "application_type": "web", "scope": scope,
            "is_scope_limit": True, "created_at": now, "updated_at": now,
        }  # fmt: skip
        app = AppRow(**(values | more))
        async with self.db.transaction() as conn:
            await queries.insert_app(conn, app)
            if is_public or chosen == AuthMethod.PRIVATE_KEY_JWT:
                return OAuthClient(app)
            _, secret = await insert_new_secret(conn, app.id)
        return OAuthClient(app, secret)

    async def code(
        self,
        client: OAuthClient,
        person: Person,
        *,
        scopes: Sequence[str] = (READ,),
        resource: str = "",
        challenge: str = CHALLENGE,
        redirect_uri: str = CALLBACK,
    ) -> str:
        """Make a code that the person has allowed the client."""
        async with self.db.transaction() as conn:
            grant = await record_grant(
                conn,
                user_id=person.id,
                app=client.app,
                resource_uri=grant_resource(resource, ACCESS_URL),
                scopes=scopes,
            )
            return await issue_code(
                conn,
                grant=grant,
                app=client.app,
                scopes=scopes,
                resource_uri=resource,
                code_challenge=challenge,
                state_hash=None,
                redirect_uri=redirect_uri,
            )

    async def post(
        self,
        path: str,
        form: Mapping[str, str] | Sequence[tuple[str, str]],
        *,
        on: Replica | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Send a form."""
        content = str(httpx.QueryParams(list(form.items()) if isinstance(form, Mapping) else list(form)))
        sent = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        return await (on or self.first).request("POST", path, content=content, headers=sent, **more)

    async def token(self, client: OAuthClient | None, *, on: Replica | None = None, **form: str) -> httpx.Response:
        """Ask the token endpoint in the name of a client."""
        return await self.post("/oauth2/tokens", {**(client.form if client else {}), **form}, on=on)

    async def redeem(
        self, client: OAuthClient, code: str, *, on: Replica | None = None, verifier: str = VERIFIER, **form: str
    ) -> httpx.Response:
        """Redeem a code, with the redirect address of these tests."""
        wanted = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **form}
        if verifier:
            wanted["code_verifier"] = verifier
        return await self.token(client, on=on, **wanted)

    async def refresh(
        self, client: OAuthClient, refresh_token: str, *, on: Replica | None = None, **form: str
    ) -> httpx.Response:
        """Use a refresh token."""
        return await self.token(client, on=on, grant_type="refresh_token", refresh_token=refresh_token, **form)

    async def tokens(self, client: OAuthClient, person: Person, **options: Any) -> dict[str, Any]:
        """Return the answer to a code that the person has just allowed."""
        answer = await self.redeem(client, await self.code(client, person, **options))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def whoami(self, access_token: str, *, on: Replica | None = None) -> httpx.Response:
        """Use an access token at the HTTP API."""
        headers = {"authorization": f"Bearer {access_token}"}
        return await (on or self.first).request("GET", "/api/v2/users/me", headers=headers)

    async def works(self, access_token: str, *, on: Replica | None = None) -> bool:
        """Whether an access token opens the HTTP API."""
        status = (await self.whoami(access_token, on=on)).status_code
        assert status in {200, 401}, status
        return status == 200

    async def audited(self, resource_type: str, action: str = "") -> list[dict[str, Any]]:
        """Return audit entries of a type, oldest first."""
        sql = "select * from audit_logs where resource_type = $1 and ($2 = '' or action = $2) order by time, id"
        return [dict(row) for row in await self.db.fetch(sql, resource_type, action)]


def is_refused(answer: httpx.Response, code: str, status: int = 400) -> bool:
    """Whether an answer is exactly the standards' refusal with this code."""
    body = answer.json()
    assert (answer.status_code, body.get("error")) == (status, code), answer.text
    assert set(body) == {"error", "error_description"}
    assert body["error_description"]
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    return True


_NULL = (
    "metadata_url", "service_user_id", "created_by", "client_secret_expires_at", "jwks", "registration_access_token",
    "metadata_fetched_at", "metadata_expires_at", "last_used_at",
)  # fmt: skip
