"""Sessions, transactions and what they do when they fail, are cancelled, or meet each other."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from homeport.database import (
    CheckViolation,
    Connection,
    ConstraintViolation,
    Database,
    DatabaseError,
    DatabaseUnavailable,
    DomainEvent,
    ForeignKeyViolation,
    SerializationFailure,
    UniqueViolation,
    rows,
)
from homeport.database.errors import LockNotAvailable, NotNullViolation, QueryCanceled
from homeport.database.metrics import watch_pool
from homeport.telemetry.metrics import registry
from tests.support.logging import ErrorLog
from tests.support.waiting import until

_TABLES = """
CREATE TABLE parents (id integer PRIMARY KEY CONSTRAINT small CHECK (id < 1000), name text UNIQUE, note text NOT NULL DEFAULT '');
CREATE TABLE children (parent_id integer CONSTRAINT has_parent REFERENCES parents (id));
CREATE TYPE mood AS ENUM ('calm', 'busy');
INSERT INTO parents (id, name) VALUES (1, 'first'), (2, 'second');
"""


@pytest.fixture
async def play(blank_database: str) -> AsyncIterator[Database]:
    """A database with two small tables of its own."""
    database = Database(blank_database, pool_size=4, patience=5)
    await database.execute(_TABLES)
    yield database
    await database.close()


@pytest.mark.requirement("DB-ERRORS-01")
@pytest.mark.parametrize(
    ("sql", "kind", "constraint"),
    [
        ("INSERT INTO parents (id, name) VALUES (3, 'first')", UniqueViolation, "parents_name_key"),
        ("INSERT INTO children VALUES (99)", ForeignKeyViolation, "has_parent"),
        ("INSERT INTO parents (id) VALUES (1000)", CheckViolation, "small"),
        ("INSERT INTO parents (id, note) VALUES (5, NULL)", NotNullViolation, "note"),
    ],
)
async def test_broken_rules_are_told_by_the_name_of_the_constraint(
    play: Database, sql: str, kind: type[ConstraintViolation], constraint: str
) -> None:
    for run in (play.execute, play.fetchrow, play.fetch, play.fetchval):
        with pytest.raises(kind) as caught:
            await run(sql)
        assert caught.value.constraint == constraint
        assert caught.value.status == 500
    async with play.transaction() as connection:
        with pytest.raises(kind):
            async with connection.savepoint():
                await connection.execute(sql)
        assert await connection.execute("UPDATE parents SET note = 'after'") == 2
    assert await play.fetchval("SELECT count(*) FROM parents WHERE note = 'after'") == 2


@pytest.mark.requirement("DB-TRANSACTION-01")
async def test_a_block_that_raises_leaves_nothing_and_frees_its_rows_at_once(play: Database) -> None:
    ran: list[str] = []
    with pytest.raises(KeyError):  # noqa: PT012  # the block itself is tested
        async with play.transaction() as connection:
            connection.after_commit(lambda: ran.append("committed"))
            await connection.execute("UPDATE parents SET note = 'half'")
            raise KeyError
    assert await play.fetchval("SELECT note FROM parents WHERE id = 1 FOR UPDATE NOWAIT") == ""
    assert ran == []
    assert play.pool.open_count == play.pool.idle_count == 1


@pytest.mark.requirement("DB-TRANSACTION-01")
async def test_a_swallowed_failure_is_not_taken_for_a_commit(play: Database) -> None:
    with pytest.raises(DatabaseError, match="not stored"):  # noqa: PT012  # the block itself is tested
        async with play.transaction() as connection:
            await connection.execute("UPDATE parents SET note = 'lost'")
            with pytest.raises(UniqueViolation):
                await connection.execute("INSERT INTO parents (id) VALUES (1)")
    assert await play.fetchval("SELECT count(*) FROM parents WHERE note = 'lost'") == 0


async def test_after_commit_runs_each_callback_and_logs_what_fails(play: Database, error_log: ErrorLog) -> None:
    ran: list[str] = []

    async def later() -> None:
        ran.append(await play.fetchval("SELECT note FROM parents WHERE id = 1"))

    def broken() -> None:
        raise ValueError("callback broke")

    error_log.expect("work after a commit failed.*callback broke")
    async with play.transaction() as connection:
        await connection.execute("UPDATE parents SET note = 'seen'")
        connection.after_commit(broken)
        connection.after_commit(later)
        assert ran == []
    assert ran == ["seen"]
    assert len(error_log.records) == 1


async def test_a_savepoint_that_is_undone_takes_its_callbacks_along(play: Database) -> None:
    ran: list[int] = []
    async with play.transaction() as connection:
        connection.after_commit(lambda: ran.append(1))
        with pytest.raises(ValueError, match="no"):  # noqa: PT012  # the block itself is tested
            async with connection.savepoint():
                connection.after_commit(lambda: ran.append(2))
                raise ValueError("no")
    assert ran == [1]


@pytest.mark.requirement("DB-RETRY-01")
async def test_concurrent_increments_are_run_again_until_all_count(play: Database) -> None:
    await play.execute("UPDATE parents SET note = '0'")
    attempts = 0

    async def increment(connection: Connection) -> None:
        nonlocal attempts
        attempts += 1
        value = int(await connection.fetchval("SELECT note FROM parents WHERE id = 1"))
        await asyncio.sleep(0)
        await connection.execute("UPDATE parents SET note = $1 WHERE id = 1", str(value + 1))

    await asyncio.gather(*(play.run(increment) for _ in range(12)))
    assert await play.fetchval("SELECT note FROM parents WHERE id = 1") == "12"
    assert attempts > 12


@pytest.mark.requirement("DB-RETRY-01")
async def test_write_skew_is_refused_when_serializable(play: Database) -> None:
    entered = asyncio.Barrier(2)

    async def swap(read: int, write: int) -> None:
        async with play.transaction(isolation="serializable") as connection:
            await connection.fetchval("SELECT note FROM parents WHERE id = $1", read)
            await entered.wait()
            await connection.execute("UPDATE parents SET note = 'x' WHERE id = $1", write)

    outcomes = await asyncio.gather(swap(1, 2), swap(2, 1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [SerializationFailure]


@pytest.mark.requirement("DB-RETRY-01")
async def test_work_that_always_loses_gives_up_after_ten_times(play: Database) -> None:
    attempts = 0

    async def lose(connection: Connection) -> None:
        nonlocal attempts
        attempts += 1
        await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$")

    with pytest.raises(SerializationFailure):
        await play.run(lose)
    assert attempts == 10


async def test_a_deadlock_is_resolved_by_running_one_side_again(play: Database) -> None:
    both = asyncio.Barrier(2)
    tries = 0

    async def lock(first: int, second: int) -> None:
        async def work(connection: Connection) -> None:
            nonlocal tries
            tries += 1
            await connection.execute("SELECT FROM parents WHERE id = $1 FOR UPDATE", first)
            if tries <= 2:
                await both.wait()
            await connection.execute("UPDATE parents SET note = note || 'x' WHERE id = $1", second)

        await play.run(work, isolation="read_committed")

    await asyncio.gather(lock(1, 2), lock(2, 1))
    assert tries == 3
    assert await play.fetchval("SELECT string_agg(note, ',') FROM parents") == "x,x"


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

    running = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
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


@pytest.mark.requirement("DB-POOL-02")
async def test_sessions_that_the_server_ended_are_replaced(play: Database) -> None:
    async with play.connection(), play.connection():
        pass
    await play.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    assert [await play.fetchval("SELECT $1::integer", number) for number in range(5)] == list(range(5))
    with pytest.raises(DatabaseUnavailable):  # noqa: PT012  # the block itself is tested
        async with play.transaction() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await play.execute("SELECT pg_terminate_backend($1)", pid)
            await connection.execute("SELECT pg_sleep(1)")
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


async def test_advisory_locks_last_as_long_as_the_transaction(play: Database) -> None:
    async with play.transaction() as one:
        assert await one.try_lock("reaper")
        async with play.transaction() as other:
            assert not await other.try_lock("reaper")
            assert await other.try_lock("autostart")
    async with play.transaction() as other:
        assert await other.try_lock("reaper")


async def test_what_needs_a_transaction_says_so(play: Database) -> None:
    async with play.connection() as connection:
        with pytest.raises(RuntimeError, match="needs a transaction"):
            await connection.notify("channel", "x")
        with pytest.raises(RuntimeError, match="needs a transaction"):
            connection.after_commit(lambda: None)
    async with play.transaction() as connection:
        pass
    with pytest.raises(RuntimeError, match="needs a transaction"):
        connection.after_commit(lambda: None)


async def test_a_read_only_transaction_cannot_write(play: Database) -> None:
    with pytest.raises(DatabaseError, match="refused"):
        async with play.transaction(read_only=True) as connection:
            await connection.execute("UPDATE parents SET note = 'x'")


class Paid(DomainEvent, frozen=True):
    """Something happened to a parent."""

    parent_id: int


class PaidTwice(Paid, frozen=True):
    """A kind of its own: handlers are found by exact type."""


@pytest.mark.requirement("DB-EVENTS-01")
async def test_events_are_handled_inside_the_transaction_in_order(play: Database) -> None:
    async def note(connection: Connection, event: Paid) -> None:
        await connection.execute("UPDATE parents SET note = note || 'paid' WHERE id = $1", event.parent_id)

    async def refuse(connection: Connection, event: Paid) -> None:
        assert await connection.fetchval("SELECT note FROM parents WHERE id = $1", event.parent_id) == "paid"
        if event.parent_id == 2:
            raise ValueError("not this one")

    play.events.subscribe(Paid, note)
    play.events.subscribe(Paid, refuse)
    async with play.transaction() as connection:
        await connection.emit(Paid(parent_id=1))
        await connection.emit(PaidTwice(parent_id=1))
    with pytest.raises(ValueError, match="not this one"):
        async with play.transaction() as connection:
            await connection.emit(Paid(parent_id=2))
    assert [row["note"] for row in await play.fetch("SELECT note FROM parents ORDER BY id")] == ["paid", ""]


class Parent(msgspec.Struct, frozen=True):
    """A row of parents."""

    id: int
    name: str


async def test_values_and_rows_arrive_as_plain_python(play: Database) -> None:
    value = {"list": [1, None, "ü"], "nested": {"is": True}}
    assert await play.fetchval("SELECT $1::jsonb", value) == value
    assert await play.fetchval("SELECT $1::json", value) == value
    assert await play.fetchval("SELECT $1::jsonb -> 'list' ->> 2", value) == "ü"
    number = uuid.uuid4()
    assert isinstance(await play.fetchval("SELECT $1::uuid", number), uuid.UUID)
    assert await play.fetchval("SELECT $1::mood", "busy") == "busy"
    assert await play.fetchval("SELECT $1::mood[]", ["busy", "calm"]) == ["busy", "calm"]
    found = await play.fetch("SELECT id, name FROM parents ORDER BY id")
    assert rows.many(Parent, found) == [Parent(1, "first"), Parent(2, "second")]
    assert rows.maybe(Parent, None) is None
    with pytest.raises(TypeError):
        rows.one(Parent, await play.fetchrow("SELECT id, name, note FROM parents LIMIT 1"))


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
