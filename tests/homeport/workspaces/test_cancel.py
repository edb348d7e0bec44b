"""Canceling builds."""

from typing import Any

import pytest

from homeport.kit.clock import FakeClock
from homeport.provisioning.service.jobs import end_canceled_job
from tests.homeport.workspaces.world import World


async def cancel(world: World, person: Any, build: Any, expected: str = "") -> int:
    query = f"?expect_status={expected}" if expected else ""
    answer = await world.api.call(person, "PATCH", f"/workspacebuilds/{build.id}/cancel{query}")
    assert answer.json()["message"]
    return answer.status_code


@pytest.mark.requirement("WS-CANCEL-01")
async def test_a_build_that_waits_ends_at_once(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    assert await cancel(world, ann, workspace.latest_build, "running") == 412
    assert await cancel(world, ann, workspace.latest_build, "asleep") == 400
    assert await cancel(world, ann, workspace.latest_build, "pending") == 200
    assert (await world.read(ann, workspace.id)).latest_build.status == "canceled"
    assert await cancel(world, ann, workspace.latest_build) == 400
    # What was canceled holds nothing up, and keeps its (missing) state.
    delete = await world.build(ann, workspace.id, "delete")
    assert await world.state_of(delete.id) is None


@pytest.mark.requirement("WS-CANCEL-01")
async def test_a_build_that_runs_is_asked_to_stop(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.running(ann)
    build = await world.build(ann, workspace.id, "stop")
    await world.begin(build)
    assert await cancel(world, ann, build, "pending") == 412
    assert await cancel(world, ann, build, "running") == 200
    assert (await world.read(ann, workspace.id)).latest_build.status == "canceling"
    assert await cancel(world, ann, build) == 400
    async with world.db.transaction() as conn:
        await end_canceled_job(conn, build.job.id, state=b"partly", now=clock.now())
    assert (await world.read(ann, workspace.id)).latest_build.status == "canceled"
    assert await world.state_of(build.id) == b"partly"


@pytest.mark.requirement("WS-CANCEL-02")
async def test_who_may_cancel(world: World) -> None:
    ann = await world.accounts.make()
    bob = await world.accounts.make()
    admin = await world.accounts.make("owner")
    reader = await world.accounts.make("template-admin")
    template = await world.template(allow_user_cancel_workspace_jobs=False)
    workspace = await world.create(ann, template)
    build = workspace.latest_build
    assert await cancel(world, bob, build) == 404
    assert await cancel(world, reader, build) == 403
    assert await cancel(world, ann, build) == 403
    await world.begin(build)
    assert await cancel(world, ann, build, "running") == 403
    assert await cancel(world, admin, build) == 200
    # What still waits may always be canceled.
    other = await world.create(ann, template)
    assert await cancel(world, ann, other.latest_build, "pending") == 200
