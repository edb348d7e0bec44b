"""What the server does by itself, or upon a daemon's report, is recorded as its own: loopback, no request, the build it was for."""

from datetime import timedelta
from typing import Any

import pytest

from homeport.kit.clock import FakeClock
from homeport.kit.ids import NIL_ID
from homeport.provisioning.service.reaper import reap
from tests.homeport.server.deployment import Deployment
from tests.support.accounts import Person
from tests.support.names import unique_name


async def entries(deployment: Deployment, since: int) -> list[tuple[Any, ...]]:
    """Return what was written after so many entries, without moments."""
    rows = await deployment.db.fetch(
        "select resource_type, action, status_code, user_id, ip, user_agent, request_id, additional_fields, diff"
        " from audit_logs order by time, id offset $1",
        since,
    )
    return [tuple(row) for row in rows if row["request_id"] == NIL_ID]


async def count(deployment: Deployment) -> int:
    """Return how many entries there are."""
    return int(await deployment.db.fetchval("select count(*) from audit_logs"))


async def workspace(deployment: Deployment, owner: Person, person: Person) -> dict[str, Any]:
    """Make a workspace whose first build waits."""
    template, _ = await deployment.template(owner)
    wanted = {"name": unique_name("ws"), "template_id": template["id"]}
    made: dict[str, Any] = await deployment.ask(person, "POST", "/users/me/workspaces", wanted)
    return made


def fields(made: dict[str, Any], number: int = 1) -> dict[str, str]:
    """Return what entries of a build say beside its row."""
    return {
        "workspace_id": made["id"], "workspace_name": made["name"], "build_number": str(number), "build_reason": "initiator",
    }  # fmt: skip


@pytest.mark.requirement("AUDIT-BACKGROUND-01")
async def test_a_build_that_fails_is_told_in_the_name_of_who_asked_for_it(deployment: Deployment) -> None:
    owner, person = [await deployment.accounts.make(kind) for kind in ("owner", "member")]
    made = await workspace(deployment, owner, person)
    before = await count(deployment)
    job = await deployment.take_job(made["latest_build"]["job"]["id"])
    await deployment.report(job, "fail", {"error": "it broke"})
    assert await entries(deployment, before) == [
        ("workspace_build", "start", 500, person.id, "127.0.0.1", "", NIL_ID, fields(made), {})
    ]


@pytest.mark.requirement("AUDIT-BACKGROUND-01")
async def test_a_build_that_the_reaper_ends_is_told_and_one_that_was_canceled_is_not_told_twice(
    deployment: Deployment, clock: FakeClock
) -> None:
    owner, person = [await deployment.accounts.make(kind) for kind in ("owner", "member")]
    made = await workspace(deployment, owner, person)
    await deployment.take_job(made["latest_build"]["job"]["id"])
    canceled = await workspace(deployment, owner, person)
    before = await count(deployment)
    await deployment.ask(person, "PATCH", f"/workspacebuilds/{canceled['latest_build']['id']}/cancel")
    assert await entries(deployment, before) == []
    clock.advance(timedelta(minutes=6))
    await reap(deployment.db)
    assert await entries(deployment, before) == [
        ("workspace_build", "start", 500, person.id, "127.0.0.1", "", NIL_ID, fields(made), {})
    ]


@pytest.mark.requirement("AUDIT-BACKGROUND-01")
async def test_a_workspace_that_is_gone_is_told_when_its_last_build_is_done(deployment: Deployment) -> None:
    owner, person = [await deployment.accounts.make(kind) for kind in ("owner", "member")]
    template, _ = await deployment.template(owner)
    made, _ = await deployment.workspace(person, template["id"])
    build = await deployment.ask(owner, "POST", f"/workspaces/{made['id']}/builds", {"transition": "delete"})
    before = await count(deployment)
    await deployment.report(await deployment.take_job(build["job"]["id"]), "complete", {"workspace_build": {}})
    ((type_, action, status, who, ip, _, _, more, diff),) = await entries(deployment, before)
    assert (type_, action, status, who, ip) == ("workspace", "delete", 200, owner.id, "127.0.0.1")
    assert more == fields(made, 2)
    assert set(diff) <= {"updated_at", "next_start_at"}, "what is left in the row says nothing more"
