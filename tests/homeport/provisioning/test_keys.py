"""Keys of remote daemons: refusals of their API, and what happens to those who work with a key that is deleted."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from homeport.database import Listener
from homeport.kit.errors import NotAuthenticated
from homeport.provisioning.errors import JobEnded
from homeport.provisioning.schemas import AcquiredJob, CompleteJobRequest
from homeport.provisioning.service import Acquirer, progress
from homeport.provisioning.types import DaemonRow, ImportResult
from tests.homeport.provisioning.queue_world import QueueWorld
from tests.support.waiting import until

KEYS = "/organizations/default/provisionerkeys"


async def _key(queue: QueueWorld, name: str = "remote") -> UUID:
    owner = await queue.accounts.make("owner")
    made = await queue.api.call(owner, "POST", KEYS, {"name": name})
    assert made.status_code == 201, made.text
    found: UUID = await queue.db.fetchval("select id from provisioner_keys where name = $1", name)
    return found


async def _delete(queue: QueueWorld, name: str = "remote") -> None:
    owner = await queue.accounts.make("owner")
    assert (await queue.api.call(owner, "DELETE", f"{KEYS}/{name}")).status_code == 204


async def _working(queue: QueueWorld, daemon: DaemonRow) -> AcquiredJob:
    await queue.job()
    job = await queue.acquire(daemon)
    assert job is not None
    return job


@pytest.mark.requirement("QUEUE-TOKEN-03")
async def test_deleting_a_key_ends_the_jobs_of_its_daemons_at_once_and_no_others(queue: QueueWorld) -> None:
    key_id = await _key(queue)
    job = await _working(queue, await queue.daemon(key_id=key_id))
    await queue.log(job, "half way", stage="Building")
    other = await _working(queue, await queue.daemon())
    await _delete(queue)
    row = await queue.find(job.job_id)
    assert (row.job_status, row.worker_id) == ("failed", None)
    assert "key of its provisioner daemon was deleted" in row.error
    lines = await queue.lines(job.job_id)
    assert [line.stage for line in lines] == ["Building"] * 6
    assert [(event.cause, event.state) for event in queue.events] == [("revoked", None)]
    with pytest.raises(JobEnded):
        await queue.log(job, "more")
    with pytest.raises(JobEnded):
        await progress.complete_job(
            queue.db, job.job_id, job.job_token, CompleteJobRequest(template_import=ImportResult())
        )
    assert (await queue.find(other.job_id)).job_status == "running"
    await queue.log(other, "goes on")


@pytest.mark.requirement("QUEUE-TOKEN-03")
async def test_daemons_that_wait_with_a_deleted_key_are_refused_at_once(queue: QueueWorld) -> None:
    queue.acquirer._poll_seconds = 60
    await until(lambda: queue.listener.is_connected)
    key_id = await _key(queue)
    daemons = [await queue.daemon(key_id=key_id) for _ in range(2)]
    bystander = await queue.daemon()
    waiting = [asyncio.create_task(queue.acquire(daemon, wait_seconds=25)) for daemon in (*daemons, bystander)]
    line = await _formed(queue, 3)
    await _delete(queue)
    for task in waiting[:2]:
        with pytest.raises(NotAuthenticated, match="not valid"):
            await asyncio.wait_for(task, 5)
    assert not waiting[2].done()
    assert line.length == 1
    # Whoever is left in the line takes what comes.
    posted = await queue.job()
    found = await asyncio.wait_for(waiting[2], 5)
    assert found is not None
    assert found.job_id == posted.id


async def _formed(queue: QueueWorld, length: int) -> Any:
    await until(lambda: any(line.length == length for line in queue.acquirer._lines.values()))
    return next(line for line in queue.acquirer._lines.values() if line.length == length)


@pytest.mark.requirement("QUEUE-TOKEN-03")
async def test_a_server_that_heard_nothing_of_it_refuses_at_its_next_look(queue: QueueWorld) -> None:
    deaf = Acquirer(queue.db, Listener(queue.db.connect), poll_seconds=0.05)
    daemon = await queue.daemon(key_id=await _key(queue))
    waiting = asyncio.create_task(deaf.acquire(daemon, wait_seconds=20))
    await until(lambda: bool(deaf._lines))
    await _delete(queue)
    with pytest.raises(NotAuthenticated):
        await asyncio.wait_for(waiting, 10)
    await queue.job()
    with pytest.raises(NotAuthenticated):
        await queue.acquire(daemon)


@pytest.mark.requirement("QUEUE-TOKEN-03")
async def test_a_job_taken_while_the_key_is_being_deleted_is_not_left_behind(queue: QueueWorld) -> None:
    for number in range(6):
        name = f"key-{number}"
        daemon = await queue.daemon(key_id=await _key(queue, name))
        job = await queue.job()
        taken, _ = await asyncio.gather(queue.acquire(daemon), _delete(queue, name), return_exceptions=True)
        row = await queue.find(job.id)
        if isinstance(taken, AcquiredJob):
            assert row.job_status == "failed"
        else:
            assert isinstance(taken, NotAuthenticated)
            assert row.job_status == "pending"
            assert await queue.acquire() is not None


@pytest.mark.requirement("QUEUE-KEYS-02")
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "name"),
        ({"name": 5}, 400, "name"),
        ({"name": "x" * 64}, 201, ""),
        ({"name": "x" * 65}, 400, "name"),
        ({"name": "BUILT-IN"}, 400, "name"),
        ({"name": "User-Auth"}, 400, "name"),
        ({"name": "psk"}, 400, "name"),
        ({"name": "psk2"}, 201, ""),
        ({"name": "a", "tags": None}, 201, ""),
        ({"name": "a", "tags": {"scope": "organization", "owner": "somebody"}}, 201, ""),
        ({"name": "a", "tags": {"scope": "user"}}, 400, "tags"),
        ({"name": "a", "tags": {"scope": "site"}}, 400, "tags"),
        ({"name": "a", "tags": {str(n): "x" for n in range(65)}}, 400, "tags"),
        ({"name": "a", "tags": {"x": "y" * 257}}, 400, "tags"),
        ({"name": "a", "tags": {"x": "\x00"}}, 400, "tags"),
        ({"name": "a", "tags": ["x"]}, 400, "tags"),
        ({"name": "a", "tags": {"x": 1}}, 400, "tags"),
    ],
)
async def test_what_a_key_may_be(queue: QueueWorld, body: dict[str, Any], status: int, field: str) -> None:
    owner = await queue.accounts.make("owner")
    answer = await queue.api.call(owner, "POST", KEYS, body)
    assert answer.status_code == status, answer.text
    if field:
        assert answer.json()["validations"][0]["field"].startswith(field)
    assert await queue.db.fetchval("select count(*) from provisioner_keys") == (1 if status == 201 else 0)


@pytest.mark.requirement("QUEUE-KEYS-02")
async def test_names_are_of_one_organization_and_a_deleted_one_is_free_again(queue: QueueWorld) -> None:
    owner = await queue.accounts.make("owner")
    await queue.db.execute(
        "insert into organizations (id, name, created_at, updated_at) values (gen_random_uuid(), 'acme', now(), now())"
    )
    for place in ("default", "acme"):
        path = f"/organizations/{place}/provisionerkeys"
        assert (await queue.api.call(owner, "POST", path, {"name": "one"})).status_code == 201
        assert (await queue.api.call(owner, "POST", path, {"name": "One"})).status_code == 409
    assert (await queue.api.call(owner, "DELETE", f"{KEYS}/ONE")).status_code == 204
    assert (await queue.api.call(owner, "POST", KEYS, {"name": "one"})).status_code == 201
    assert await queue.db.fetchval("select count(*) from provisioner_keys") == 2


@pytest.mark.requirement("QUEUE-KEYS-02")
@pytest.mark.parametrize(("name", "status"), [("built-in", 400), ("PSK", 400), ("user-auth", 400), ("nothing", 404)])
async def test_what_cannot_be_deleted(queue: QueueWorld, name: str, status: int) -> None:
    owner = await queue.accounts.make("owner")
    assert (await queue.api.call(owner, "DELETE", f"{KEYS}/{name}")).status_code == status
    assert (await queue.api.call(None, "DELETE", f"{KEYS}/{name}")).status_code == 401


@pytest.mark.requirement("QUEUE-KEYS-02")
async def test_an_unknown_organization_has_no_keys(queue: QueueWorld) -> None:
    owner = await queue.accounts.make("owner")
    path = "/organizations/nowhere/provisionerkeys"
    assert (await queue.api.call(owner, "GET", path)).status_code == 404
    assert (await queue.api.call(owner, "POST", path, {"name": "a"})).status_code == 404
    assert (await queue.api.call(owner, "DELETE", f"{path}/a")).status_code == 404


@pytest.mark.requirement("QUEUE-TOKEN-03")
async def test_a_daemon_of_the_same_name_with_another_key_takes_nobodys_place(queue: QueueWorld) -> None:
    jobs = {}
    for name in ("first", "second"):
        owner = await queue.accounts.make("owner")
        made = await queue.api.call(owner, "POST", KEYS, {"name": name})
        await queue.job()
        ask = {"name": "same", "version": "1", "provisioners": ["echo"], "wait_seconds": 0}
        headers = {"Coder-Provisioner-Daemon-Key": made.json()["key"]}
        path = "/organizations/default/provisionerdaemons/acquire"
        jobs[name] = (await queue.api.call(None, "POST", path, ask, headers=headers)).json()
    await _delete(queue, "second")
    assert (await queue.find(UUID(jobs["second"]["job_id"]))).job_status == "failed"
    assert (await queue.find(UUID(jobs["first"]["job_id"]))).job_status == "running"
    await _delete(queue, "first")
    assert (await queue.find(UUID(jobs["first"]["job_id"]))).job_status == "failed"
