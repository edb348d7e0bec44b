"""The listener: fan-out by channel and key, slow readers, and what happens when its session is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from homeport.database import RESYNC, Database, Listener
from tests.support.waiting import until


@pytest.fixture
async def play(blank_database: str) -> AsyncIterator[Database]:
    """A database without tables."""
    database = Database(blank_database, pool_size=4)
    yield database
    await database.close()


@pytest.fixture
async def listener(play: Database) -> AsyncIterator[Listener]:
    """A listener that has its session."""
    listener = Listener(play.connect)
    await listener.start()
    await until(lambda: listener.is_connected)
    yield listener
    await listener.stop()


async def send(database: Database, channel: str, *payloads: str) -> None:
    """Send payloads in one transaction."""
    async with database.transaction() as connection:
        for payload in payloads:
            await connection.notify(channel, payload)


@pytest.mark.requirement("DB-NOTIFY-01")
async def test_payloads_reach_the_subscriptions_of_their_channel_and_key(play: Database, listener: Listener) -> None:
    async with (
        listener.subscribe("logs") as everything,
        listener.subscribe("logs", key="a") as one,
        listener.subscribe("logs", key="b") as other,
        listener.subscribe("state", key="a") as elsewhere,
    ):
        await send(play, "logs", "a", "a:end", "ab", "b:1:2")
        received: list[str] = []
        while len(received) < 4:
            received += await everything.wait(5)
        assert received == ["a", "a:end", "ab", "b:1:2"]
        assert await one.wait(0) == ["a", "a:end"]
        assert await other.wait(0) == ["b:1:2"]
        assert await elsewhere.wait(0) == []
        assert await everything.wait(0.01) == []


@pytest.mark.requirement("DB-NOTIFY-01")
async def test_nothing_is_sent_by_a_transaction_that_rolls_back(play: Database, listener: Listener) -> None:
    async with listener.subscribe("logs") as subscription:
        with pytest.raises(KeyError):  # noqa: PT012  # the block itself is tested
            async with play.transaction() as connection:
                await connection.notify("logs", "never")
                raise KeyError
        await send(play, "logs", "after")
        assert await subscription.wait(5) == ["after"]


@pytest.mark.requirement("DB-NOTIFY-02")
async def test_after_a_lost_session_every_subscription_is_told_to_look_again(
    play: Database, listener: Listener
) -> None:
    async with listener.subscribe("logs") as everything, listener.subscribe("logs", key="a") as one:
        await send(play, "logs", "a")
        assert await everything.wait(5) == ["a"]
        await play.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        assert await everything.wait(5) == [RESYNC]
        assert await one.wait(5) == [RESYNC]
        await send(play, "logs", "a")
        assert await everything.wait(5) == ["a"]
        assert await one.wait(5) == ["a"]


async def test_a_subscription_made_before_the_session_is_there_is_served_by_it(play: Database) -> None:
    listener = Listener(play.connect)
    async with listener.subscribe("logs") as subscription:
        await listener.start()
        assert await subscription.wait(5) == [RESYNC]
        await send(play, "logs", "x")
        assert await subscription.wait(5) == ["x"]
    await listener.stop()
    assert not listener.is_connected


@pytest.mark.requirement("DB-NOTIFY-03")
async def test_a_reader_that_is_too_slow_gets_one_resync_and_no_endless_backlog(
    play: Database, listener: Listener
) -> None:
    async with listener.subscribe("logs") as slow, listener.subscribe("logs", key="n2500") as last:
        await send(play, "logs", *(f"n{number}" for number in range(2501)))
        assert await last.wait(5) == ["n2500"]
        payloads = await slow.wait(0)
        assert payloads[0] == RESYNC
        assert payloads[-1] == "n2500"
        assert len(payloads) <= 1000


async def test_thousands_of_subscriptions_cost_one_listen_and_leave_no_trace(
    play: Database, listener: Listener
) -> None:
    subscriptions = [listener.subscribe("agents", key=f"k{number}") for number in range(3000)]
    await asyncio.gather(*(subscription.__aenter__() for subscription in subscriptions))
    await send(play, "agents", "k7")
    assert await subscriptions[7].wait(5) == ["k7"]
    assert await subscriptions[8].wait(0) == []
    for subscription in subscriptions:
        await subscription.__aexit__(None, None, None)
    assert not listener._by_key["agents"]


async def test_waiting_can_be_cancelled_and_begun_again(play: Database, listener: Listener) -> None:
    async with listener.subscribe("logs") as subscription:
        waiting = asyncio.ensure_future(subscription.wait(None))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await send(play, "logs", "kept")
        assert await subscription.wait(5) == ["kept"]


@pytest.mark.parametrize("key", ["", "a:b"])
async def test_a_key_that_could_never_match_is_refused(listener: Listener, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        listener.subscribe("logs", key=key)
