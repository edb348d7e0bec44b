"""Jobs that nobody works on any more."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from homeport.config import Settings
from homeport.kit.clock import FakeClock
from homeport.provisioning import rules, tasks
from homeport.provisioning.errors import JobEnded, JobTokenInvalid
from homeport.provisioning.queries import jobs as job_queries
from homeport.provisioning.schemas import CompleteJobRequest
from homeport.provisioning.service import cancel_job, follow_logs, metrics, progress, reaper
from homeport.provisioning.service.keys import create_builtin_key, renew_builtin_key
from homeport.provisioning.types import ImportResult
from tests.homeport.provisioning.queue_world import FORCE_AFTER, QueueWorld
from tests.support.waiting import until

MINUTE = timedelta(minutes=1)


@pytest.mark.requirement("QUEUE-REAPER-01")
async def test_nothing_and_healthy_jobs_are_left_alone(queue: QueueWorld, clock: FakeClock) -> None:
    assert await reaper.reap(queue.db) == []
    running = await queue.running()
    clock.advance(5 * MINUTE)
    await queue.job()
    assert await reaper.reap(queue.db) == []
    await queue.log(running, "alive")
    clock.advance(5 * MINUTE)
    assert await reaper.reap(queue.db) == []


@pytest.mark.requirement("QUEUE-REAPER-02")
@pytest.mark.parametrize("kind", ["template_version_import", "template_version_dry_run", "workspace_build"])
async def test_a_hung_job_fails_with_an_explanation_in_its_last_stage(
    queue: QueueWorld, clock: FakeClock, kind
) -> None:
    job = await queue.running(type=kind)
    await queue.log(job, "building", stage="Building")
    clock.advance(5 * MINUTE + timedelta(seconds=1))
    assert await reaper.reap(queue.db) == [job.job_id]
    row = await queue.find(job.job_id)
    assert row.job_status == "failed"
    assert "not reported for 5 minutes" in row.error
    lines = (await queue.lines(job.job_id))[1:]
    assert len(lines) == 5
    assert {(line.stage, line.log_level, line.log_source) for line in lines} == {
        ("Building", "error", "provisioner_daemon")
    }
    moments = [line.created_at for line in lines]
    assert [later - first for first, later in pairwise(moments)] == [timedelta(milliseconds=1)] * 4
    assert [(event.cause, event.state) for event in queue.events] == [("hung", None)]
    with pytest.raises(JobEnded):
        await progress.complete_job(
            queue.db, job.job_id, job.job_token, CompleteJobRequest(template_import=ImportResult())
        )
    assert await reaper.reap(queue.db) == []


@pytest.mark.requirement("QUEUE-REAPER-02")
async def test_a_canceled_job_that_hangs_is_ended_too(queue: QueueWorld, clock: FakeClock) -> None:
    job = await queue.running()
    await queue.set(job.job_id, canceled_at=clock.now())
    clock.advance(6 * MINUTE)
    assert await reaper.reap(queue.db) == [job.job_id]
    assert (await queue.find(job.job_id)).job_status == "failed"


@pytest.mark.requirement("QUEUE-REAPER-03")
async def test_a_job_that_no_daemon_takes_fails_after_half_an_hour(queue: QueueWorld, clock: FakeClock) -> None:
    job = await queue.job()
    clock.advance(30 * MINUTE)
    assert await reaper.reap(queue.db) == []
    clock.advance(MINUTE)
    assert await reaper.reap(queue.db) == [job.id]
    row = await queue.find(job.id)
    assert (row.job_status, row.started_at, row.completed_at) == ("failed", clock.now(), clock.now())
    assert (await queue.lines(job.id))[0].stage == "Unknown"
    assert queue.events[0].cause == "pending"


@pytest.mark.requirement("QUEUE-REAPER-04")
async def test_at_most_ten_a_sweep_and_none_that_is_held(queue: QueueWorld, clock: FakeClock) -> None:
    jobs = [await queue.running() for _ in range(12)]
    clock.advance(6 * MINUTE)
    async with queue.db.transaction() as conn:
        await conn.fetchrow("select 1 from provisioner_jobs where id = $1 for update", jobs[0].job_id)
        first = await reaper.reap(queue.db)
    assert len(first) >= 9
    assert len(first) <= 10
    assert jobs[0].job_id not in first
    assert set(first) | set(await reaper.reap(queue.db)) == {job.job_id for job in jobs}


@pytest.mark.requirement("QUEUE-ORPHANS-01")
async def test_a_restarted_server_ends_the_jobs_of_its_dead_self_only(queue: QueueWorld, clock: FakeClock) -> None:
    running = {}
    for installation in ("mine", "theirs"):
        async with queue.db.transaction() as conn:
            key, secret = await create_builtin_key(
                conn, organization_id=queue.organization_id, installation=installation
            )
        assert len(secret) == 43
        await queue.job()
        job = await queue.acquire(await queue.daemon(key_id=key.id))
        assert job is not None
        running[installation] = job
    remote = await queue.running()
    assert await reaper.end_former_builtin_jobs(queue.db, "mine") == [running["mine"].job_id]
    row = await queue.find(running["mine"].job_id)
    assert row.job_status == "failed"
    assert "was stopped" in row.error
    assert queue.events[0].cause == "orphaned"
    assert queue.events[0].state is None
    for other in (running["theirs"], remote):
        assert (await queue.find(other.job_id)).job_status == "running"
    assert await queue.db.fetchval("select array_agg(builtin_of) from provisioner_keys") == ["theirs"]
    assert await reaper.end_former_builtin_jobs(queue.db, "mine") == []


@pytest.mark.requirement("QUEUE-KEYS-03")
async def test_a_sweep_forgets_old_daemons_and_expired_keys_and_measures(queue: QueueWorld, clock: FakeClock) -> None:
    async with queue.db.transaction() as conn:
        dying, _ = await create_builtin_key(conn, organization_id=queue.organization_id, installation="a")
        living, _ = await create_builtin_key(conn, organization_id=queue.organization_id, installation="b")
    await queue.daemon()
    clock.advance(timedelta(minutes=40))
    async with queue.db.transaction() as conn:
        assert await renew_builtin_key(conn, living.id)
    clock.advance(timedelta(minutes=40))
    await queue.job()
    await tasks.sweep(queue.db)
    assert await queue.db.fetchval("select array_agg(id) from provisioner_keys") == [living.id]
    async with queue.db.transaction() as conn:
        assert not await renew_builtin_key(conn, dying.id)
    assert metrics.queue_depth.labels("echo")._value.get() == 1
    assert await queue.db.fetchval("select count(*) from provisioner_daemons") == 1
    clock.advance(timedelta(days=7))
    await tasks.sweep(queue.db)
    assert await queue.db.fetchval("select count(*) from provisioner_daemons") == 0


@pytest.mark.requirement("QUEUE-CANCEL-03")
async def test_a_canceled_job_ends_within_a_bound_even_when_its_daemon_goes_on_reporting(
    queue: QueueWorld, clock: FakeClock
) -> None:
    job = await queue.running()
    async with queue.db.transaction() as conn:
        await cancel_job(conn, job.job_id, clock.now())
    limits = rules.Limits(stop_after=FORCE_AFTER + rules.STOP_AFTER_FORCE)
    for _ in range(12):
        clock.advance(MINUTE)
        await queue.log(job, "still here", stage="Building")
        assert await reaper.reap(queue.db, limits) == []
    clock.advance(timedelta(seconds=1))
    assert await reaper.reap(queue.db, limits) == [job.job_id]
    row = await queue.find(job.job_id)
    assert (row.job_status, row.error) == ("failed", "The job was canceled and did not stop within 12 minutes.")
    lines = (await queue.lines(job.job_id))[-5:]
    assert {line.stage for line in lines} == {"Building"}
    assert "has not stopped it" in lines[1].output
    with pytest.raises(JobEnded):
        await queue.log(job, "too late")
    assert queue.events[-1].cause == "unstoppable"


@pytest.mark.requirement("QUEUE-REAPER-02")
async def test_the_operator_says_how_long_silence_may_last(queue: QueueWorld, clock: FakeClock) -> None:
    job = await queue.running()
    settings = Settings(provisioner_hang_timeout=timedelta(seconds=30))
    clock.advance(timedelta(seconds=31))
    assert await reaper.reap(queue.db) == []
    assert await reaper.reap(queue.db, tasks.sweep_limits(settings)) == [job.job_id]
    assert "not reported for 30 seconds" in (await queue.find(job.job_id)).error


@pytest.mark.requirement("QUEUE-REAPER-05")
async def test_the_end_by_the_reaper_closes_the_log_for_those_who_follow(queue: QueueWorld, clock: FakeClock) -> None:
    job = await queue.running()
    await queue.log(job, "building", stage="Building")
    seen: list[str] = []

    async def follow() -> None:
        async for batch in follow_logs(queue.db, queue.listener, job.job_id):
            seen.extend(line.output for line in batch)

    following = asyncio.create_task(follow())
    await until(lambda: seen == ["building"])
    clock.advance(6 * MINUTE)
    assert await reaper.reap(queue.db) == [job.job_id]
    await asyncio.wait_for(following, 4)
    assert len(seen) == 6


@pytest.mark.requirement("QUEUE-REAPER-05")
async def test_two_reapers_end_a_job_once(queue: QueueWorld, clock: FakeClock) -> None:
    jobs = {(await queue.running()).job_id for _ in range(4)}
    clock.advance(6 * MINUTE)
    first, second = await asyncio.gather(reaper.reap(queue.db), reaper.reap(queue.db))
    ended = [*first, *second, *await reaper.reap(queue.db)]
    assert sorted(ended) == sorted(jobs)
    for job_id in jobs:
        assert len(await queue.lines(job_id)) == 5
    assert len(queue.events) == 4


@pytest.mark.requirement("QUEUE-REAPER-05")
async def test_a_job_that_reports_between_the_look_and_the_lock_lives_on(
    queue: QueueWorld, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await queue.running()
    clock.advance(6 * MINUTE)
    list_ids = job_queries.list_ids_to_reap

    async def slow(conn, **changes):
        found = await list_ids(conn, **changes)
        await queue.log(job, "back again")
        return found

    monkeypatch.setattr(job_queries, "list_ids_to_reap", slow)
    assert await reaper.reap(queue.db) == []
    assert (await queue.find(job.job_id)).job_status == "running"


@pytest.mark.requirement("QUEUE-REMOTE-03")
async def test_a_job_of_which_nothing_was_heard_goes_back_and_one_that_was_heard_of_does_not(
    queue: QueueWorld, clock: FakeClock
) -> None:
    unheard = await queue.running()
    clock.advance(timedelta(seconds=1))
    heard = await queue.running()
    clock.advance(timedelta(seconds=1))
    await queue.log(heard, "here")
    clock.advance(timedelta(seconds=28))
    assert await reaper.release_unheard(queue.db) == []
    clock.advance(timedelta(seconds=1))
    assert await reaper.release_unheard(queue.db) == [unheard.job_id]
    assert (await queue.find(unheard.job_id)).job_status == "pending"
    with pytest.raises(JobTokenInvalid):
        await queue.log(unheard, "late")
    again = await queue.acquire()
    assert again is not None
    assert (again.job_id, again.job_token != unheard.job_token) == (unheard.job_id, True)
    clock.advance(timedelta(seconds=1))
    await queue.log(again, "mine")
    clock.advance(timedelta(seconds=40))
    assert await reaper.release_unheard(queue.db) == []


@pytest.mark.requirement("QUEUE-ORPHANS-02")
async def test_a_daemon_whose_process_is_gone_leaves_no_job_to_the_reaper(queue: QueueWorld, clock: FakeClock) -> None:
    async with queue.db.transaction() as conn:
        key, _ = await create_builtin_key(conn, organization_id=queue.organization_id, installation="here")
    dead, other = [await queue.daemon(key_id=key.id) for _ in range(2)]
    begun, untouched = await queue.running_on(dead), await queue.running_on(dead)
    of_another, remote = await queue.running_on(other), await queue.running()
    clock.advance(timedelta(seconds=1))
    for job in (begun, of_another, remote):
        await queue.log(job, "at work")
    assert await reaper.end_jobs_of_dead_daemon(queue.db, key.id, dead.name) == [begun.job_id]
    states = [(await queue.find(job.job_id)).job_status for job in (begun, untouched, of_another, remote)]
    assert states == ["failed", "pending", "running", "running"]
    assert [(event.cause, event.state) for event in queue.events] == [("orphaned", None)]
    assert "ended while it worked" in (await queue.lines(begun.job_id))[-4].output
    assert await reaper.end_jobs_of_dead_daemon(queue.db, key.id, dead.name) == []


@pytest.mark.requirement("QUEUE-REMOTE-03")
async def test_a_job_that_nobody_ever_reports_of_is_not_handed_out_for_ever(
    queue: QueueWorld, clock: FakeClock
) -> None:
    job = await queue.running()
    clock.advance(31 * MINUTE)
    assert await reaper.release_unheard(queue.db) == []
    assert await reaper.reap(queue.db) == [job.job_id]


@pytest.mark.requirement("QUEUE-REAPER-01")
async def test_a_clock_that_jumps_ends_no_job_whose_daemon_lives(queue: QueueWorld, clock: FakeClock) -> None:
    job = await queue.running()
    await queue.log(job, "alive")
    rounds = asyncio.create_task(tasks.sweep_forever(queue.db, Settings(access_url="http://homeport.test")))
    try:
        await until(lambda: bool(clock._sleepers))
        clock._now += timedelta(hours=1)
        for _ in range(5):
            clock.advance(timedelta(seconds=15))
            await until(lambda: bool(clock._sleepers))
            assert (await queue.find(job.job_id)).job_status == "running"
            await queue.log(job, "still alive")
        # Whoever is silent by the new clock is ended as ever.
        clock.advance(timedelta(minutes=6))
        await until(lambda: bool(clock._sleepers))
        assert (await queue.find(job.job_id)).job_status == "failed"
    finally:
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)
