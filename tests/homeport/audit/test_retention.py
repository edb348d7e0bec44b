"""What is older than the logs are kept goes, oldest first, and nothing else."""

from datetime import timedelta

import pytest

from homeport.audit import tasks
from homeport.config import Settings
from homeport.database import Database
from homeport.kit.clock import FakeClock
from tests.homeport.audit.entries import T0, connect, make_place, write
from tests.support.accounts import Accounts

DAY = 24 * 60


@pytest.mark.requirement("AUDIT-RETENTION-01")
async def test_old_rows_go_in_batches_and_the_others_stay(
    db: Database, accounts: Accounts, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 2)
    clock.advance(T0 - clock.now())
    place = await make_place(db, await accounts.make())
    for day in (0, 9, 11, 12, 13, 14, 15):
        await write(db, day * DAY)
        await connect(db, place, day * DAY)
    settings = Settings(audit_logs_retention=timedelta(days=10), connection_logs_retention=timedelta(days=12, hours=1))
    assert await tasks.delete_old_once(db, settings) == 5 + 3
    assert await db.fetchval("select min(time) from audit_logs") == T0 - timedelta(days=9)
    assert await db.fetchval("select min(connect_time) from connection_logs") == T0 - timedelta(days=12)
    assert await tasks.delete_old_once(db, settings) == 0


@pytest.mark.requirement("AUDIT-RETENTION-01")
async def test_a_round_ends_and_the_next_one_goes_on(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 1)
    monkeypatch.setattr(tasks, "BATCHES", 2)
    clock.advance(T0 - clock.now())
    for day in range(2, 7):
        await write(db, day * DAY)
    settings = Settings(audit_logs_retention=timedelta(days=1))
    assert [await tasks.delete_old_once(db, settings) for _ in range(3)] == [2, 2, 1]


@pytest.mark.requirement("AUDIT-RETENTION-01")
async def test_without_an_age_everything_is_kept_and_connections_are_kept_for_90_days(
    db: Database, accounts: Accounts, clock: FakeClock
) -> None:
    clock.advance(T0 - clock.now())
    place = await make_place(db, await accounts.make())
    await write(db, 10_000 * DAY)
    old, young = [await connect(db, place, day * DAY) for day in (91, 89)]
    assert await tasks.delete_old_once(db, Settings(connection_logs_retention=timedelta(0))) == 0
    assert await tasks.delete_old_once(db, Settings()) == 1
    assert await db.fetchval("select id from connection_logs") == young.id != old.id
    assert await db.fetchval("select count(*) from audit_logs") == 1


async def test_another_server_that_is_at_it_is_left_to_it(db: Database, clock: FakeClock) -> None:
    clock.advance(T0 - clock.now())
    await write(db, 2 * DAY)
    async with db.transaction() as conn:
        assert await conn.try_lock("audit:retention")
        assert await tasks.delete_old_once(db, Settings(audit_logs_retention=timedelta(days=1))) == 0
