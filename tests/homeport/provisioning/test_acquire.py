"""Who gets which job, when, and only once."""

import asyncio
import contextlib
import json
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from homeport.database import Listener
from homeport.kit import clock
from homeport.kit.errors import BadRequest
from homeport.provisioning import rules, service
from homeport.provisioning.queries.jobs import ACQUIRE, ACQUIRE_ANYWHERE
from homeport.provisioning.service import Acquirer, inputs
from homeport.provisioning.types import DaemonRow
from tests.homeport.provisioning.queue_world import QueueWorld, prepare_import
from tests.support.waiting import until

ALICE, BOB = uuid4(), uuid4()
USER = {"scope": "user"}


@pytest.mark.requirement("QUEUE-TAGS-02")
@pytest.mark.parametrize(
    ("job_tags", "job_owner", "daemon_tags", "daemon_owner", "is_match"),
    [
        ({}, None, {}, None, True),
        ({"a": "1"}, None, {}, None, False),
        ({}, None, {"a": "1"}, None, False),
        ({"a": "1"}, None, {"a": "1"}, None, True),
        ({"a": "1"}, None, {"a": "1", "b": "2"}, None, True),
        ({"a": "1", "b": "2"}, None, {"a": "1"}, None, False),
        ({"a": "1"}, None, {"a": "2"}, None, False),
        (USER, ALICE, USER, ALICE, True),
        (USER, ALICE, USER, BOB, False),
        (USER, ALICE, {}, None, False),
        ({}, None, USER, ALICE, False),
        ({**USER, "a": "1"}, ALICE, {**USER, "a": "1", "b": "2"}, ALICE, True),
        ({"a": "1"}, None, {**USER, "a": "1"}, ALICE, False),
    ],
)
async def test_the_matrix_of_tags(queue: QueueWorld, job_tags, job_owner, daemon_tags, daemon_owner, is_match) -> None:
    job = await queue.job(tags=job_tags, owner=job_owner)
    daemon = await queue.daemon(daemon_tags, owner=daemon_owner)
    assert rules.tags_match(job.tags, daemon.tags) is is_match
    async with queue.db.connection() as conn:
        matched = await service.matched_provisioners(conn, queue.organization_id, "echo", job.tags)
    assert (matched.count, matched.available) == ((1, 1) if is_match else (0, 0))
    acquired = await queue.acquire(daemon)
    assert (acquired is not None) is is_match


@pytest.mark.requirement("QUEUE-TAGS-02")
async def test_engine_and_organization_must_match_too(queue: QueueWorld) -> None:
    await queue.job(provisioner="terraform")
    other = await queue.db.fetchval(
        "insert into organizations (id, name, created_at, updated_at) values (gen_random_uuid(), 'other', now(), now()) returning id"
    )
    assert await queue.acquire(await queue.daemon()) is None
    assert await queue.acquire(await queue.daemon(organization_id=other, provisioners=("terraform",))) is None
    assert await queue.acquire(await queue.daemon(provisioners=("echo", "terraform"))) is not None


@pytest.mark.requirement("QUEUE-ORDER-01")
async def test_people_go_before_loops_and_the_oldest_first(queue: QueueWorld) -> None:
    now = clock.now()
    loop = await queue.job(priority=1, now=now - timedelta(hours=1))
    young = await queue.job(now=now)
    old = await queue.job(now=now - timedelta(minutes=1))
    daemon = await queue.daemon()
    order = [job.job_id for _ in range(3) if (job := await queue.acquire(daemon))]
    assert order == [old.id, young.id, loop.id]


@pytest.mark.requirement("QUEUE-ACQUIRE-01")
async def test_many_daemons_never_share_a_job(queue: QueueWorld) -> None:
    jobs = {(await queue.job()).id for _ in range(6)}
    acquirers = [Acquirer(queue.db, queue.listener) for _ in range(3)]
    daemons = [await queue.daemon() for _ in range(9)]
    taken = await asyncio.gather(
        *(acquirers[n % 3].acquire(daemon, wait_seconds=0) for n, daemon in enumerate(daemons))
    )
    ids = [job.job_id for job in taken if job is not None]
    assert len(ids) == 6
    assert set(ids) == jobs
    tokens = {job.job_token for job in taken if job is not None}
    assert len(tokens) == 6


