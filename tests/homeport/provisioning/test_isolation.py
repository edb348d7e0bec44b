"""Builds that need isolation go to daemons that isolate, and to nobody else."""

import asyncio
from datetime import timedelta

import pytest

from homeport.kit import clock
from homeport.provisioning import rules, service
from homeport.provisioning.types import JobFailed, ProvisionerJobRow
from tests.homeport.provisioning.queue_world import QueueWorld
from tests.support.waiting import until

DAEMONS = "/organizations/default/provisionerdaemons"


async def build(queue: QueueWorld, *, needs_isolation: bool) -> ProvisionerJobRow:
    return await queue.job(type="workspace_build", provisioner="process", needs_isolation=needs_isolation)


async def lacks_isolation(queue: QueueWorld) -> bool:
    tags = service.provisioner_tags({}, None)
    async with queue.db.connection() as conn:
        return await service.lacks_isolation(conn, queue.organization_id, "process", tags)


@pytest.mark.requirement("QUEUE-ISOLATION-01")
@pytest.mark.parametrize("isolation", ["", "none"])
async def test_a_daemon_without_isolation_leaves_such_a_job_to_one_that_isolates(queue: QueueWorld, isolation) -> None:
    plain = await queue.daemon(provisioners=("process",), isolation=isolation)
    isolating = await queue.daemon(provisioners=("process",), isolation="bubblewrap")
    job = await build(queue, needs_isolation=True)
    behind = await build(queue, needs_isolation=False)
    taken = await queue.acquire(plain)
    assert taken is not None
    assert taken.job_id == behind.id
    assert await queue.acquire(plain) is None
    taken = await queue.acquire(isolating)
    assert taken is not None
    assert taken.job_id == job.id


@pytest.mark.requirement("QUEUE-ISOLATION-02")
@pytest.mark.parametrize("isolation", ["", "none", "bubblewrap"])
async def test_a_job_remembers_whether_the_daemon_that_took_it_isolates(queue: QueueWorld, isolation) -> None:
    job = await build(queue, needs_isolation=False)
    is_isolated = "select is_isolated from provisioner_jobs where id = $1"
    assert await queue.db.fetchval(is_isolated, job.id) is False
    assert await queue.acquire(await queue.daemon(provisioners=("process",), isolation=isolation)) is not None
    assert await queue.db.fetchval(is_isolated, job.id) is (isolation == "bubblewrap")


@pytest.mark.requirement("QUEUE-ISOLATION-01")
async def test_where_nobody_isolates_the_job_fails_and_says_what_to_do(queue: QueueWorld) -> None:
    plain = await queue.daemon(provisioners=("process",), isolation="none")
    # Neither of these could take the job.
    await queue.daemon({"place": "elsewhere"}, provisioners=("process",), isolation="bubblewrap")
    await queue.daemon(provisioners=("echo",), isolation="bubblewrap")
    job = await build(queue, needs_isolation=True)
    behind = await build(queue, needs_isolation=False)
    taken = await queue.acquire(plain)
    assert taken is not None
    assert taken.job_id == behind.id
    failed = await queue.find(job.id)
    assert failed.job_status == "failed"
    assert plain.name in failed.error
    assert "Install bubblewrap" in failed.error
    assert "restart the provisioner" in failed.error
    [event] = [event for event in queue.events if isinstance(event, JobFailed)]
    assert (event.job.id, event.cause, event.state) == (job.id, "refused", None)


@pytest.mark.requirement("QUEUE-ISOLATION-01")
async def test_a_daemon_that_has_died_holds_no_job_back(queue: QueueWorld) -> None:
    plain = await queue.daemon(provisioners=("process",), isolation="none")
    dead = await queue.daemon(provisioners=("process",), isolation="bubblewrap")
    job = await build(queue, needs_isolation=True)
    assert await queue.acquire(plain) is None
    assert (await queue.find(job.id)).job_status == "pending"
    long_ago = clock.now() - rules.STALE_AFTER - timedelta(seconds=1)
    await queue.db.execute("update provisioner_daemons set last_seen_at = $2 where id = $1", dead.id, long_ago)
    assert await queue.acquire(plain) is None
    assert (await queue.find(job.id)).job_status == "failed"


@pytest.mark.requirement("QUEUE-ISOLATION-01")
async def test_a_daemon_in_front_without_isolation_does_not_keep_others_waiting(queue: QueueWorld) -> None:
    plain = await queue.daemon(provisioners=("process",), isolation="none")
    isolating = await queue.daemon(provisioners=("process",), isolation="bubblewrap")
    waiting = [asyncio.create_task(queue.acquire(daemon, wait_seconds=20)) for daemon in (plain, isolating)]
    await until(lambda: len(queue.acquirer._lines) == 2)
    job = await build(queue, needs_isolation=True)
    taken = await waiting[1]
    assert taken is not None
    assert taken.job_id == job.id
    assert not waiting[0].done()
    waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.requirement("QUEUE-ISOLATION-01")
async def test_whether_isolation_is_lacking(queue: QueueWorld) -> None:
    assert await lacks_isolation(queue) is False, "nobody is there, so nobody knows"
    await queue.daemon(provisioners=("echo",))
    assert await lacks_isolation(queue) is False
    await queue.daemon(provisioners=("process",))
    assert await lacks_isolation(queue) is True
    isolating = await queue.daemon(provisioners=("process",), isolation="bubblewrap")
    assert await lacks_isolation(queue) is False
    await queue.db.execute('update provisioner_daemons set tags = tags || \'{"a": "1"}\' where id = $1', isolating.id)
    assert await lacks_isolation(queue) is True


@pytest.mark.requirement("QUEUE-ISOLATION-01")
async def test_daemons_say_whether_they_isolate_and_are_listed_with_it(queue: QueueWorld) -> None:
    owner = await queue.accounts.make("owner")

    async def say(isolation: object) -> tuple[int, str]:
        body = {"name": "d", "version": "1", "provisioners": ["process"], "wait_seconds": 0, "isolation": isolation}
        answer = await queue.api.call(owner, "POST", f"{DAEMONS}/acquire", body)
        return answer.status_code, answer.text

    for isolation in ("none", "bubblewrap"):
        assert await say(isolation) == (204, "")
        [listed] = (await queue.api.call(owner, "GET", DAEMONS)).json()
        assert listed["isolation"] == isolation
    for wrong in ("strong", 1, None):
        status, text = await say(wrong)
        assert status == 400
        assert "isolation" in text
