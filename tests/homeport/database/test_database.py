"""Sessions, transactions and what they do when they fail, are cancelled, or meet each other."""

import asyncio
import uuid

import msgspec
import pytest

from homeport.database import (
    CheckViolation,
    Connection,
    ConstraintViolation,
    Database,
    DatabaseError,
    DomainEvent,
    ForeignKeyViolation,
    SerializationFailure,
    UniqueViolation,
    rows,
)
from homeport.database.errors import NotNullViolation
from tests.support.logging import ErrorLog


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
