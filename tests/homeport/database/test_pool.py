"""Sessions: lent in turns, measured, limited, cleaned after a cancelled caller, replaced when they are lost."""

import asyncio

import pytest

from homeport.database import Connection, Database, DatabaseUnavailable
from homeport.database.connection import Raw
from homeport.database.driver import RAISED
from homeport.database.errors import LockNotAvailable, QueryCanceled
from homeport.database.metrics import watch_pool
from homeport.database.pool import Pool
from homeport.telemetry.metrics import registry
from tests.support.waiting import until


@pytest.mark.requirement("DB-CANCEL-01")
@pytest.mark.parametrize("how", ["connection", "transaction", "fetchrow"])
async def test_a_cancelled_query_ends_in_the_server_and_its_session_is_used_again(play: Database, how: str) -> None:
    async def sleep() -> None:
        if how == "fetchrow":
            await play.fetchrow("SELECT pg_sleep(60)")
        elif how == "connection":
            async with play.connection() as connection:
                await connection.execute("SELECT pg_sleep(60)")
        else:
            async with play.transaction() as connection:
                await connection.execute("UPDATE parents SET note = 'half'")
                await connection.execute("SELECT pg_sleep(60)")

    # The cluster is shared: other workers run the same statement in databases of their own.
    running = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE query = 'SELECT pg_sleep(60)' AND state = 'active' AND datname = current_database()"
    )
    task = asyncio.ensure_future(sleep())

    async def is_running() -> bool:
        return await play.fetchval(running) == 1

    async def is_over() -> bool:
        return await play.fetchval(running) == 0 and play.pool.idle_count == play.pool.open_count

    await until(is_running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(is_over)
    assert await play.fetchval("SELECT count(*) FROM parents WHERE note = 'half' ") == 0
    async with play.transaction() as connection:
        assert await connection.fetchval("SELECT note FROM parents WHERE id = 1 FOR UPDATE NOWAIT") == ""


@pytest.mark.requirement("DB-CANCEL-01")
async def test_a_caller_that_goes_while_it_commits_does_not_break_the_commit(play: Database) -> None:
    committed = 0

    def count() -> None:
        nonlocal committed
        committed += 1

    for pauses in range(30):
        begun = asyncio.Event()

        async def change(begun: asyncio.Event = begun) -> None:
            async with play.transaction() as connection:
                await connection.execute("UPDATE parents SET note = note || 'x' WHERE id = 1")
                connection.after_commit(count)
                begun.set()

        task = asyncio.ensure_future(change())
        await begun.wait()
        for _ in range(pauses % 5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    assert committed > 0

    async def is_at_rest() -> bool:
        return play.pool.open_count == play.pool.idle_count

    await until(is_at_rest)
    # Each time whole or not at all, and what was committed had its callback.
    assert await play.fetchval("SELECT note FROM parents WHERE id = 1") == "x" * committed
    assert play.pool.open_count == play.pool.idle_count


@pytest.mark.requirement("DB-POOL-01")
async def test_more_callers_than_sessions_take_turns(play: Database) -> None:
    async def ask(number: int) -> int:
        async with play.connection() as connection:
            return int(await connection.fetchval("SELECT $1::integer FROM pg_sleep(0.001)", number))

    assert await asyncio.gather(*(ask(number) for number in range(100))) == list(range(100))
    assert play.pool.open_count <= 4
    assert play.pool.waiting_count == 0


@pytest.mark.requirement("DB-POOL-01")
async def test_a_caller_that_gives_up_waiting_hands_its_turn_on(play: Database) -> None:
    release = asyncio.Event()

    async def hold() -> None:
        async with play.connection():
            await release.wait()

    holders = [asyncio.ensure_future(hold()) for _ in range(4)]

    async def all_lent() -> bool:
        return play.pool.open_count == 4 and play.pool.idle_count == 0

    await until(all_lent)
    impatient = [asyncio.ensure_future(play.fetchval("SELECT 1")) for _ in range(5)]
    patient = asyncio.ensure_future(play.fetchval("SELECT 2"))
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
    release.set()
    assert await asyncio.wait_for(patient, 5) == 2
    await asyncio.gather(*holders, *impatient, return_exceptions=True)
    assert play.pool.idle_count == play.pool.open_count


async def test_the_pool_and_the_retries_are_measured(play: Database) -> None:
    def shown(name: str) -> float | None:
        return registry.get_sample_value(f"homeport_{name}")

    watch_pool(play.pool)
    before = shown("database_transaction_retries_total")
    tries = 0

    async def lose_once(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$")

    await play.run(lose_once)
    assert before is not None
    assert shown("database_transaction_retries_total") == before + 1
    async with play.connection():
        assert registry.get_sample_value("homeport_database_sessions", {"state": "lent"}) == 1
    assert registry.get_sample_value("homeport_database_sessions", {"state": "idle"}) == 1
    assert shown("database_waiting_callers") == 0


@pytest.mark.requirement("DB-POOL-01")
async def test_a_full_pool_answers_unavailable_after_its_patience(blank_database: str) -> None:
    database = Database(blank_database, pool_size=1, patience=0.05)
    async with database.connection():
        with pytest.raises(DatabaseUnavailable) as caught:
            await database.fetchval("SELECT 1")
    assert caught.value.status == 503
    assert await database.fetchval("SELECT 1") == 1
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await database.fetchval("SELECT 1")


@pytest.mark.requirement("DB-POOL-03")
async def test_nothing_stays_open_or_goes_on_after_the_pool_is_closed(play: Database) -> None:
    opened: list[Raw] = []
    may_open = asyncio.Event()

    async def connect() -> Raw:
        if opened:
            await may_open.wait()
        opened.append(await play.connect())
        return opened[-1]

    pool = Pool(connect, size=2, patience=10)
    lent = await pool.acquire()
    query = asyncio.create_task(lent.execute("SELECT pg_sleep(60)"))
    late = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    await pool.close()
    may_open.set()
    with pytest.raises(DatabaseUnavailable, match="not reachable"):
        await late
    with pytest.raises(RAISED):
        await query
    pool.discard_later(lent)
    assert [raw.is_closed() for raw in opened] == [True, True]
    assert pool.open_count == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.requirement("DB-POOL-02")
async def test_sessions_that_the_server_ended_are_replaced(play: Database) -> None:
    async with play.connection() as one, play.connection() as other:
        sessions = (one.raw, other.raw)
    await play.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    # The news of it arrives through the event loop a moment later.
    await until(lambda: any(raw.is_closed() for raw in sessions))
    assert [await play.fetchval("SELECT $1::integer", number) for number in range(5)] == list(range(5))
    with pytest.raises(DatabaseUnavailable):  # noqa: PT012  # the block itself is tested
        async with play.transaction() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await play.execute("SELECT pg_terminate_backend($1)", pid)
            await connection.execute("SELECT pg_sleep(1)")
    assert await play.fetchval("SELECT 1") == 1


@pytest.mark.requirement("DB-POOL-02")
async def test_a_statement_on_a_session_that_is_closed_already_finds_the_database_away(play: Database) -> None:
    async with play.connection() as connection:
        await connection.raw.close()
        with pytest.raises(DatabaseUnavailable):
            await connection.fetchval("SELECT 1")
    assert await play.fetchval("SELECT 1") == 1


@pytest.mark.requirement("DB-LIMITS-01")
async def test_sessions_have_limits_and_their_ends_have_names(play: Database) -> None:
    settings = await play.fetchrow(
        "SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock, "
        "current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('timezone') AS zone"
    )
    assert settings is not None
    assert dict(settings) == {"statement": "30s", "lock": "15s", "idle": "1min", "zone": "UTC"}
    async with play.transaction() as holder:
        await holder.execute("SELECT FROM parents WHERE id = 1 FOR UPDATE")
        with pytest.raises(LockNotAvailable):
            await play.execute("SELECT FROM parents WHERE id = 1 FOR UPDATE NOWAIT")
        with pytest.raises(QueryCanceled):  # noqa: PT012  # the block itself is tested
            async with play.transaction() as connection:
                await connection.execute("SET LOCAL statement_timeout = 20")
                await connection.execute("SELECT pg_sleep(5)")


@pytest.mark.requirement("DB-TYPES-01")
async def test_types_are_asked_for_once_per_database_and_again_when_they_change(play: Database) -> None:
    async def questions(database: Database) -> int:
        """Count what a new session asks about types for one query."""
        seen: list[str] = []
        raw = await database.connect()
        raw.add_query_logger(lambda logged: seen.append(logged.query))
        assert await raw.fetchval("SELECT $1::mood[]", ["busy"]) == ["busy"]
        await raw.close()
        return sum("typeinfo" in query for query in seen)

    assert [await questions(play) for _ in range(3)] == [1, 0, 0]
    assert await questions(Database(play.url)) == 1
    await play.execute("ALTER TYPE mood RENAME TO old_mood; CREATE TYPE mood AS ENUM ('glad', 'busy')")
    assert await questions(play) == 1
    assert await play.fetchval("SELECT 'glad'::mood") == "glad"
