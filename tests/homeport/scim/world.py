"""An application with SCIM switched on, and an identity provider that calls it. `Whole` has every room, which takes longer to make."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.scim import api as scim_api
from homeport.scim.service.door import provider_resolver
from homeport.server.app import build_asgi, build_parts
from tests.support.accounts import ACCESS_URL, Accounts, Api, build_api
from tests.support.names import unique_name

TOKEN = "a-token-of-the-deployment-for-scim-0123456789"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MEDIA_TYPE = "application/scim+json"
_ROUTES = [*scim_api.absent_routes, scim_api.router()]


class World:
    """See the module. `api` calls the HTTP API as people do, `call` calls SCIM as the provider does."""

    def __init__(self, db: Database, **settings: Any) -> None:
        chosen = {"scim_auth_header": TOKEN, **settings}
        self.api = build_api(db, root_routes=_ROUTES, **chosen)
        self.api.authenticators.register_scim(provider_resolver(self.api.settings))
        self.db, self.accounts = db, Accounts(db)

    async def close(self) -> None:
        """End what runs beside requests."""
        await self.api.gate.close()

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Send one request below /scim/v2 with the token, and check that the answer has SCIM's form."""
        given = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
        if body is not None:
            more["json"] = body
            given.setdefault("Content-Type", MEDIA_TYPE)
        answer = await self.api.raw(method, f"/scim/v2{path}", headers=given, **more)
        if answer.content:
            assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPE, answer.text
        if answer.status_code >= 400:
            found = answer.json()
            assert found["schemas"] == [ERROR], found
            assert found["status"] == str(answer.status_code), found
            assert found["detail"], found
        return answer

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send one request and return its JSON; fails on a refusal."""
        answer = await self.call(method, path, body, **more)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def refused(self, status: int, scim_type: str, method: str, path: str, body: Any = None, **more: Any) -> str:
        """Send one request that must be refused in this way, and return the reason given."""
        answer = await self.call(method, path, body, **more)
        found = answer.json()
        assert (answer.status_code, found.get("scimType", "")) == (status, scim_type), answer.text
        return str(found["detail"])

    async def make_user(self, user_name: str = "", **more: Any) -> dict[str, Any]:
        """Make an account."""
        name = user_name or f"{unique_name('p')}@corp.test"
        made: dict[str, Any] = await self.ask("POST", "/Users", person(name, **more))
        return made

    async def find(self, path: str, filter: str, **more: Any) -> list[dict[str, Any]]:
        """Return the resources that match a filter."""
        found: list[dict[str, Any]] = (await self.ask("GET", path, params={"filter": filter, **more}))["Resources"]
        return found

    async def status_of(self, user_id: str) -> str:
        """Return what the table says of an account."""
        return str(await self.db.fetchval("select status::text from users where id = $1", UUID(user_id)))


class Whole(World):
    """The same with every room and layer of the server."""

    def __init__(self, db: Database, **settings: Any) -> None:
        chosen = {"access_url": ACCESS_URL, "dangerous_disable_rate_limits": True, "provisioner_daemons": 0}
        self.settings = Settings(**{**chosen, "scim_auth_header": TOKEN, **settings})
        self.parts = build_parts(self.settings, db, Listener(db.connect), Cipher([bytes(range(32))]))
        asgi, self.app, gate = build_asgi(self.parts, has_proof=True)
        self.api = Api(asgi, db, self.settings, self.parts.authenticators, gate)
        self.db, self.accounts = db, Accounts(db)

    async def close(self) -> None:
        """End what runs beside requests."""
        await self.parts.mcp.close()
        await super().close()


@asynccontextmanager
async def another(world: World, **settings: Any) -> AsyncIterator[World]:
    """Another server process on the same database, with other settings."""
    database = Database(world.db.url, pool_size=8)
    database.types = world.db.types
    made = World(database, **settings)
    yield made
    await made.close()
    await database.close()


def person(user_name: str, **more: Any) -> dict[str, Any]:
    """Return the body of an account as providers send it."""
    return {
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"primary": True, "value": user_name, "type": "work"}],
        "displayName": "Ada Lovelace",
        "active": True,
        **more,
    }


def operations(*found: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a PATCH."""
    return {"schemas": [PATCH], "Operations": list(found)}