@pytest.mark.requirement("QUEUE-ACQUIRE-01")
async def test_a_held_row_is_passed_over_and_not_waited_for(queue: QueueWorld) -> None:
    first, second = await queue.job(now=clock.now() - timedelta(seconds=1)), await queue.job()
    async with queue.db.transaction() as conn:
        await conn.fetchrow("select 1 from provisioner_jobs where id = $1 for update", first.id)
        job = await queue.acquire()
    assert job is not None
    assert job.job_id == second.id


@pytest.mark.requirement("QUEUE-WAKE-01")
async def test_a_posted_job_wakes_exactly_one_query_per_line(queue: QueueWorld, monkeypatch) -> None:
    queue.acquirer._poll_seconds = 60
    await until(lambda: queue.listener.is_connected)
    claims = 0
    claim_one = Acquirer._claim_one

    async def counting(self, conn, daemon):
        nonlocal claims
        claims += 1
        return await claim_one(self, conn, daemon)

    monkeypatch.setattr(Acquirer, "_claim_one", counting)
    daemons = [await queue.daemon() for _ in range(5)]
    waiting = [asyncio.create_task(queue.acquire(daemon, wait_seconds=20)) for daemon in daemons]
    await until(lambda: claims == 1)
    line = next(iter(queue.acquirer._lines.values()))
    await until(lambda: line.length == 5)
    job = await queue.job()
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert [found.job_id for task in done if (found := task.result())] == [job.id]
    # One look when the line formed, one upon the message, one by the next in line.
    await until(lambda: claims >= 3)
    assert claims == 3
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)
    assert not queue.acquirer._lines


@pytest.mark.requirement("QUEUE-WAKE-02")
async def test_a_lost_message_is_made_good_by_the_poll(queue: QueueWorld) -> None:
    deaf = Acquirer(queue.db, Listener(queue.db.connect), poll_seconds=0.05)
    waiting = asyncio.create_task(deaf.acquire(await queue.daemon(), wait_seconds=20))
    await until(lambda: bool(deaf._lines))
    job = await queue.job()
    found = await asyncio.wait_for(waiting, 10)
    assert found is not None
    assert found.job_id == job.id


@pytest.mark.requirement("QUEUE-WAKE-03")
async def test_whoever_leaves_the_line_hands_the_place_to_the_next(queue: QueueWorld) -> None:
    first = asyncio.create_task(queue.acquire(await queue.daemon(), wait_seconds=20))
    await until(lambda: bool(queue.acquirer._lines))
    line = next(iter(queue.acquirer._lines.values()))
    await until(line._front.locked)
    second = asyncio.create_task(queue.acquire(await queue.daemon(), wait_seconds=20))
    await until(lambda: line.length == 2)
    first.cancel()
    await asyncio.wait({first})
    job = await queue.job()
    found = await asyncio.wait_for(second, 10)
    assert found is not None
    assert found.job_id == job.id


@pytest.mark.requirement("QUEUE-ACQUIRE-02")
async def test_a_job_claimed_for_somebody_who_is_gone_goes_back(queue: QueueWorld) -> None:
    job = await queue.job()
    is_claiming, may_go_on = asyncio.Event(), asyncio.Event()

    async def slow_import(conn, row):
        is_claiming.set()
        await may_go_on.wait()
        return await prepare_import(conn, row)

    inputs.register("template_version_import", slow_import)
    waiting = asyncio.create_task(queue.acquire(await queue.daemon(), wait_seconds=20))
    await is_claiming.wait()
    waiting.cancel()
    await asyncio.wait({waiting})
    may_go_on.set()
    inputs.register("template_version_import", prepare_import)
    # Until it is back the job looks as if nobody had claimed it: whoever asks waits until it can be had.
    found = await queue.acquire(wait_seconds=20)
    assert found is not None
    assert found.job_id == job.id


@pytest.mark.requirement("QUEUE-ACQUIRE-03")
async def test_a_job_that_cannot_be_prepared_fails_and_the_next_is_served(queue: QueueWorld) -> None:
    async def refuse(conn, row):
        if row.input.get("is_broken"):
            raise BadRequest("The workspace is gone.")
        return await prepare_import(conn, row)

    inputs.register("template_version_import", refuse)
    broken = await queue.job(input={"is_broken": True}, now=clock.now() - timedelta(seconds=1))
    sound = await queue.job()
    found = await queue.acquire()
    assert found is not None
    assert found.job_id == sound.id
    row = await queue.find(broken.id)
    assert (row.job_status, row.error) == ("failed", "The workspace is gone.")
    assert [(event.cause, event.job.id) for event in queue.events] == [("refused", broken.id)]


