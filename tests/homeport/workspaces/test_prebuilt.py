"""Prebuilt workspaces: who may do what to them, by the right on workspaces or by the right on prebuilt ones alone."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import pytest

from homeport.kit.clock import FakeClock
from homeport.rbac import ACTIONS, PREBUILDS_USER_ID, Action, ResourceType
from homeport.workspaces.schemas import Workspace
from homeport.workspaces.service import may, may_start
from tests.homeport.workspaces.world import World
from tests.support.accounts import Person
from tests.support.prebuilds import make_prebuilt

TEMPLATE_ADMINS = ("template-admin", "organization-template-admin")
OWNERS = ("owner", "organization-admin")


async def prebuilt(world: World, organization_id: UUID | None = None) -> Workspace:
    """Make one that runs."""
    template = await world.template(organization_id=organization_id or world.organization_id)
    workspace = await make_prebuilt(world.db, world.cipher, template.id)
    await world.complete(workspace.latest_build)
    return workspace


async def holder(world: World, *permissions: str, organization_id: UUID | None = None) -> Person:
    """Make a member whose custom role holds exactly these permissions in the organization."""
    place = organization_id or world.organization_id
    name = await world.custom_role(place, *permissions)
    return await world.accounts.make(organization_ids=[place], organization_roles=[name])


async def statuses(
    world: World, person: Person, workspace: Workspace, wishes: Sequence[Mapping[str, object]]
) -> list[int]:
    """Ask for builds; each that is made is failed at once, so that the next can be asked for."""
    found = []
    for wish in wishes:
        answer = await world.api.call(person, "POST", f"/workspaces/{workspace.id}/builds", wish)
        found.append(answer.status_code)
        if answer.status_code == 201:
            await world.db.execute(
                "update provisioner_jobs set started_at = now(), completed_at = now(), error = 'no' where id = $1",
                UUID(answer.json()["job"]["id"]),
            )
    return found


@pytest.mark.requirement("M08-01", "WS-PREBUILT-01")
@pytest.mark.parametrize("kind", [*TEMPLATE_ADMINS, *OWNERS])
async def test_a_prebuild_is_deleted_in_full_by_those_who_look_after_templates(world: World, kind: str) -> None:
    admin, workspace = await world.accounts.make(kind), await prebuilt(world)
    answer = await world.api.call(admin, "POST", f"/workspaces/{workspace.id}/builds", {"transition": "delete"})
    assert answer.status_code == 201, answer.text
    build = answer.json()
    assert (build["transition"], build["initiator_id"]) == ("delete", str(admin.id))
    assert build["workspace_owner_name"] == "prebuilds"
    row = await world.db.fetchrow("select * from workspace_builds where id = $1", UUID(build["id"]))
    assert row is not None
    assert row["build_number"] == 2
    # Everything that the end of a delete touches is the server's own doing.
    await world.complete(await world.build_view(row["id"]), resources=[])
    assert await world.db.fetchval("select deleted from workspaces where id = $1", workspace.id) is True
    assert await world.db.fetchval("select count(*) from workspace_agents where not deleted") == 0
    assert (await world.api.call(admin, "GET", f"/workspaces/{workspace.id}")).status_code == 404
    assert ("workspace", "delete") in await world.audit_of(workspace.id)
    assert await world.audit_of(row["id"]) == [("workspace_build", "delete")]


@pytest.mark.requirement("M08-02", "WS-PREBUILT-01")
@pytest.mark.parametrize("kind", TEMPLATE_ADMINS)
async def test_others_workspaces_are_not_deleted_by_the_right_on_prebuilds(world: World, kind: str) -> None:
    admin, ann = await world.accounts.make(kind), await world.accounts.make()
    workspace = await world.running(ann)
    path = f"/workspaces/{workspace.id}"
    refused = await world.api.call(admin, "POST", f"{path}/builds", {"transition": "delete"})
    assert refused.status_code == 403
    assert "workspace:delete" in refused.json()["detail"]
    assert (await world.api.call(admin, "PATCH", path, {"name": "other"})).status_code == 403
    assert await world.db.fetchval("select count(*) from workspace_builds where workspace_id = $1", workspace.id) == 1
    assert (await world.api.call(ann, "POST", f"{path}/builds", {"transition": "delete"})).status_code == 201


@pytest.mark.requirement("M08-03", "WS-PREBUILT-01")
async def test_a_member_does_not_see_prebuilds(world: World) -> None:
    member, stranger = await world.accounts.make(), await world.accounts.make("stranger")
    elsewhere = await world.organization()
    foreign = await world.accounts.make("organization-template-admin", organization_ids=[elsewhere])
    auditor, people = await world.accounts.make("auditor"), await world.accounts.make("user-admin")
    workspace = await prebuilt(world)
    path = f"/workspaces/{workspace.id}"
    for person in (member, stranger, foreign, auditor, people):
        for wish in ("delete", "start", "stop"):
            answer = await world.api.call(person, "POST", f"{path}/builds", {"transition": wish})
            assert answer.status_code == 404, (person.kind, wish)
        assert (await world.api.call(person, "GET", path)).status_code == 404, person.kind
        assert (await world.api.call(person, "GET", f"/users/prebuilds/workspace/{workspace.name}")).status_code == 404


@pytest.mark.requirement("M08-04", "WS-PREBUILT-01")
@pytest.mark.parametrize("kind", TEMPLATE_ADMINS)
async def test_nothing_but_update_and_delete_is_gained(world: World, kind: str) -> None:
    admin, workspace = await world.accounts.make(kind), await prebuilt(world)
    agent = (await world.read(await world.accounts.make("owner"), workspace.id)).latest_build.resources[0].agents[0]
    path = f"/workspaces/{workspace.id}"
    for wish in ("start", "stop"):
        refused = await world.api.call(admin, "POST", f"{path}/builds", {"transition": wish})
        assert refused.status_code == 403, wish
        assert f"workspace:{wish}" in refused.json()["detail"]
    assert (await world.api.call(admin, "PUT", f"{path}/favorite")).status_code == 403
    assert agent.name == "main"
    # Update is in the right: a name may be changed, a running build canceled.
    assert (await world.api.call(admin, "PATCH", path, {"name": "renamed"})).status_code == 204
    build = (await world.api.call(admin, "POST", f"{path}/builds", {"transition": "delete"})).json()
    canceled = await world.api.call(admin, "PATCH", f"/workspacebuilds/{build['id']}/cancel")
    assert canceled.status_code == 200


@pytest.mark.requirement("M08-04", "M08-07", "WS-PREBUILT-01")
async def test_of_all_actions_two_are_gained_and_those_on_prebuilds_only(world: World) -> None:
    ann = await world.accounts.make()
    made, normal = await prebuilt(world), await world.running(ann)
    resting = msgspec.structs.replace(made, dormant_at=made.created_at)
    for kind in TEMPLATE_ADMINS:
        admin = (await world.accounts.make(kind)).me
        gained, shared, at_rest = (
            {action for action in ACTIONS[ResourceType.WORKSPACE] if may(admin, action, workspace)}
            for workspace in (made, normal, resting)
        )
        assert shared == {Action.READ}, kind
        assert gained == {Action.READ, Action.UPDATE, Action.DELETE}, kind
        assert at_rest - {Action.READ} == {Action.UPDATE, Action.DELETE}, kind
        assert not any(may_start(admin, workspace) for workspace in (made, normal, resting)), kind


@pytest.mark.requirement("M08-05", "WS-PREBUILT-01")
async def test_a_custom_role_with_the_right_on_prebuilds_deletes_those_and_no_others(world: World) -> None:
    elsewhere = await world.organization()
    janitor = await holder(world, "prebuilt_workspace:delete", "workspace:read")
    blind = await holder(world, "prebuilt_workspace:delete")
    ann = await world.accounts.make()
    here, there, normal = await prebuilt(world), await prebuilt(world, elsewhere), await world.running(ann)
    delete: list[Mapping[str, object]] = [{"transition": "delete"}]
    assert await statuses(world, blind, here, delete) == [404]
    assert await statuses(world, janitor, there, delete) == [404]
    assert await statuses(world, janitor, normal, [*delete, {"transition": "stop"}]) == [403, 403]
    assert await statuses(world, janitor, here, [{"transition": "stop"}, {"transition": "start"}]) == [403, 403]
    assert (await world.api.call(janitor, "PATCH", f"/workspaces/{here.id}", {"name": "other"})).status_code == 403
    # A state of one's own and leaving resources behind need the template's update as well.
    orphan, state = {"transition": "delete", "orphan": True}, {"transition": "delete", "state": "AAAA"}
    assert await statuses(world, janitor, here, [orphan, state]) == [403, 403]
    assert await statuses(world, janitor, here, delete) == [201]


@pytest.mark.requirement("M08-05")
async def test_the_right_on_workspaces_deletes_both(world: World) -> None:
    cleaner = await holder(world, "workspace:delete", "workspace:read")
    ann = await world.accounts.make()
    for workspace in (await prebuilt(world), await world.running(ann)):
        assert await statuses(world, cleaner, workspace, [{"transition": "delete"}]) == [201]
    banned = await world.accounts.make(
        organization_roles=["organization-template-admin", "organization-workspace-creation-ban"]
    )
    # A refusal on workspaces is none on prebuilt ones.
    assert await statuses(world, banned, await prebuilt(world), [{"transition": "delete"}]) == [201]


@pytest.mark.requirement("M08-06")
@pytest.mark.parametrize("kind", TEMPLATE_ADMINS)
async def test_orphaning_and_a_state_need_the_template_too(world: World, kind: str) -> None:
    admin, workspace = await world.accounts.make(kind), await prebuilt(world)
    own = await world.api.call(
        admin, "POST", f"/workspaces/{workspace.id}/builds", {"transition": "delete", "state": "aGVsbG8="}
    )
    assert own.status_code == 201
    assert await world.state_of(UUID(own.json()["id"])) == b"hello"
    await world.fail(await world.build_view(UUID(own.json()["id"])))
    orphan = await world.api.call(
        admin, "POST", f"/workspaces/{workspace.id}/builds", {"transition": "delete", "orphan": True}
    )
    assert (orphan.status_code, orphan.json()["status"]) == (201, "deleted")
    assert await world.db.fetchval("select deleted from workspaces where id = $1", workspace.id) is True


@pytest.mark.requirement("M08-07")
@pytest.mark.parametrize("kind", TEMPLATE_ADMINS)
async def test_a_prebuild_at_rest_is_deleted_and_not_woken(world: World, clock: FakeClock, kind: str) -> None:
    """The first look is at a workspace at rest, a type of its own; the right on prebuilds is as before."""
    admin, workspace = await world.accounts.make(kind), await prebuilt(world)
    owner = await world.accounts.make("owner")
    assert (
        await world.api.call(owner, "PUT", f"/workspaces/{workspace.id}/dormant", {"dormant": True})
    ).status_code == 200
    start, stop, delete = ({"transition": wish} for wish in ("start", "stop", "delete"))
    refused = await statuses(world, admin, workspace, [start, stop])
    assert set(refused) <= {403, 404}
    assert await world.db.fetchval("select dormant_at from workspaces where id = $1", workspace.id) is not None
    assert await statuses(world, admin, workspace, [delete]) == [201]
    member = await world.accounts.make()
    assert await statuses(world, member, workspace, [start, stop, delete]) == [404, 404, 404]


@pytest.mark.requirement("M08-08")
async def test_who_may_see_prebuilds_finds_them_under_their_owner(world: World) -> None:
    ann, workspace = await world.accounts.make(), await prebuilt(world)
    await world.running(ann)
    for kind in (*TEMPLATE_ADMINS, *OWNERS):
        person = await world.accounts.make(kind)
        listed = (await world.api.call(person, "GET", "/workspaces", params={"q": "owner:prebuilds"})).json()
        assert [each["name"] for each in listed["workspaces"]] == [workspace.name], kind
        shown = listed["workspaces"][0]
        assert (shown["owner_name"], shown["is_prebuild"]) == ("prebuilds", True)
        assert shown["owner_id"] == str(PREBUILDS_USER_ID)
        everything = (await world.api.call(person, "GET", "/workspaces")).json()
        assert everything["count"] == 2, kind
        by_name = await world.api.call(person, "GET", f"/users/prebuilds/workspace/{workspace.name}")
        assert by_name.json()["id"] == str(workspace.id), kind
    assert (await world.api.call(ann, "GET", "/workspaces", params={"q": "owner:prebuilds"})).json()["count"] == 0
