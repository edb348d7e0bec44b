"""The one cache of hosts: what it knows, and that it follows every change on every server."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit import clock as kit_clock
from homeport.kit.clock import FakeClock
from homeport.kit.ids import new_id
from homeport.proxies.service import hosts as module
from homeport.proxies.service.hosts import CHANGED, SEEN_WITHIN, HostCache
from homeport.proxies.types import AppHosts
from tests.support.waiting import until

SETTINGS = Settings(access_url="https://home.test", wildcard_access_url="*.apps.home.test")
ALONE = AppHosts(frame=("*.apps.home.test",))
EU = AppHosts(
    connect=("ws://eu.test", "wss://eu.test", "http://eu.test", "https://eu.test"),
    frame=("*.apps.home.test", "*.eu.test"),
)


async def add_proxy(db: Database, name: str = "eu", **more: Any) -> Any:
    """Write a proxy that was seen just now, and return its id."""
    now = kit_clock.now()
    row = {
        "id": new_id(), "name": name, "url": f"https://{name}.test", "wildcard_hostname": f"*.{name}.test", "token_hash": b"h",
        "last_seen_at": now, "created_at": now, "updated_at": now, **more,
    }  # fmt: skip
    names, places = ", ".join(row), ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await db.execute(f"insert into workspace_proxies ({names}) values ({places})", *row.values())
    return row["id"]


@pytest.fixture
async def listener(db: Database) -> AsyncIterator[Listener]:
    made = Listener(db.connect)
    await made.start()
    # What happens before it has its session is told by no message but RESYNC.
    await until(lambda: made.is_connected)
    yield made
    await made.stop()


@pytest.fixture
async def servers(db: Database, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[HostCache]]:
    """The caches of two servers, which look by themselves only when told: what they know, they know by news."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 3600.0)
    second = Listener(db.connect)
    await second.start()
    made = [HostCache(db, SETTINGS), HostCache(db, SETTINGS)]
    await made[0].start(listener)
    await made[1].start(second)
    yield made
    for cache in made:
        await cache.stop()
    await second.stop()


async def become(servers: list[HostCache], expected: AppHosts) -> None:
    """Wait until every server knows this."""

    async def is_so() -> bool:
        return all(cache.current == expected for cache in servers)

    await until(is_so)


@pytest.mark.requirement("CSP-HOSTS-02", "M09")
async def test_every_server_follows_what_becomes_of_proxies(db: Database, servers: list[HostCache]) -> None:
    await become(servers, ALONE)
    proxy = await add_proxy(db)
    await become(servers, EU)
    await db.execute(
        "update workspace_proxies set url = 'https://moved.test', wildcard_hostname = '' where id = $1", proxy
    )
    moved = AppHosts(
        connect=("ws://moved.test", "wss://moved.test", "http://moved.test", "https://moved.test"),
        frame=("*.apps.home.test", "moved.test"),
    )
    await become(servers, moved)
    await db.execute("update workspace_proxies set deleted = true where id = $1", proxy)
    await become(servers, ALONE)
    await add_proxy(db)
    await become(servers, EU)
    await db.execute("delete from workspace_proxies")
    await become(servers, ALONE)


@pytest.mark.requirement("CSP-HOSTS-02")
async def test_a_proxy_that_falls_silent_is_forgotten_and_known_again(
    db: Database, servers: list[HostCache], clock: FakeClock
) -> None:
    proxy = await add_proxy(db)
    await become(servers, EU)
    clock.advance(SEEN_WITHIN + timedelta(seconds=1))
    for cache in servers:
        await cache.look()
    await become(servers, ALONE)
    await db.execute("update workspace_proxies set last_seen_at = $2 where id = $1", proxy, kit_clock.now())
    await become(servers, EU)


@pytest.mark.requirement("CSP-HOSTS-02")
async def test_by_itself_it_looks_as_well(
    db: Database, listener: Listener, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.02)
    cache = HostCache(db, SETTINGS)
    await add_proxy(db)
    await cache.start(listener)
    try:
        await become([cache], EU)
        clock.advance(SEEN_WITHIN + timedelta(seconds=1))
        await become([cache], ALONE)
    finally:
        await cache.stop()


@pytest.mark.requirement("CSP-HOSTS-02")
async def test_a_start_that_cannot_read_the_hosts_fails_instead_of_waiting(db: Database, listener: Listener) -> None:
    class Broken(HostCache):
        async def look(self) -> None:
            raise LookupError("nobody has thought of this")

    cache = Broken(db, SETTINGS)
    async with asyncio.timeout(10):
        with pytest.raises(LookupError):
            await cache.start(listener)
    await cache.stop()


@pytest.mark.requirement("CSP-HOSTS-02")
async def test_that_a_proxy_is_still_there_is_no_news(db: Database, listener: Listener, clock: FakeClock) -> None:
    proxy = await add_proxy(db)
    async with listener.subscribe(CHANGED) as news:
        clock.advance(timedelta(seconds=30))
        await db.execute("update workspace_proxies set last_seen_at = $2 where id = $1", proxy, kit_clock.now())
        await db.execute("update workspace_proxies set display_name = 'Europe' where id = $1", proxy)
        await db.execute("update workspace_proxies set url = 'https://b.test' where id = $1", proxy)
        # The first news are those of the last change, so the others were none.
        payloads = await news.wait(10)
        assert [one for one in payloads if one] == [str(proxy)]


@pytest.mark.requirement("CSP-HOSTS-02")
async def test_proxies_without_an_address_or_sight_do_not_count(db: Database) -> None:
    cache = HostCache(db, SETTINGS)
    await add_proxy(db, "unseen", last_seen_at=None)
    await add_proxy(db, "nowhere", url="")
    await add_proxy(db, "gone", deleted=True)
    await cache.look()
    assert cache.current == ALONE
    await add_proxy(db)
    await cache.look()
    known = cache.current
    assert known == EU
    await cache.look()
    assert cache.current is known, "who has built something of it need not build it again"