@pytest.mark.expected_errors("could not be prepared")
async def test_a_mistake_of_ours_while_preparing_does_not_block_the_queue(queue: QueueWorld) -> None:
    async def crash(_conn, _row):
        raise KeyError("nothing of this reaches a client")

    inputs.register("template_version_import", crash)
    job = await queue.job()
    assert await queue.acquire() is None
    row = await queue.find(job.id)
    assert row.job_status == "failed"
    assert "nothing of this" not in row.error


@pytest.mark.requirement("QUEUE-POSITION-01")
async def test_positions_count_only_what_a_living_daemon_could_take(queue: QueueWorld) -> None:
    now = clock.now()
    nobodys = await queue.job(tags={"gpu": "1"}, now=now - timedelta(minutes=3))
    first = await queue.job(now=now - timedelta(minutes=2))
    second = await queue.job(now=now - timedelta(minutes=1))
    ids = [nobodys.id, first.id, second.id]
    async with queue.db.connection() as conn:
        views = await service.job_views(conn, ids)
    assert [(views[i].queue_position, views[i].queue_size, views[i].available_workers) for i in ids] == [(0, 0, [])] * 3
    daemon = await queue.daemon()
    async with queue.db.connection() as conn:
        views = await service.job_views(conn, ids)
    assert [(views[i].queue_position, views[i].queue_size) for i in ids] == [(0, 0), (1, 2), (2, 2)]
    assert views[first.id].available_workers == [daemon.id]
    await queue.acquire(daemon)
    async with queue.db.connection() as conn:
        views = await service.job_views(conn, ids)
    assert [(views[i].queue_position, views[i].queue_size) for i in ids] == [(0, 0), (0, 0), (1, 1)]
    assert (views[first.id].status, views[first.id].worker_name) == ("running", daemon.name)


async def _post_many(queue: QueueWorld, count: int, *, provisioner: str = "echo", tags: str = "") -> None:
    """Let `count` jobs wait in twenty organizations, one of them the usual one, of two hundred people."""
    await queue.db.execute(
        """
        with made as (
            insert into organizations (id, name, created_at, updated_at)
            select gen_random_uuid(), 'other-' || gen_random_uuid(), now(), now() from generate_series(1, 19) n returning id
        ), places as (
            select id, row_number() over () as number from (select $1::uuid as id union all select id from made) place
        ), askers as (
            select gen_random_uuid() as id, number from generate_series(0, 199) number
        )
        insert into provisioner_jobs (id, organization_id, initiator_id, provisioner, type, tags, turn, created_at, updated_at)
        select gen_random_uuid(), places.id, askers.id, $3, 'workspace_build',
               jsonb_build_object('scope', 'organization', 'owner', '') || $4::jsonb, each / 200, now(), now()
        from generate_series(1, $2::integer) each join places on places.number = each % 20 + 1 join askers on askers.number = each % 200
        """,
        queue.organization_id, count, provisioner, {"kind": tags} if tags else {},
    )  # fmt: skip
    await queue.db.execute("analyze provisioner_jobs")


class _Undo(Exception):
    pass


async def _pages_read(queue: QueueWorld, statement: str, daemon: DaemonRow) -> tuple[int, str]:
    """Return how many pages the claim of a job touches, and its plan; the job goes on waiting."""
    place = queue.organization_id if statement == ACQUIRE else None
    now = clock.now()
    text = f"explain (analyze, buffers, format json) {statement}"
    with contextlib.suppress(_Undo):
        async with queue.db.transaction() as conn:
            # Once before, so that what only a first run reads is not counted.
            for _ in range(2):
                found = await conn.fetchval(text, place, ["echo"], daemon.tags, now, daemon.id, "d", b"x", False, now)
            raise _Undo
    plan = json.loads(found) if isinstance(found, str) else found
    root = plan[0]["Plan"]
    return root["Shared Hit Blocks"] + root["Shared Read Blocks"], json.dumps(plan)


