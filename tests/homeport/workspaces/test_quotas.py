"""What people may spend on workspaces: budgets, what a build books, and builds at once (authorization-and-data 22 and 29)."""

import asyncio
from typing import Any

import pytest

from homeport.database.metrics import RETRIES
from homeport.kit.crypto import hash_token
from homeport.provisioning import service as provisioning
from homeport.provisioning.service import inputs, progress
from homeport.provisioning.types import ProvisionedResource
from homeport.rbac import PREBUILDS_USER_ID
from homeport.workspaces.schemas import WorkspaceBuild
from tests.homeport.organizations.crews import add, make
from tests.homeport.workspaces.world import World
from tests.support.accounts import Person

QUOTA = "/organizations/coder/members/{}/workspace-quota"
_TOKEN = "the-token-of-the-job"
TAKE = """
with daemon as (
    insert into provisioner_daemons (id, organization_id, kind, name, version, provisioners, created_at)
    select gen_random_uuid(), organization_id, 'psk', id::text, '1', '{echo}', now() from provisioner_jobs where id = $1
    on conflict do nothing returning id
)
update provisioner_jobs set worker_id = coalesce((select id from daemon), worker_id), token_hash = $2 where id = $1
"""


async def allow(world: World, credits: int) -> None:
    """Give everybody of the default organization an allowance."""
    await world.db.execute("update groups set quota_allowance = $2 where id = $1", world.organization_id, credits)


async def book(world: World, build: WorkspaceBuild, cost: int) -> tuple[bool, int, int]:
    """Ask for the budget as a daemon that has taken the job does."""
    await world.begin(build)
    await world.db.execute(TAKE, build.job.id, hash_token(_TOKEN))
    answer = await progress.commit_quota(world.db, build.job.id, _TOKEN, cost)
    return answer.ok, answer.credits_consumed, answer.budget


async def refuse(world: World, build: WorkspaceBuild, cost: int) -> None:
    """Ask for more than there is, and end the build as a daemon then does."""
    assert (await book(world, build, cost))[0] is False
    async with world.db.transaction() as conn:
        await provisioning.fail_job(
            conn, build.job.id, error="too dear", error_code="INSUFFICIENT_QUOTA", state=None, now=build.created_at
        )


async def start(world: World, person: Person, workspace_id: Any, cost: int) -> None:
    """Start a workspace that costs so much, which is to be allowed."""
    build = await world.build(person, workspace_id, "start")
    assert (await book(world, build, cost))[0] is True
    await world.complete(build, resources=[machine(cost)])


async def spent(world: World, person: Person) -> dict[str, int]:
    """Return what somebody spends and may spend."""
    answer = await world.api.call(person, "GET", QUOTA.format(person.username))
    assert answer.status_code == 200, answer.text
    shown: dict[str, int] = answer.json()
    return shown


def machine(cost: int) -> ProvisionedResource:
    """Return a thing that costs so much a day."""
    return ProvisionedResource(type="process", name="machine", daily_cost=cost)


