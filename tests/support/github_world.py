"""An application that signs people in by a GitHub of our own, and browsers that go through it: cookies kept, redirects by hand."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from homeport.config.load import load_settings
from homeport.database import Database
from homeport.identity.login.github import client as github_client
from homeport.identity.login.github.client import Addresses
from tests.support.accounts import ACCESS_URL, Accounts, build_api
from tests.support.github import API, GitHub, running_github, settings_of

CALLBACK = "/api/v2/users/oauth2/github/callback"
DEVICE = "/api/v2/users/oauth2/github/device"
HTML = {"accept": "text/html,application/xhtml+xml"}


class Browser:
    """One browser profile: cookies of the application, and the pages that its person is led to."""

    def __init__(self, world: "World") -> None:
        self._world = world
        transport = httpx.ASGITransport(app=world.api.asgi, client=("192.0.2.7", 4711))
        self.http = httpx.AsyncClient(transport=transport, base_url=ACCESS_URL)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """Go to an address of the application as a program; `headers=HTML` as a person."""
        return await self.http.get(path, **more)

    async def set_out(self, query: str = "", **more: Any) -> httpx.Response:
        """Begin to sign in; returns where it leads."""
        answer = await self.get(f"{CALLBACK}{query}", **more)
        assert answer.status_code == 307, answer.text
        return answer

    async def authorize(self, location: str) -> str:
        """Say yes at GitHub; returns the way back, below the application's address."""
        async with httpx.AsyncClient(trust_env=False) as outside:
            answer = await outside.get(location)
        assert answer.status_code == 302, answer.text
        back = answer.headers["location"]
        assert back.startswith(f"{ACCESS_URL}{CALLBACK}?")
        return back.removeprefix(ACCESS_URL)

    async def sign_in(self, query: str = "", *, headers: dict[str, str] | None = None) -> httpx.Response:
        """Go the whole way by redirects; returns the answer at its end."""
        begun = await self.set_out(query)
        return await self.get(await self.authorize(begun.headers["location"]), headers=headers or {})

    async def begin_device(self, query: str = "") -> str:
        """Begin the device flow; returns the address to poll."""
        begun = await self.set_out(query)
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        found = await self.get(DEVICE)
        assert found.status_code == 200, found.text
        return f"{CALLBACK}?code={found.json()['device_code']}&state={state}"

    @property
    def session(self) -> dict[str, str]:
        """Headers of the session that the browser holds, as a program would send it."""
        token = (self.http.cookies.get("coder_session_token") or "").strip('"')
        return {"Coder-Session-Token": token} if token else {}

    async def me(self) -> dict[str, Any]:
        """Who is signed in."""
        answer = await self._world.api.raw("GET", "/api/v2/users/me", headers=self.session)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


class World:
    """See the module."""

    def __init__(
        self,
        db: Database,
        github: GitHub,
        *,
        root_routes: Sequence[Any] = (),
        provided: Mapping[str, Any] | None = None,
        **settings: str | None,
    ) -> None:
        """`settings` are named as the environment's; one that is None is left out."""
        told = {**settings_of(github), **settings}
        if "OAUTH2_GITHUB_ALLOWED_ORGS" in settings:
            told["OAUTH2_GITHUB_ALLOW_EVERYONE"] = None
        environment = {f"HOMEPORT_{name}": value for name, value in told.items() if value is not None}
        chosen = load_settings(environment=environment)
        given = {name.lower(): getattr(chosen, name.lower()) for name in told}
        self.db, self.github = db, github
        self.api = build_api(db, root_routes=root_routes, provided=provided, **given)
        self.accounts = Accounts(db)

    def browser(self) -> Browser:
        """Return a new browser profile."""
        return Browser(self)

    async def user(self, username: str) -> dict[str, Any]:
        """Return what the tables say of somebody and their link."""
        row = await self.db.fetchrow(
            "select u.*, l.linked_id, l.oauth_expiry from users u left join user_links l on l.user_id = u.id"
            " where u.username = $1 and not u.deleted",
            username,
        )
        assert row is not None, username
        return dict(row)


MakeWorld = Callable[..., World]


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A GitHub on loopback."""
    with running_github() as found:
        yield found


@pytest.fixture
async def make_world(db: Database, github: GitHub) -> AsyncIterator[MakeWorld]:
    """Make applications that sign in by this GitHub, with these settings."""
    made: list[World] = []

    def make(**more: Any) -> World:
        made.append(World(db, github, **more))
        return made[-1]

    yield make
    for world in made:
        await world.api.gate.close()


@contextmanager
def known_as_github_com(github: GitHub) -> Iterator[None]:
    """Let this GitHub be github.com, for settings that name no other host."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(github_client, "GITHUB_COM", Addresses(github.url, github.url + API, is_github_com=True))
        yield
