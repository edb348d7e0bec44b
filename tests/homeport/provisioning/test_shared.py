"""The server's own daemons work for every organization, those of people for theirs alone; who waits sees which of them count."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.provisioning import service
from homeport.provisioning.service.keys import create_builtin_key
from tests.homeport.provisioning.queue_world import PSK, QueueWorld
from tests.support.accounts import DEFAULT_ORGANIZATION_ID
from tests.support.waiting import until

ASK = {"name": "d", "version": "1", "provisioners": ["echo"], "wait_seconds": 0}


async def _organization(queue: QueueWorld, name: str, *, deleted: bool = False) -> UUID:
    organization_id = new_id()
    await queue.db.execute(
        "insert into organizations (id, name, deleted, created_at, updated_at) values ($1, $2, $3, now(), now())",
        organization_id, name, deleted,
    )  # fmt: skip
    return organization_id


async def _builtin(queue: QueueWorld) -> dict[str, str]:
    async with queue.db.transaction() as conn:
        _, secret = await create_builtin_key(conn, organization_id=DEFAULT_ORGANIZATION_ID, installation="here")
    return {"Coder-Provisioner-Daemon-Key": secret}


async def _ask(queue: QueueWorld, headers: dict[str, str], name: str = "builtin-0", **changes: Any) -> Any:
    path = f"/organizations/{DEFAULT_ORGANIZATION_ID}/provisionerdaemons/acquire"
    answer = await queue.api.call(None, "POST", path, {**ASK, "name": name, **changes}, headers=headers)
    assert answer.status_code in {200, 204}, answer.text
    return answer.json() if answer.content else None


@pytest.mark.requirement("QUEUE-SHARED-01")
async def test_a_built_in_daemon_takes_the_jobs_of_every_live_organization_in_their_order(queue: QueueWorld) -> None:
    blue, gone = await _organization(queue, "blue"), await _organization(queue, "gone")
    now = clock.now()
    orphan = await queue.job(organization_id=gone, now=now - timedelta(minutes=4))
    await queue.db.execute("update organizations set deleted = true where id = $1", gone)
    loop = await queue.job(organization_id=blue, priority=1, now=now - timedelta(minutes=3))
    own = await queue.job(now=now - timedelta(minutes=2))
    other = await queue.job(organization_id=blue, now=now - timedelta(minutes=1))
    headers = await _builtin(queue)
    taken = [await _ask(queue, headers) for _ in range(4)]
    assert [job and (job["job_id"], job["organization_id"]) for job in taken] == [
        (str(own.id), str(DEFAULT_ORGANIZATION_ID)), (str(other.id), str(blue)), (str(loop.id), str(blue)), None,
    ]  # fmt: skip
    assert (await queue.find(orphan.id)).job_status == "pending"


@pytest.mark.requirement("QUEUE-SHARED-01")
async def test_tags_and_engines_count_for_built_in_daemons_as_for_others(queue: QueueWorld) -> None:
    blue = await _organization(queue, "blue")
    await queue.job(organization_id=blue, tags={"gpu": "1"})
    await queue.job(organization_id=blue, provisioner="terraform")
    assert await _ask(queue, await _builtin(queue)) is None


@pytest.mark.requirement("QUEUE-SHARED-02")
async def test_daemons_of_people_work_for_their_organization_alone(queue: QueueWorld) -> None:
    blue, owner = await _organization(queue, "blue"), await queue.accounts.make("owner")
    job = await queue.job(organization_id=blue)
    made = await queue.api.call(owner, "POST", "/organizations/default/provisionerkeys", {"name": "remote"})
    for headers in (
        {"Coder-Provisioner-Daemon-Key": made.json()["key"]}, {"Coder-Provisioner-Daemon-PSK": PSK}, owner.headers,
    ):  # fmt: skip
        assert await _ask(queue, headers, name="theirs") is None
    # Nor does its name make a daemon of somebody's a built-in one.
    await _ask(queue, await _builtin(queue), provisioners=["terraform"])
    assert await _ask(queue, {"Coder-Provisioner-Daemon-PSK": PSK}, name="builtin-0") is None
    assert (await queue.find(job.id)).job_status == "pending"


@pytest.mark.requirement("QUEUE-SHARED-03")
async def test_built_in_daemons_count_wherever_a_job_waits(queue: QueueWorld) -> None:
    blue = await _organization(queue, "blue")
    job = await queue.job(organization_id=blue)

    async def seen() -> tuple[int, int, int, int, int]:
        async with queue.db.connection() as conn:
            view = (await service.job_views(conn, [job.id]))[job.id]
            matched = await service.matched_provisioners(conn, blue, "echo", job.tags)
        return (
            view.queue_position, view.queue_size, len(view.available_workers or ()), matched.count, matched.available,
        )  # fmt: skip

    await queue.daemon()  # of the default organization
    assert await seen() == (0, 0, 0, 0, 0)
    headers = await _builtin(queue)
    await _ask(queue, headers, name="busy-elsewhere", provisioners=["terraform"])
    assert await seen() == (0, 0, 0, 0, 0)
    await queue.db.execute("update provisioner_daemons set provisioners = '{echo}' where name = 'busy-elsewhere'")
    assert await seen() == (1, 1, 1, 1, 1)
    # An older job of another organization stands before it in the line of the shared daemons…
    await queue.job(now=clock.now() - timedelta(minutes=1))
    assert await seen() == (2, 2, 1, 1, 1)
    # … and not in that of the organization's own, which is shorter.
    await queue.daemon(organization_id=blue)
    assert await seen() == (1, 1, 2, 2, 2)
    await queue.db.execute("update provisioner_daemons set last_seen_at = now() - interval '1 hour'")
    assert (await seen())[:3] == (0, 0, 0)


@pytest.mark.requirement("QUEUE-SHARED-03")
async def test_isolation_of_built_in_daemons_counts_in_every_organization(queue: QueueWorld) -> None:
    blue = await _organization(queue, "blue")
    own = await queue.daemon(organization_id=blue)
    async with queue.db.connection() as conn:
        assert await service.lacks_isolation(conn, blue, "echo", own.tags)
    await _ask(queue, await _builtin(queue), isolation="bubblewrap")
    async with queue.db.connection() as conn:
        assert not await service.lacks_isolation(conn, blue, "echo", own.tags)
    job = await queue.job(organization_id=blue, needs_isolation=True)
    assert await queue.acquire(own) is None
    assert (await queue.find(job.id)).job_status == "pending"


@pytest.mark.requirement("QUEUE-SHARED-04")
async def test_every_organization_lists_the_shared_daemons_and_nobody_elses_jobs(queue: QueueWorld) -> None:
    blue = await _organization(queue, "blue")
    member = await queue.accounts.make(organization_ids=[blue])
    owner, stranger = await queue.accounts.make("owner"), await queue.accounts.make("stranger")
    headers = await _builtin(queue)
    job = await queue.job(organization_id=DEFAULT_ORGANIZATION_ID)
    await _ask(queue, headers)
    await queue.daemon()
    there = f"/organizations/{blue}/provisionerdaemons"
    (seen,) = (await queue.api.call(member, "GET", there)).json()
    assert (seen["name"], seen["key_name"], seen["status"]) == ("builtin-0", "built-in", "busy")
    assert seen.get("current_job") is None
    here = {
        each["name"]: each for each in (await queue.api.call(owner, "GET", there.replace(str(blue), "default"))).json()
    }
    assert len(here) == 2
    assert here["builtin-0"]["current_job"]["id"] == str(job.id)
    keys = (await queue.api.call(owner, "GET", f"/organizations/{blue}/provisionerkeys/daemons")).json()
    assert [each["key"]["name"] for each in keys] == ["built-in"]
    assert (await queue.api.call(stranger, "GET", there)).status_code == 404


@pytest.mark.requirement("QUEUE-SHARED-05")
async def test_a_waiting_built_in_daemon_hears_of_jobs_in_every_organization(queue: QueueWorld) -> None:
    blue = await _organization(queue, "blue")
    queue.acquirer._poll_seconds = 60
    await until(lambda: queue.listener.is_connected)
    await _ask(queue, await _builtin(queue))
    row = await queue.db.fetchrow("select id from provisioner_daemons where is_shared")
    assert row is not None
    waiting = asyncio.create_task(_ask(queue, await _builtin(queue), wait_seconds=20))
    await until(lambda: bool(queue.acquirer._lines))
    line = next(iter(queue.acquirer._lines.values()))
    await until(line._front.locked)
    job = await queue.job(organization_id=blue)
    assert (await asyncio.wait_for(waiting, 10))["job_id"] == str(job.id)
