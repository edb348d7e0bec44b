"""Why a job waits: the reasons as decisions, and as the API tells them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport.kit.clock import FakeClock
from homeport.provisioning import rules, service
from homeport.provisioning.schemas import ProvisionerJobWait
from tests.homeport.provisioning.queue_world import QueueWorld

ME = UUID(int=7)


async def _wait(queue: QueueWorld, job_id: UUID) -> ProvisionerJobWait:
    async with queue.db.connection() as conn:
        found = (await service.job_views(conn, [job_id]))[job_id].wait
    assert found is not None
    return found


@pytest.mark.requirement("QUEUE-REASON-01")
@pytest.mark.parametrize(
    ("job", "daemons", "reason", "words", "missing"),
    [
        ({}, [], "no_daemons", "No provisioner works for this organization", None),
        ({"provisioner": "terraform"}, [({}, None)], "engine", "engine 'terraform': there is only echo", None),
        ({"tags": {"region": "eu"}}, [({}, None)], "tags", "offers the tag region=eu", {"region": "eu"}),
        (
            {"tags": {"region": "eu", "gpu": "1"}},
            [({"region": "eu"}, None)], "tags", "offers the tag gpu=1", {"gpu": "1"},
        ),
        (
            {"tags": {"region": "eu", "gpu": "1"}},
            [({"region": "us", "a": "b"}, None)], "tags", "offers the tags gpu=1, region=eu", {"region": "eu", "gpu": "1"},
        ),
        (
            {"tags": {"region": "eu", "gpu": "1"}},
            [({"region": "eu"}, None), ({"gpu": "1"}, None)],
            "tags", "offers all of the tags gpu=1, region=eu together", None,
        ),
        ({}, [({"region": "eu"}, None)], "tags", "has no tags, so it goes to provisioners without", None),
        ({"tags": {"scope": "user"}, "owner": ME}, [({}, None)], "tags", "provisioners of one person", {"scope": "user"}),
        (
            {"tags": {"scope": "user", "gpu": "1"}, "owner": ME},
            [({"scope": "user"}, ME)], "tags", "offers the tag gpu=1", {"gpu": "1"},
        ),
        ({}, [({}, None)], "next", "is free and takes it now", None),
    ],
)  # fmt: skip
async def test_what_is_missing_is_named(
    queue: QueueWorld, job: Any, daemons: Any, reason: str, words: str, missing: Any
) -> None:
    for tags, owner in daemons:
        await queue.daemon(tags, owner=owner)
    found = await _wait(queue, (await queue.job(**job)).id)
    assert found.reason == reason
    assert words in found.message
    assert found.missing_tags == missing


@pytest.mark.requirement("QUEUE-REASON-01")
async def test_busy_ones_and_how_many_are_ahead(queue: QueueWorld, clock: FakeClock) -> None:
    daemons = [await queue.daemon() for _ in range(2)]
    for daemon in daemons:
        await queue.job()
        assert await queue.acquire(daemon) is not None
    jobs = [(await queue.job(now=clock.now() + timedelta(seconds=n))).id for n in range(3)]
    found = [await _wait(queue, job_id) for job_id in jobs]
    assert [(each.reason, each.ahead) for each in found] == [("busy", 0), ("busy", 1), ("busy", 2)]
    assert found[0].message == "All 2 provisioners that accept this job are busy. It is next."
    assert found[1].message.endswith("One job is ahead.")
    assert found[2].message.endswith("2 jobs are ahead.")


@pytest.mark.requirement("QUEUE-REASON-01")
async def test_those_who_could_and_are_gone(queue: QueueWorld, clock: FakeClock) -> None:
    await queue.daemon({"gpu": "1"})
    job = await queue.job(tags={"gpu": "1"})
    other = await queue.job(tags={"region": "eu"})
    clock.advance(timedelta(minutes=2))
    assert "No provisioner of this organization is connected" in (await _wait(queue, other.id)).message
    await queue.daemon()
    found = await _wait(queue, job.id)
    assert (found.reason, found.message) == (
        "none_alive",
        "The provisioner that accepts this job is not connected. It begins as soon as one is back.",
    )


@pytest.mark.requirement("QUEUE-REASON-01")
async def test_the_api_tells_the_reason_while_the_job_waits_and_only_then(queue: QueueWorld) -> None:
    admin = await queue.accounts.make("organization-admin")
    job = await queue.job(tags={"gpu": "1"})
    path = f"/organizations/default/provisionerjobs/{job.id}"
    shown = (await queue.api.call(admin, "GET", path)).json()
    assert shown["wait"]["reason"] == "no_daemons"
    assert (shown["queue_position"], shown["queue_size"], shown["available_workers"]) == (0, 0, [])
    daemon = await queue.daemon({"gpu": "1"})
    shown = (await queue.api.call(admin, "GET", path)).json()
    assert shown["wait"] == {"reason": "next", "message": "A provisioner is free and takes it now."}
    assert await queue.acquire(daemon) is not None
    assert "wait" not in (await queue.api.call(admin, "GET", path)).json()


@pytest.mark.requirement("QUEUE-REASON-01")
async def test_daemons_of_other_organizations_do_not_count(queue: QueueWorld) -> None:
    other = await queue.db.fetchval(
        "insert into organizations (id, name, created_at, updated_at) values (gen_random_uuid(), 'other', now(), now()) returning id"
    )
    await queue.daemon(organization_id=other)
    assert (await _wait(queue, (await queue.job()).id)).reason == "no_daemons"


@pytest.mark.requirement("QUEUE-REASON-01")
async def test_of_jobs_that_need_isolation_only_isolating_daemons_count_where_there_are_some(queue: QueueWorld) -> None:
    isolating = await queue.daemon(isolation="bubblewrap")
    await queue.daemon(isolation="none")
    await queue.job(initiator_id=uuid4())
    assert await queue.acquire(isolating) is not None
    found = await _wait(queue, (await queue.job(needs_isolation=True)).id)
    assert found.message == "The provisioner that accepts this job is busy. It is next."


def test_durations_are_words() -> None:
    assert rules.write_duration(timedelta(minutes=5)) == "5 minutes"
    assert rules.write_duration(timedelta(seconds=60)) == "1 minute"
    assert rules.write_duration(timedelta(seconds=90)) == "90 seconds"


@pytest.mark.requirement("QUEUE-REASON-01")
async def test_a_daemon_that_works_for_long_lives_and_those_behind_wait_for_it(
    queue: QueueWorld, clock: FakeClock
) -> None:
    owner = await queue.accounts.make("owner")
    daemon = await queue.daemon({"gpu": "1"})
    working = await queue.running_on(daemon, tags={"gpu": "1"})
    waiting = await queue.job(tags={"gpu": "1"})
    for _ in range(12):
        clock.advance(timedelta(seconds=20))
        await queue.log(working, "still at it")
    listed = (await queue.api.call(owner, "GET", "/organizations/default/provisionerdaemons")).json()
    assert [(each["name"], each["status"]) for each in listed] == [(daemon.name, "busy")]
    shown = (await queue.api.call(owner, "GET", f"/organizations/default/provisionerjobs/{waiting.id}")).json()
    assert (shown["wait"]["reason"], shown["queue_position"], shown["available_workers"]) == (
        "busy",
        1,
        [str(daemon.id)],
    )
    # Once it is silent it counts as gone.
    clock.advance(timedelta(seconds=91))
    shown = (await queue.api.call(owner, "GET", f"/organizations/default/provisionerjobs/{waiting.id}")).json()
    assert (shown["wait"]["reason"], shown["queue_position"]) == ("none_alive", 0)


@pytest.mark.requirement("QUEUE-ISOLATION-01")
async def test_a_build_that_needs_isolation_waits_for_the_daemon_that_is_busy_for_long(
    queue: QueueWorld, clock: FakeClock
) -> None:
    isolating = await queue.daemon(isolation="bubblewrap")
    working = await queue.running_on(isolating)
    posted = await queue.job(needs_isolation=True)
    for _ in range(12):
        clock.advance(timedelta(seconds=20))
        await queue.log(working, "still at it")
    assert await queue.acquire() is None
    assert (await queue.find(posted.id)).job_status == "pending"


@pytest.mark.requirement("QUEUE-REASON-01")
async def test_a_report_does_not_wait_for_whoever_holds_its_daemons_row(queue: QueueWorld, clock: FakeClock) -> None:
    daemon = await queue.daemon()
    job = await queue.running_on(daemon)
    clock.advance(timedelta(seconds=20))
    async with queue.db.transaction() as conn:
        await conn.fetchrow("select 1 from provisioner_daemons where id = $1 for update", daemon.id)
        async with asyncio.timeout(5):
            await queue.log(job, "goes through")
    assert [line.output for line in await queue.lines(job.job_id)] == ["goes through"]