@pytest.mark.requirement("WS-QUOTA-01", "QUOTA-STOP-01")
async def test_quota_is_the_sum_of_allowances(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    first = await world.create(ann, template)
    # Nobody has set up quotas: nothing is limited.
    assert await book(world, first.latest_build, 1000) == (True, 1000, -1)
    await allow(world, 10)
    assert await book(world, first.latest_build, 11) == (False, 0, 10)
    assert await book(world, first.latest_build, 7) == (True, 7, 10)
    await world.complete(first.latest_build, resources=[machine(7)])
    second = await world.create(ann, template)
    assert await book(world, second.latest_build, 4) == (False, 7, 10)
    assert await book(world, second.latest_build, 3) == (True, 10, 10)
    assert await spent(world, ann) == {"credits_consumed": 10, "budget": 10}
    assert (await world.api.call(ann, "GET", "/workspace-quota/me")).json() == await spent(world, ann)
    bob = await world.accounts.make()
    assert (await world.api.call(bob, "GET", QUOTA.format(ann.username))).status_code == 404
    # A stopped workspace costs nothing, and a stop is never refused.
    stop = await world.build(ann, first.id, "stop")
    assert (await book(world, stop, 50))[0] is True
    await world.complete(stop, resources=[])
    assert (await spent(world, ann))["credits_consumed"] == 3
    # Stop and start again is no way around the budget.
    await allow(world, 5)
    again = await world.build(ann, first.id, "start")
    assert (await book(world, again, 7))[0] is False
    assert (await book(world, again, 6))[0] is True


@pytest.mark.requirement("QUOTA-BUDGET-01")
async def test_a_budget_is_what_the_groups_in_one_organization_allow(world: World) -> None:
    blue = await world.organization()
    owner = await world.accounts.make("owner")
    ann = await world.accounts.make(organization_ids=[world.organization_id, blue])
    crews = [await make(world.api, owner, f"crew-{credits}", quota_allowance=credits) for credits in (3, 4, 50)]
    far = await make(world.api, owner, "far", place=blue)
    for crew in (*crews[:2], far):
        await add(world.api, owner, crew, ann)
    await allow(world, 10)
    path = f"/organizations/{blue}/members/{ann.username}/workspace-quota"
    assert await spent(world, ann) == {"credits_consumed": 0, "budget": 17}
    # Quotas begin in an organization with its first allowance.
    assert (await world.api.call(ann, "GET", path)).json() == {"credits_consumed": 0, "budget": -1}
    await world.db.execute("update groups set quota_allowance = 1 where id = $1", blue)
    assert (await world.api.call(ann, "GET", path)).json() == {"credits_consumed": 0, "budget": 1}
    # Costs count where the workspace is.
    workspace = await world.create(ann, await world.template(organization_id=blue))
    assert await book(world, workspace.latest_build, 2) == (False, 0, 1)
    assert await book(world, workspace.latest_build, 1) == (True, 1, 1)
    assert (await world.api.call(ann, "GET", path)).json() == {"credits_consumed": 1, "budget": 1}
    assert await spent(world, ann) == {"credits_consumed": 0, "budget": 17}
    # A group that is left or deleted allows nothing any more.
    await world.api.call(owner, "PATCH", f"/groups/{crews[0]['id']}", {"remove_users": [str(ann.id)]})
    assert (await spent(world, ann))["budget"] == 14
    await world.api.call(owner, "DELETE", f"/groups/{crews[1]['id']}")
    assert (await spent(world, ann))["budget"] == 10


@pytest.mark.requirement("QUOTA-BUDGET-02")
async def test_the_servers_own_users_have_no_budget(world: World) -> None:
    owner = await world.accounts.make("owner")
    await allow(world, 1)
    pool = await world.create(owner, await world.template())
    await world.db.execute("update workspaces set owner_id = $2 where id = $1", pool.id, PREBUILDS_USER_ID)
    assert await book(world, pool.latest_build, 100) == (True, 100, -1)
    shown = await world.api.call(owner, "GET", QUOTA.format("prebuilds"))
    assert shown.json() == {"credits_consumed": 100, "budget": -1}
    # Once claimed it counts for whoever has claimed it.
    await world.complete(pool.latest_build, resources=[machine(100)])
    await world.db.execute("update workspaces set owner_id = $2 where id = $1", pool.id, owner.id)
    claimed = await world.build(owner, pool.id, "start")
    assert await book(world, claimed, 100) == (False, 0, 1)


@pytest.mark.requirement("QUOTA-STOP-01")
async def test_only_what_is_cheaper_than_the_last_start_goes_beyond_the_budget(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    assert (await book(world, workspace.latest_build, 10))[0]
    await world.complete(workspace.latest_build, resources=[machine(10)])
    await allow(world, 4)
    for cost in (11, 10):
        build = await world.build(ann, workspace.id, "start")
        await refuse(world, build, cost)
    await world.complete(await world.build(ann, workspace.id, "stop"), resources=[])
    assert (await spent(world, ann))["credits_consumed"] == 0
    for cost in (11, 10):
        await refuse(world, await world.build(ann, workspace.id, "start"), cost)
    # What was refused has booked nothing, so the start before it is what counts.
    await start(world, ann, workspace.id, 9)
    await refuse(world, await world.build(ann, workspace.id, "start"), 9)
    await start(world, ann, workspace.id, 4)
    await start(world, ann, workspace.id, 4)
    assert await spent(world, ann) == {"credits_consumed": 4, "budget": 4}


@pytest.mark.requirement("QUOTA-KEPT-01")
async def test_what_is_still_there_goes_on_costing(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    await allow(world, 10)
    first = await world.create(ann, template)
    assert (await book(world, first.latest_build, 8))[0]
    await world.complete(first.latest_build, resources=[machine(8)])
    # A build that waits, one that is refused and one that fails leave the machine running.
    build = await world.build(ann, first.id, "start")
    assert (await spent(world, ann))["credits_consumed"] == 8
    await refuse(world, build, 20)
    assert (await spent(world, ann))["credits_consumed"] == 8
    await world.fail(await world.build(ann, first.id, "stop"))
    assert (await spent(world, ann))["credits_consumed"] == 8
    second = await world.create(ann, template)
    assert await book(world, second.latest_build, 3) == (False, 8, 10)
    # Its end frees what it has cost.
    await world.complete(await world.build(ann, first.id, "delete"), resources=[])
    assert (await spent(world, ann))["credits_consumed"] == 0
    assert await book(world, second.latest_build, 3) == (True, 3, 10)


@pytest.mark.requirement("QUOTA-RACE-01")
async def test_builds_of_one_owner_at_once_share_one_budget(world: World) -> None:
    ann, bob = await world.accounts.make(), await world.accounts.make()
    template = await world.template()
    await allow(world, 10)
    asked = [await world.create(ann, template) for _ in range(6)]
    others = [await world.create(bob, template) for _ in range(3)]
    answers = await asyncio.gather(*(book(world, workspace.latest_build, 3) for workspace in (*asked, *others)))
    # Three of three fit into ten, whoever comes first.
    assert sorted(answer[:2] for answer in answers[:6]) == [(False, 9)] * 3 + [(True, 3), (True, 6), (True, 9)]
    assert [answer[0] for answer in answers[6:]] == [True] * 3
    assert (await spent(world, ann))["credits_consumed"] == 9


@pytest.mark.requirement("QUOTA-RACE-02")
async def test_builds_of_others_wait_for_nothing(world: World) -> None:
    ann, bob = await world.accounts.make(), await world.accounts.make()
    template = await world.template()
    await allow(world, 10)
    mine, again, other = [await world.create(person, template) for person in (ann, ann, bob)]
    before = RETRIES._value.get()
    async with world.db.transaction() as conn:
        # Ann's check goes on, and holds her budget.
        assert (await inputs.check_quota(conn, await provisioning.get_job(conn, mine.latest_build.job.id), 6)).ok
        assert await asyncio.wait_for(book(world, other.latest_build, 6), 5) == (True, 6, 10)
        waiting = asyncio.create_task(book(world, again.latest_build, 6))
        assert await asyncio.wait_for(book(world, other.latest_build, 7), 5) == (True, 7, 10)
        assert not waiting.done()
    assert await waiting == (False, 6, 10)
    assert RETRIES._value.get() == before
