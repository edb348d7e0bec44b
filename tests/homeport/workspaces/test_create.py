"""Creating workspaces: what comes out, and every refusal in its order."""

import asyncio
from typing import Any

import pytest

from homeport.kit.clock import FakeClock
from homeport.kit.errors import BadRequest, Conflict, Forbidden, HomeportError, NotAcceptable, NotFound
from homeport.kit.ids import new_id
from tests.homeport.workspaces.world import HOUR, World
from tests.support.accounts import Person


@pytest.mark.requirement("WS-CREATE-01")
async def test_a_workspace_begins_with_a_pending_start(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    template = await world.template(parameters=[{"name": "size", "default_value": "small"}], default_ttl=8 * HOUR)
    answer = await world.api.call(
        ann,
        "POST",
        "/users/me/workspaces",
        {
            "name": "dev",
            "template_id": str(template.id),
            "autostart_schedule": "CRON_TZ=UTC 30 9 * * 1-5",
            "ttl_ms": 3_600_000,
            "automatic_updates": "always",
            "rich_parameter_values": [{"name": "size", "value": "large"}],
        },
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    build = made["latest_build"]
    assert (made["name"], made["owner_name"], made["template_name"]) == ("dev", ann.username, template.name)
    assert (made["ttl_ms"], made["automatic_updates"], made["outdated"]) == (3_600_000, "always", False)
    assert made["next_start_at"] == "2026-01-02T09:30:00Z"
    assert made["last_used_at"] == "2026-01-01T12:00:00Z"
    assert made["health"] == {"healthy": True, "failing_agents": []}
    assert (build["transition"], build["status"], build["reason"], build["build_number"]) == (
        "start",
        "pending",
        "initiator",
        1,
    )
    assert build["job"]["status"] == "pending"
    assert build["job"]["tags"] == {"scope": "organization", "owner": ""}
    assert build["resources"] == []
    assert build["matched_provisioners"] == {"count": 0, "available": 0}
    parameters = await world.api.call(ann, "GET", f"/workspacebuilds/{build['id']}/parameters")
    assert parameters.json() == [{"name": "size", "value": "large"}]
    assert await world.audit_of(made["id"]) == [("workspace", "create")]
    assert await world.audit_of(build["id"]) == [("workspace_build", "start")]


@pytest.mark.requirement("WS-CREATE-01")
async def test_the_template_says_how_long_a_workspace_lives_when_nobody_else_does(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template(default_ttl=8 * HOUR)
    assert (await world.create(ann, template)).ttl_ms == 8 * 3_600_000
    assert (await world.create(ann, template, ttl_ms=0)).ttl_ms is None


async def refusal(world: World, person: Person, owner: str, **body: Any) -> tuple[int, str]:
    answer = await world.api.call(person, "POST", f"/users/{owner}/workspaces", body)
    found = answer.json()
    assert found["message"]
    fields = found.get("validations") or [{"field": ""}]
    return answer.status_code, fields[0]["field"]


@pytest.mark.requirement("WS-CREATE-02")
async def test_refusals_in_their_order(world: World) -> None:
    ann = await world.accounts.make()
    stranger = await world.accounts.make("stranger")
    admin = await world.accounts.make("owner")
    template = await world.template(deprecated="use the other one")
    hidden = await world.template(group_acl={})
    readable = await world.template(group_acl={str(world.organization_id): ["read"]})
    taken = (await world.create(ann, await world.template())).name
    fine = await world.template(allow_user_autostart=False)
    ok = {"name": "dev", "template_id": str(fine.id)}

    # Everything is wrong: the name is said first, then the place, the right, the owner, the template, and so on.
    for name in ("", "new", "a--b", "-a", "a_b", "x" * 33, "a b", "é"):
        assert await refusal(world, ann, "me", **{**ok, "name": name}) == (400, "name")
    assert await refusal(world, ann, "me", name="dev") == (400, "template_id")
    both = {"template_id": str(fine.id), "template_version_id": str(fine.version_id)}
    assert await refusal(world, ann, "me", name="dev", **both) == (400, "template_id")
    assert (await refusal(world, ann, "me", name="dev", template_id=str(new_id())))[0] == 404
    assert (await refusal(world, ann, "me", name="dev", template_version_id=str(new_id())))[0] == 404
    assert (await refusal(world, ann, "me", name="dev", template_id=str(hidden.id)))[0] == 404
    assert (await refusal(world, ann, "me", name="dev", template_id=str(readable.id)))[0] == 403
    assert (await refusal(world, ann, "nobody", **ok))[0] == 404
    assert (await refusal(world, ann, admin.username, **ok))[0] == 404
    assert (await refusal(world, admin, stranger.username, **ok))[0] == 404
    assert (await refusal(world, stranger, "me", **ok))[0] == 404
    assert (await refusal(world, ann, "me", name="dev", template_id=str(template.id)))[0] == 400
    assert await refusal(world, ann, "me", **ok, autostart_schedule="often") == (400, "schedule")
    assert (await refusal(world, ann, "me", **ok, autostart_schedule="0 9 * * *"))[0] == 400
    assert await refusal(world, ann, "me", **ok, ttl_ms=5) == (400, "ttl_ms")
    assert await refusal(world, ann, "me", **{**ok, "name": taken.upper()}) == (409, "name")
    assert await refusal(world, ann, "me", **ok, rich_parameter_values=[{"name": "x", "value": "1"}]) == (400, "x")
    twice = [{"name": "x", "value": "1"}] * 2
    assert (await refusal(world, ann, "me", **ok, rich_parameter_values=twice))[1] == "rich_parameter_values"
    assert await refusal(world, ann, "me", name=7, template_id=str(fine.id)) == (400, "name")
    assert await refusal(world, ann, "me", name="dev", template_id="7") == (400, "template_id")
    assert await world.db.fetchval("select count(*) from workspaces") == 1


@pytest.mark.requirement("WS-CREATE-02")
async def test_organization_workspace_creation_ban(world: World) -> None:
    banned = await world.accounts.make("organization-workspace-creation-ban")
    with pytest.raises(Forbidden):
        await world.create(banned, await world.template())


@pytest.mark.requirement("WS-CREATE-02")
@pytest.mark.parametrize(
    ("job", "error"),
    [("pending", NotAcceptable), ("running", NotAcceptable), ("failed", BadRequest), ("canceled", BadRequest)],
)
async def test_a_version_that_is_not_imported_makes_nothing(world: World, job: str, error: type[HomeportError]) -> None:
    ann = await world.accounts.make()
    template = await world.template(job=job)
    with pytest.raises(error):
        await world.create(ann, template)
    assert await world.db.fetchval("select count(*) from workspaces") == 0


@pytest.mark.requirement("WS-CREATE-01")
async def test_a_chosen_version_is_built(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    older = await world.version(template.id)
    answer = await world.api.call(
        ann, "POST", "/users/me/workspaces", {"name": "dev", "template_version_id": str(older)}
    )
    made = answer.json()
    assert made["latest_build"]["template_version_id"] == str(older)
    assert made["outdated"] is True


@pytest.mark.requirement("WS-CREATE-03")
async def test_one_name_at_once_is_made_once(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    outcomes = await asyncio.gather(
        *(world.create(ann, template, name="dev") for _ in range(4)), return_exceptions=True
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 3
    assert await world.db.fetchval("select count(*) from provisioner_jobs where type = 'workspace_build'") == 1


@pytest.mark.requirement("WS-CREATE-04")
async def test_who_may_create_for_whom(world: World) -> None:
    ann = await world.accounts.make()
    bob = await world.accounts.make()
    admin = await world.accounts.make("organization-admin")
    template = await world.template()
    made = await world.create(admin, template, owner=bob.username)
    assert made.owner_id == bob.id
    with pytest.raises(NotFound):
        await world.create(ann, template, owner=bob.username)
    twin = f"/organizations/coder/members/{bob.id}/workspaces"
    answer = await world.api.call(admin, "POST", twin, {"name": "twin", "template_id": str(template.id)})
    assert answer.status_code == 201, answer.text
    elsewhere = await world.organization()
    foreign = await world.template(organization_id=elsewhere)
    owner = await world.accounts.make("owner", organization_ids=[world.organization_id, elsewhere])
    twin = f"/organizations/coder/members/{owner.id}/workspaces"
    answer = await world.api.call(owner, "POST", twin, {"name": "x", "template_id": str(foreign.id)})
    assert answer.status_code == 404
