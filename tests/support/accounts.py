"""People for tests: accounts with sessions in the test's database, and an HTTP client of an application made of few rooms.

`accounts` makes users (`await accounts.make("owner")`), `api` is an application with identity and organizations behind the
real door. Rooms above make their own application and use `accounts` alone.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from homeport.access import queries as access_queries
from homeport.access.authenticators import Authenticators
from homeport.access.cors import CrossOrigin
from homeport.access.middleware import Gate
from homeport.access.rate_limits import RateLimits
from homeport.access.service.links import LinkClock
from homeport.access.service.sessions import Sessions
from homeport.config import Settings
from homeport.database import Database
from homeport.files.service import FileCache
from homeport.identity.login.configured import Providers, providers_of
from homeport.identity.queries import users as user_queries
from homeport.identity.service.keys import create_key
from homeport.identity.types import LoginType, UserCreated, UserStatus
from homeport.kit import clock as kit_clock
from homeport.kit.crypto import Cipher
from homeport.kit.ids import new_id
from homeport.organizations.queries import members as member_queries
from homeport.organizations.service import place_created_user
from homeport.proxies.service.hosts import HostCache
from homeport.rbac import Subject
from tests.support.applications import bind
from tests.support.identities import makes_identities
from tests.support.names import unique_name

DEFAULT_ORGANIZATION_ID = UUID("5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10")
ACCESS_URL = "http://homeport.test"
_SITE_ROLES = {"owner", "auditor", "template-admin", "user-admin"}


class Person(msgspec.Struct, frozen=True):
    """An account with a session. `token` is empty and `subject` None for "anonymous"."""

    kind: str
    id: UUID
    username: str
    email: str
    token: str
    subject: Subject | None

    @property
    def headers(self) -> dict[str, str]:
        """Headers that sign a request in."""
        return {"Coder-Session-Token": self.token} if self.token else {}

    @property
    def me(self) -> Subject:
        """The subject of somebody who has one."""
        assert self.subject is not None
        return self.subject


class Accounts:
    """Makes accounts without the cost of passwords."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def make(
        self,
        kind: str = "member",
        *,
        roles: Sequence[str] | None = None,
        organization_roles: Sequence[str] | None = None,
        organization_ids: Sequence[UUID] = (DEFAULT_ORGANIZATION_ID,),
        status: str = UserStatus.ACTIVE,
        scopes: Sequence[str] = ("coder:all",),
        allow_list: Sequence[str] = ("*:*",),
        lifetime: timedelta = timedelta(hours=24),
        login_type: LoginType = LoginType.PASSWORD,
    ) -> Person:
        """Make an account by kind: `anonymous`, `stranger` (of no organization), `member`, or the name of any built-in role."""
        if kind == "anonymous":
            return Person(kind, new_id(), "", "", "", None)
        site = list(roles if roles is not None else [kind] if kind in _SITE_ROLES else [])
        local = list(
            organization_roles if organization_roles is not None else [kind] if kind.startswith("organization-") else []
        )
        places = () if kind == "stranger" else organization_ids
        username = unique_name(kind.rsplit("-", maxsplit=1)[-1][:8])
        now = kit_clock.now()
        async with self._db.transaction() as conn:
            row = await user_queries.insert_user(
                conn, user_id=new_id(), email=f"{username}@homeport.test", username=username, name=kind.title(),
                hashed_password="", status=status, roles=site, login_type=LoginType.PASSWORD, now=now,
            )  # fmt: skip
            for organization_id in places:
                await member_queries.insert_member(conn, organization_id, row.id, local, now)
            _, token = await create_key(
                conn,
                user_id=row.id,
                login_type=LoginType.PASSWORD,
                lifetime=lifetime,
                scopes=scopes,
                allow_list=allow_list,
            )
        return Person(kind, row.id, username, row.email, token, await self.subject(token))

    async def subject(self, token: str) -> Subject | None:
        """Return the subject of a session as requests get it, without noting its use."""
        row = await access_queries.find_session(self._db, token.partition("-")[0])
        if row is None or row["status"] != UserStatus.ACTIVE:
            return None
        return Sessions(self._db, Settings(access_url=ACCESS_URL))._identity(token.partition("-")[0], row).subject


@pytest.fixture
async def accounts(db: Database) -> Accounts:
    """Makes accounts in the test's database."""
    return Accounts(db)


@makes_identities
async def make_identity(name: str, db: Database) -> Person:
    """Make the people of `@pytest.mark.identities(...)`."""
    return await Accounts(db).make(name)


class Api:
    """A client of one application. `Api.call(person, "GET", "/users/me")` goes below /api/v2."""

    def __init__(
        self,
        asgi: Any,
        db: Database,
        settings: Settings,
        authenticators: Authenticators,
        gate: Gate,
        providers: Providers | None = None,
    ) -> None:
        self.asgi, self.db, self.settings, self.authenticators, self.gate = asgi, db, settings, authenticators, gate
        self.providers = providers or providers_of(settings)

    async def raw(self, method: str, path: str, *, address: str = "192.0.2.7", **more: Any) -> httpx.Response:
        """Send one request to any path; no cookies are kept."""
        transport = httpx.ASGITransport(app=self.asgi, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=ACCESS_URL) as client:
            return await client.request(method, path, **more)

    async def call(
        self, person: Person | None, method: str, path: str, body: Any = None, **more: Any
    ) -> httpx.Response:
        """Send one request below /api/v2, signed in by header."""
        headers = {**(person.headers if person else {}), **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return await self.raw(method, f"/api/v2{path}", headers=headers, **more)


def build_api(
    db: Database,
    *,
    routes: Sequence[Any] = (),
    root_routes: Sequence[Any] = (),
    provided: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Api:
    """Build an application of identity, organizations and the given routes; settings by keyword.

    `provided` are values for further parameters of handlers, by name.
    """
    from homeport.server.attempts import Attempts  # lazy: only HTTP tests need the server room
    from homeport.server.edge import Edge  # lazy: as above
    from homeport.server.sockets import SocketRefusals  # lazy: as above

    chosen = Settings(**{"access_url": ACCESS_URL, "dangerous_disable_rate_limits": True, **settings})
    authenticators = Authenticators()
    cipher = Cipher([bytes(range(32))])
    providers = providers_of(chosen)
    links = LinkClock(db, cipher, providers, access_url=chosen.access_url)
    gate = Gate(db, Sessions(db, chosen, links=links), authenticators, RateLimits(chosen, db), has_proof=True)
    if not db.events._handlers.get(UserCreated):
        db.events.subscribe(UserCreated, place_created_user)
    own = {
        "db": db, "settings": chosen, "cipher": cipher, "rate_limits": gate.rate_limits, "providers": providers,
        "file_cache": FileCache(db),
    }  # fmt: skip
    app = bind({**own, **(provided or {})}, gate, routes=routes, root_routes=root_routes)
    inner = Attempts(SocketRefusals(CrossOrigin(app, app.routes, origins=chosen.cors_allowed_origins)), db)
    return Api(Edge(inner, chosen, HostCache(db, chosen)), db, chosen, authenticators, gate, providers)


@pytest.fixture
async def api(db: Database) -> AsyncIterator[Api]:
    """An application of identity and organizations behind the real door."""
    built = build_api(db)
    yield built
    await built.gate.close()
