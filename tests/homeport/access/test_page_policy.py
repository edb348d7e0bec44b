"""The policy of pages: what proxies, applications and the operator add, and that nothing of ours is replaced (identity 8.2)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from homeport.access.page_policy import content_security_policy, sign_in_policy
from homeport.config import Settings
from homeport.config.browsers import read_policy
from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.proxies.types import AppHosts
from homeport.server.app import build_asgi, build_parts
from tests.homeport.proxies.test_hosts import add_proxy
from tests.support.accounts import Api
from tests.support.waiting import until

HOSTS = AppHosts(connect=("wss://eu.test", "https://eu.test"), frame=("*.apps.test", "*.eu.test"))
OURS = {
    "default-src": "'self'", "child-src": "'self'", "connect-src": "'self' ws://home.test wss://home.test", "script-src": "'self'",
    "font-src": "'self' data:", "form-action": "'self'", "frame-ancestors": "'self'", "frame-src": "'self'",
    "img-src": "'self' https: data:", "manifest-src": "'self' blob:", "media-src": "'self'", "object-src": "'self'",
    "style-src": "'self' 'unsafe-inline'", "worker-src": "'self' blob:", "report-uri": "/api/v2/csp/reports",
}  # fmt: skip


def directives(policy: str) -> dict[str, str]:
    """Return a policy by directive; each stands there once."""
    parts = [part.partition(" ") for part in policy.split("; ")]
    assert len({name for name, _, _ in parts}) == len(parts), policy
    return {name: values for name, _, values in parts}


@pytest.mark.requirement("CSP-HOSTS-01")
def test_the_policy_has_every_directive_of_the_reference() -> None:
    assert directives(content_security_policy(host="home.test")) == OURS
    found = directives(content_security_policy(host="home.test", hosts=HOSTS))
    assert found == OURS | {
        "connect-src": "'self' ws://home.test wss://home.test wss://eu.test https://eu.test",
        "frame-src": "'self' *.apps.test *.eu.test",
    }


@pytest.mark.requirement("CSP-HOSTS-01")
def test_the_own_host_is_not_told_twice() -> None:
    hosts = AppHosts(connect=("ws://home.test", "wss://home.test", "https://home.test"))
    found = directives(content_security_policy(host="home.test", hosts=hosts))
    assert found["connect-src"] == "'self' ws://home.test wss://home.test https://home.test"


@pytest.mark.requirement("CSP-ADDITIONS-01", "M20")
@pytest.mark.parametrize("name", sorted(OURS))
def test_a_value_is_added_behind_ours_whatever_the_directive(name: str) -> None:
    found = directives(content_security_policy(host="home.test", additions=read_policy((f"{name} https://more.test",))))
    assert found == OURS | {name: f"{OURS[name]} https://more.test"}


@pytest.mark.requirement("CSP-ADDITIONS-01", "M20")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("base-uri", "https://more.test"),
        ("script-src-elem", "'self' https://more.test"),
        ("style-src-elem", "'self' 'unsafe-inline' https://more.test"),
        ("fenced-frame-src", "'self' https://more.test"),
        ("prefetch-src", "'self' https://more.test"),
    ],
)
def test_a_new_directive_never_takes_away_what_another_allowed(name: str, expected: str) -> None:
    found = directives(content_security_policy(host="home.test", additions=read_policy((f"{name} https://more.test",))))
    assert found == OURS | {name: expected}


@pytest.mark.requirement("CSP-ANCESTORS-01")
def test_framing_by_others_is_by_setting_and_never_where_people_sign_in() -> None:
    def ancestors(*values: str, additions: tuple[str, ...] = ()) -> str | None:
        policy = content_security_policy(host="", ancestors=values, additions=read_policy(additions))
        return directives(policy).get("frame-ancestors")

    assert ancestors() is None
    assert ancestors("'self'", "https://portal.test") == "'self' https://portal.test"
    assert ancestors("'self'", additions=("frame-ancestors vscode-webview:",)) == "'self' vscode-webview:"
    assert ancestors(additions=("frame-ancestors https://a.test",)) == "https://a.test"
    settings = Settings(
        csp_frame_ancestors=("*",),
        additional_csp_policy=("frame-ancestors https://a.test", "form-action https://a.test", "img-src blob:"),
    )
    found = directives(sign_in_policy(settings, "home.test"))
    assert found["frame-ancestors"] == "'none'"
    assert "form-action" not in found
    assert found["img-src"].endswith(" blob:"), "the operator's pictures show there as well"


class Server:
    """The server's own application, and the policy of one of its pages."""

    def __init__(self, db: Database, listener: Listener, **settings: Any) -> None:
        chosen = Settings(access_url="https://home.test", dangerous_disable_rate_limits=True, **settings)
        self.parts = build_parts(chosen, db, listener, Cipher([bytes(range(32))]))
        asgi, _, gate = build_asgi(self.parts)
        self.api = Api(asgi, db, chosen, self.parts.authenticators, gate)

    async def policy(self, path: str = "/nowhere", host: str = "home.test") -> dict[str, str]:
        """Return the policy that a page carries."""
        answer = await self.api.raw("GET", path, headers={"Host": host})
        return directives(answer.headers["content-security-policy"])

    async def close(self) -> None:
        """End what runs beside requests."""
        await self.parts.hosts.stop()
        await self.api.gate.close()


@pytest.fixture
async def servers(db: Database) -> AsyncIterator[list[Server]]:
    """Two servers on one database, as they run."""
    listener = Listener(db.connect)
    await listener.start()
    made = [
        Server(
            db,
            listener,
            wildcard_access_url="*--apps.home.test",
            additional_csp_policy=("frame-src https://more.test",),
        ),
        Server(db, listener),
    ]
    for server in made:
        await server.parts.hosts.start(listener)
    yield made
    for server in made:
        await server.close()
    await listener.stop()


@pytest.mark.requirement("CSP-HOSTS-03", "M09", "M20")
async def test_pages_of_every_server_follow_the_table(db: Database, servers: list[Server]) -> None:
    first, second = servers
    assert (await first.policy())["frame-src"] == "'self' *.home.test https://more.test"
    assert (await second.policy())["frame-src"] == "'self' home.test"
    await add_proxy(db, wildcard_hostname="*--apps.eu.test")

    async def is_known() -> bool:
        found = [await server.policy() for server in servers]
        return all("*.eu.test" in one["frame-src"] and "wss://eu.test" in one["connect-src"] for one in found)

    await until(is_known)
    assert (await first.policy())["frame-src"] == "'self' *.home.test *.eu.test https://more.test"
    await db.execute("update workspace_proxies set deleted = true")

    async def is_forgotten() -> bool:
        return not any("eu.test" in str(found) for found in [await server.policy() for server in servers])

    await until(is_forgotten)


@pytest.mark.requirement("CSP-HOSTS-03")
async def test_a_host_header_is_only_repeated_where_it_is_one(servers: list[Server]) -> None:
    for number in range(40):
        found = await servers[0].policy(host=f"h{number}.test")
        assert found["connect-src"] == f"'self' ws://h{number}.test wss://h{number}.test"
    # The framework refuses it besides; the policy of the refusal holds nothing of it.
    assert (await servers[0].policy(host="x; script-src evil"))["connect-src"] == "'self'"