@pytest.mark.requirement("QUEUE-ACQUIRE-04")
@pytest.mark.parametrize(
    ("statement", "index"),
    [(ACQUIRE, "provisioner_jobs_pending_idx"), (ACQUIRE_ANYWHERE, "provisioner_jobs_queue_idx")],
    ids=["a daemon of one organization", "a daemon of all organizations"],
)
async def test_acquire_costs_the_same_however_many_wait_and_whatever_nobody_can_take(
    queue: QueueWorld, statement: str, index: str
) -> None:
    daemon = await queue.daemon()
    await _post_many(queue, 200)
    few, _ = await _pages_read(queue, statement, daemon)
    await _post_many(queue, 8000)
    await _post_many(queue, 8000, provisioner="terraform")
    await _post_many(queue, 8000, tags="nobody offers this")
    many, plan = await _pages_read(queue, statement, daemon)
    assert index in plan
    assert many < 2 * few + 40, (few, many)


async def _order(queue: QueueWorld, daemon: DaemonRow, count: int) -> list[UUID]:
    found = [await queue.acquire(daemon) for _ in range(count)]
    return [job.job_id for job in found if job is not None]


@pytest.mark.requirement("QUEUE-FAIR-01")
async def test_whoever_asks_for_much_waits_beside_others_and_not_before_them(queue: QueueWorld) -> None:
    daemon = await queue.daemon()
    many = [(await queue.job(initiator_id=ALICE)).id for _ in range(6)]
    assert await _order(queue, daemon, 2) == many[:2]
    bobs = [(await queue.job(initiator_id=BOB)).id for _ in range(2)]
    assert await _order(queue, daemon, 6) == [many[2], bobs[0], many[3], bobs[1], *many[4:]]


@pytest.mark.requirement("QUEUE-FAIR-01")
async def test_people_who_ask_again_as_soon_as_they_are_served_starve_nobody(queue: QueueWorld) -> None:
    daemon = await queue.daemon()
    many = {(await queue.job(initiator_id=ALICE)).id for _ in range(5)}
    busy = [uuid4() for _ in range(3)]
    for person in busy:
        await queue.job(initiator_id=person)
    served = []
    for _ in range(20):
        job = await queue.acquire(daemon)
        assert job is not None
        served.append(job.job_id)
        asker = (await queue.find(job.job_id)).initiator_id
        if asker in busy:
            await queue.job(initiator_id=asker)
    # Four people, each gets every fourth.
    assert [served[n] in many for n in range(20)].count(True) == 5


@pytest.mark.requirement("QUEUE-FAIR-01")
async def test_what_was_canceled_before_its_time_does_not_count_against_anybody(queue: QueueWorld) -> None:
    daemon = await queue.daemon()
    for _ in range(5):
        job = await queue.job(initiator_id=ALICE)
        async with queue.db.transaction() as conn:
            await service.cancel_job(conn, job.id, clock.now())
    first = await queue.job(initiator_id=ALICE)
    second = await queue.job(initiator_id=BOB, now=clock.now() + timedelta(seconds=1))
    assert await _order(queue, daemon, 2) == [first.id, second.id]


@pytest.mark.requirement("QUEUE-FAIR-01")
async def test_what_nobody_can_take_holds_up_nobodys_turn(queue: QueueWorld) -> None:
    daemon = await queue.daemon()
    await queue.job(initiator_id=uuid4(), tags={"gpu": "1"})
    alices = [(await queue.job(initiator_id=ALICE)).id for _ in range(4)]
    assert await _order(queue, daemon, 2) == alices[:2]
    # Bob begins where the others are, and not where the stuck job is.
    bobs = [(await queue.job(initiator_id=BOB)).id for _ in range(2)]
    assert await _order(queue, daemon, 4) == [alices[2], bobs[0], alices[3], bobs[1]]


@pytest.mark.requirement("QUEUE-FAIR-02")
async def test_one_organization_cannot_crowd_out_another_on_the_servers_own_daemons(queue: QueueWorld) -> None:
    other = await queue.db.fetchval(
        "insert into organizations (id, name, created_at, updated_at) values (gen_random_uuid(), 'other', now(), now()) returning id"
    )
    daemon = msgspec.structs.replace(await queue.daemon(), is_shared=True)
    crowd = [(await queue.job(initiator_id=ALICE)).id for _ in range(10)]
    one = await queue.job(initiator_id=BOB, organization_id=other)
    assert (await _order(queue, daemon, 2)) == [crowd[0], one.id]
