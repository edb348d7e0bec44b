"""Changing a workspace: name, schedules, marks, rest; and what cannot go while it lives."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from homeport.kit.clock import FakeClock
from homeport.kit.errors import BadRequest, NotFound
from homeport.kit.ids import new_id
from homeport.templates.service.registries import find_reason_to_keep, statistics, used_versions
from homeport.templates.service.templates import delete_template
from homeport.workspaces.queries.workspaces import lock_workspace
from homeport.workspaces.schemas import Workspace
from homeport.workspaces.service import record_activity
from tests.homeport.workspaces.world import HOUR, World


@pytest.mark.requirement("WS-RENAME-01")
async def test_rename(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    workspace, other = await world.create(ann, template, name="one"), await world.create(ann, template, name="two")
    path = f"/workspaces/{workspace.id}"

    async def rename(name: Any) -> int:
        return (await world.api.call(ann, "PATCH", path, {"name": name})).status_code

    assert await rename("TWO") == 409
    assert await rename("a--b") == 400
    assert await rename("new") == 400
    assert await rename(7) == 400
    assert await rename("") == 204
    assert await rename("three") == 204
    assert (await world.read(ann, workspace.id)).name == "three"
    assert [action for _, action in await world.audit_of(workspace.id)] == ["create", "write"]
    written = "select diff from audit_logs where resource_id = $1 and action = 'write' and status_code < 400"
    diff = await world.db.fetchval(written, workspace.id)
    assert diff["name"]["old"] == "one"
    assert diff["name"]["new"] == "three"
    outcomes = await asyncio.gather(
        *(world.api.call(ann, "PATCH", f"/workspaces/{each.id}", {"name": "same"}) for each in (workspace, other))
    )
    assert sorted(outcome.status_code for outcome in outcomes) == [204, 409]


@pytest.mark.requirement("WS-SETTINGS-01")
async def test_every_change_is_for_those_who_may_update(world: World) -> None:
    ann, bob = await world.accounts.make(), await world.accounts.make()
    reader = await world.accounts.make("template-admin")
    workspace = await world.create(ann, await world.template())
    changes: list[tuple[str, str, Any]] = [
        ("PATCH", "", {"name": "x"}),
        ("PUT", "/autostart", {"schedule": "0 9 * * *"}),
        ("PUT", "/ttl", {"ttl_ms": 60_000}),
        ("PUT", "/autoupdates", {"automatic_updates": "always"}),
        ("PUT", "/extend", {"deadline": "2030-01-01T00:00:00Z"}),
        ("PUT", "/dormant", {"dormant": True}),
        ("PUT", "/favorite", None),
        ("DELETE", "/favorite", None),
        ("POST", "/usage", {}),
    ]
    for method, part, body in changes:
        for person, status in ((bob, 404), (reader, 403), (None, 401)):
            answer = await world.api.call(person, method, f"/workspaces/{workspace.id}{part}", body)
            assert answer.status_code == status, (method, part)
        answer = await world.api.call(ann, method, f"/workspaces/{new_id()}{part}", body)
        assert answer.status_code == 404, (method, part)
    assert [action for _, action in await world.audit_of(workspace.id)] == ["create"]
    await world.complete(workspace.latest_build)
    await world.complete(await world.build(ann, workspace.id, "delete"), resources=[])
    for method, part, body in changes[:-1]:
        answer = await world.api.call(ann, method, f"/workspaces/{workspace.id}{part}", body)
        assert answer.status_code == 409, (method, part)


@pytest.mark.requirement("WS-SCHEDULE-02")
async def test_autostart(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template(autostart_block_days_of_week=1 << 4))
    path = f"/workspaces/{workspace.id}/autostart"
    wrong = await world.api.call(ann, "PUT", path, {"schedule": "often"})
    assert (wrong.status_code, wrong.json()["validations"][0]["field"]) == (400, "schedule")
    assert (await world.api.call(ann, "PUT", path, {"schedule": "30 9 * * 1-5"})).status_code == 204
    shown = await world.read(ann, workspace.id)
    assert shown.autostart_schedule == "30 9 * * 1-5"
    # Friday is blocked by the template, so Monday it is.
    assert shown.next_start_at is not None
    assert shown.next_start_at.isoformat() == "2026-01-05T09:30:00+00:00"
    assert (await world.api.call(ann, "PUT", path, {"schedule": ""})).status_code == 204
    shown = await world.read(ann, workspace.id)
    assert (shown.autostart_schedule, shown.next_start_at) == (None, None)
    fixed = await world.create(ann, await world.template(allow_user_autostart=False))
    answer = await world.api.call(ann, "PUT", f"/workspaces/{fixed.id}/autostart", {"schedule": "30 9 * * *"})
    assert answer.status_code == 400


@pytest.mark.requirement("WS-TTL-01")
async def test_ttl(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.running(ann, ttl_ms=3_600_000)
    path = f"/workspaces/{workspace.id}/ttl"
    wrong = await world.api.call(ann, "PUT", path, {"ttl_ms": 1})
    assert (wrong.status_code, wrong.json()["validations"][0]["field"]) == (400, "ttl_ms")
    assert (await world.api.call(ann, "PUT", path, {"ttl_ms": 7_200_000})).status_code == 204
    shown = await world.read(ann, workspace.id)
    # What runs keeps its deadline.
    assert (shown.ttl_ms, shown.latest_build.deadline) == (7_200_000, clock.now() + timedelta(hours=1))
    assert (await world.api.call(ann, "PUT", path, {"ttl_ms": None})).status_code == 204
    shown = await world.read(ann, workspace.id)
    assert (shown.ttl_ms, shown.latest_build.deadline) == (None, None)
    fixed = await world.create(ann, await world.template(allow_user_autostop=False))
    answer = await world.api.call(ann, "PUT", f"/workspaces/{fixed.id}/ttl", {"ttl_ms": 7_200_000})
    assert answer.status_code == 400


@pytest.mark.requirement("WS-EXTEND-01")
async def test_extend(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template(), ttl_ms=3_600_000)
    path = f"/workspaces/{workspace.id}/extend"

    async def extend(deadline: str) -> int:
        return (await world.api.call(ann, "PUT", path, {"deadline": deadline})).status_code

    assert await extend("2026-01-01T18:00:00Z") == 409
    await world.complete(workspace.latest_build)
    assert await extend("2026-01-01T12:29:00Z") == 400
    assert await extend("2026-01-01T18:00:00") == 400
    assert await extend("soon") == 400
    assert await extend("2026-01-01T18:00:00Z") == 200
    shown = await world.read(ann, workspace.id)
    assert shown.latest_build.deadline == clock.now() + timedelta(hours=6)
    endless = await world.running(ann)
    answer = await world.api.call(ann, "PUT", f"/workspaces/{endless.id}/extend", {"deadline": "2026-01-02T00:00:00Z"})
    assert answer.status_code == 400


@pytest.mark.requirement("WS-FAVORITE-01")
async def test_favorites_are_the_owners(world: World) -> None:
    ann, admin = await world.accounts.make(), await world.accounts.make("owner")
    workspace = await world.create(ann, await world.template())
    path = f"/workspaces/{workspace.id}/favorite"
    assert (await world.api.call(admin, "PUT", path)).status_code == 403
    assert (await world.api.call(ann, "PUT", path)).status_code == 204
    assert (await world.read(ann, workspace.id)).favorite is True
    assert (await world.read(admin, workspace.id)).favorite is False
    assert (await world.api.call(ann, "DELETE", path)).status_code == 204
    assert (await world.read(ann, workspace.id)).favorite is False


@pytest.mark.requirement("WS-DORMANT-01")
async def test_dormancy(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    template = await world.template(time_til_dormant_autodelete=24 * HOUR)
    workspace = await world.running(ann, template, autostart_schedule="30 9 * * *")
    path = f"/workspaces/{workspace.id}/dormant"
    slept = (await world.api.call(ann, "PUT", path, {"dormant": True})).json()
    assert slept["dormant_at"] == "2026-01-01T12:00:00Z"
    assert slept["deleting_at"] == "2026-01-02T12:00:00Z"
    assert slept["next_start_at"] is None
    clock.advance(timedelta(hours=1))
    again = (await world.api.call(ann, "PUT", path, {"dormant": True})).json()
    assert again["dormant_at"] == "2026-01-01T12:00:00Z"
    awake = (await world.api.call(ann, "PUT", path, {"dormant": False})).json()
    assert (awake["dormant_at"], awake["deleting_at"]) == (None, None)
    assert awake["last_used_at"] == "2026-01-01T13:00:00Z"


@pytest.mark.requirement("WS-ACTIVITY-01")
async def test_use_moves_the_workspace_and_its_deadline(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.running(ann, await world.template(activity_bump=2 * HOUR), ttl_ms=3_600_000)
    agent = workspace.latest_build.resources[0].agents[0]
    path = f"/workspaces/{workspace.id}/usage"
    clock.advance(timedelta(minutes=30))
    assert (await world.api.call(ann, "POST", path)).status_code == 204
    shown = await world.read(ann, workspace.id)
    assert shown.last_used_at == clock.now()
    assert shown.latest_build.deadline == clock.now() + timedelta(hours=2)
    # While somebody else is at work on the workspace, a report neither waits nor fails.
    async with world.db.transaction() as conn:
        await lock_workspace(conn, workspace.id)
        async with world.db.transaction() as other:
            await record_activity(other, workspace.id, clock.now() + timedelta(days=1))
    assert (await world.read(ann, workspace.id)).last_used_at == clock.now()
    body = {"agent_id": str(agent.id), "app_name": "vscode"}
    assert (await world.api.call(ann, "POST", path, body)).status_code == 204
    for wrong in ({"agent_id": str(agent.id)}, {"app_name": "ssh"}, {**body, "app_name": "emacs"}):
        assert (await world.api.call(ann, "POST", path, wrong)).status_code == 400
    foreign = {**body, "agent_id": str(new_id())}
    assert (await world.api.call(ann, "POST", path, foreign)).status_code == 400


@pytest.mark.requirement("WS-AUTOSTART-01")
async def test_the_next_autostart_may_lack_values(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    workspace = await world.stopped(ann, template, automatic_updates="always")
    path = f"/workspaces/{workspace.id}/resolve-autostart"
    assert (await world.api.call(ann, "GET", path)).json() == {"parameter_mismatch": False}
    await world.activate(template, await world.version(template.id, parameters=[{"name": "new", "required": True}]))
    assert (await world.api.call(ann, "GET", path)).json() == {"parameter_mismatch": True}


@pytest.mark.requirement("WS-GUARD-01")
async def test_what_workspaces_depend_on_stays(world: World, clock: FakeClock) -> None:
    ann, admin = await world.accounts.make(), await world.accounts.make("owner")
    template = await world.template()
    workspace = await world.running(ann, template)
    refused = await world.api.call(admin, "DELETE", f"/users/{ann.id}")
    assert (refused.status_code, "workspace" in refused.json()["message"]) == (409, True)
    async with world.db.connection() as conn:
        assert "workspace" in str(await find_reason_to_keep(conn, template.id))
        assert await used_versions(conn, template.id) == {template.version_id}
        known = (await statistics(conn, [template.id]))[template.id]
    assert (known.active_user_count, known.build_times["start"].p50) == (1, 0)
    await world.complete(await world.build(ann, workspace.id, "delete"), resources=[])
    async with world.db.connection() as conn:
        assert await find_reason_to_keep(conn, template.id) is None
        assert await used_versions(conn, template.id) == set()
    assert (await world.api.call(admin, "DELETE", f"/users/{ann.id}")).status_code in {200, 204}


@pytest.mark.requirement("WS-GUARD-02")
async def test_nothing_is_made_from_what_is_being_deleted(world: World) -> None:
    admin = await world.accounts.make("owner")
    for _ in range(4):
        ann, template = await world.accounts.make(), await world.template()
        made, template_gone, user_gone = await asyncio.gather(
            world.create(ann, template),
            delete_template(world.db, subject=admin.me, template_id=template.id),
            world.api.call(admin, "DELETE", f"/users/{ann.id}"),
            return_exceptions=True,
        )
        assert isinstance(user_gone, httpx.Response)
        if isinstance(made, Workspace):
            assert isinstance(template_gone, BadRequest)
            assert user_gone.status_code == 409
        else:
            assert isinstance(made, NotFound)
            assert template_gone is None or user_gone.status_code in {200, 204}
