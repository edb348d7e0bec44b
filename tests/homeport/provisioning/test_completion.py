"""What is added to a job's input when it is taken: outside of the line and of all transactions."""

import asyncio

import pytest

from homeport.database import Database
from homeport.kit.ids import new_id
from homeport.provisioning.schemas import AcquiredJob, ImportInput
from homeport.provisioning.service import inputs
from tests.homeport.provisioning.queue_world import QueueWorld
from tests.support.waiting import until


@pytest.mark.requirement("QUEUE-INPUT-01")
async def test_it_holds_up_nobody_else_and_a_caller_who_leaves_gives_the_job_back(queue: QueueWorld) -> None:
    asked, answer, version_id = asyncio.Event(), asyncio.Event(), new_id()

    async def complete(_db: Database, _job: AcquiredJob) -> ImportInput:
        asked.set()
        await answer.wait()
        return ImportInput(template_version_id=version_id)

    inputs.register_completion("template_version_import", complete)
    job, daemon = await queue.job(), await queue.daemon()
    leaving = asyncio.create_task(queue.acquire(daemon, wait_seconds=5))
    await asked.wait()
    # Another daemon of the same line is first in it meanwhile, and takes what comes.
    dry_run = await queue.job(type="template_version_dry_run")
    other = await queue.acquire(daemon, wait_seconds=5)
    assert other is not None
    assert other.job_id == dry_run.id
    leaving.cancel()
    status = "select started_at is null from provisioner_jobs where id = $1"
    await until(lambda: queue.db.fetchval(status, job.id))
    answer.set()
    again = await queue.acquire(daemon)
    assert again is not None
    assert (again.job_id, again.input) == (job.id, ImportInput(template_version_id=version_id))


@pytest.mark.requirement("QUEUE-INPUT-01")
@pytest.mark.expected_errors("could not be completed")
async def test_a_mistake_there_leaves_the_job_as_it_is(queue: QueueWorld) -> None:
    async def complete(_db: Database, _job: AcquiredJob) -> ImportInput:
        raise ValueError("of a kind that nobody has thought of")

    inputs.register_completion("template_version_import", complete)
    job = await queue.job()
    taken = await queue.acquire()
    assert taken is not None
    assert taken.job_id == job.id
