"""Naming a workspace by its owner: `{user}` in routes of workspaces, resolved by rights in organizations alone."""

from typing import Any
from uuid import UUID

import pytest

from tests.homeport.workspaces.world import World
from tests.support.accounts import Person
from tests.support.names import unique_name
from tests.support.prebuilds import make_prebuilt


async def get(world: World, person: Person, path: str) -> tuple[int, Any]:
    answer = await world.api.call(person, "GET", path)
    return answer.status_code, answer.json()


async def holder(world: World, place: UUID, *permissions: str) -> Person:
    """Make a member of one organization with a custom role there that holds exactly these permissions."""
    name = await world.custom_role(place, *permissions)
    return await world.accounts.make(organization_ids=[place], organization_roles=[name])


@pytest.mark.requirement("M13-01")
async def test_two_permissions_of_an_organization_open_a_fellow_members_workspace(world: World) -> None:
    place = await world.organization()
    ann = await world.accounts.make(organization_ids=[place, world.organization_id])
    workspace = await world.running(ann, await world.template(organization_id=place))
    other = await world.running(ann, await world.template())
    support = await holder(world, place, "workspace:read", "organization_member:read")
    blind = await holder(world, place, "workspace:read")
    deaf = await holder(world, place, "organization_member:read")
    for owner in (ann.username, ann.username.upper(), str(ann.id)):
        path = f"/users/{owner}/workspace/{workspace.name}"
        status, found = await get(world, support, path)
        assert (status, found["id"], found["owner_name"]) == (200, str(workspace.id), ann.username)
        status, build = await get(world, support, f"{path}/builds/1")
        assert (status, build["id"]) == (200, str(workspace.latest_build.id))
        # Neither right is enough alone, and what lies in an organization of the owner's where one has none stays hidden.
        for person in (blind, deaf):
            assert (await get(world, person, path))[0] == 404
            assert (await get(world, person, f"{path}/builds/1"))[0] == 404
        assert (await get(world, support, f"/users/{owner}/workspace/{other.name}"))[0] == 404
    assert (await get(world, support, f"/users/{ann.username}/workspace/{workspace.name}/builds/2"))[0] == 404
    # Reading the account itself needs more.
    assert (await get(world, support, f"/users/{ann.username}"))[0] == 404


@pytest.mark.requirement("M13-02")
async def test_who_has_no_membership_that_one_may_read_does_not_exist(world: World) -> None:
    place = await world.organization()
    support = await holder(world, place, "workspace:read", "organization_member:read")
    loner = await world.accounts.make("stranger")
    elsewhere = await world.accounts.make()
    workspace = await world.running(elsewhere)
    unknown = await get(world, support, f"/users/{unique_name()}/workspace/dev")
    assert unknown[0] == 404
    for person in (loner, elsewhere):
        for name in (person.username, str(person.id)):
            for path in (
                f"/users/{name}/workspace/{workspace.name}",
                f"/users/{name}/workspace/{workspace.name}/builds/1",
            ):
                assert await get(world, support, path) == unknown
    # For who may read accounts they are there, be they of no organization; what is missing is the workspace.
    for kind in ("owner", "template-admin", "user-admin"):
        admin = await world.accounts.make(kind)
        status, refusal = await get(world, admin, f"/users/{loner.username}/workspace/dev")
        assert (status, refusal["message"]) == (404, "Workspace not found or you do not have access to it.")
    assert refusal != unknown[1]


@pytest.mark.requirement("M13-03")
async def test_system_users_are_resolved_like_others(world: World) -> None:
    place = await world.organization()
    workspace = await make_prebuilt(world.db, world.cipher, (await world.template(organization_id=place)).id)
    support = await holder(world, place, "workspace:read", "organization_member:read")
    for owner in ("prebuilds", "PREBUILDS", str(workspace.owner_id)):
        path = f"/users/{owner}/workspace/{workspace.name}"
        status, found = await get(world, support, path)
        assert (status, found["id"], found["is_prebuild"]) == (200, str(workspace.id), True)
        assert (await get(world, support, f"{path}/builds/1"))[0] == 200
    member = await world.accounts.make(organization_ids=[place])
    assert (await get(world, member, f"/users/prebuilds/workspace/{workspace.name}"))[0] == 404


@pytest.mark.requirement("M13-04", "WS-CREATE-04")
async def test_workspaces_are_made_for_members_by_rights_in_their_organization(world: World) -> None:
    place = await world.organization()
    template, other = await world.template(organization_id=place), await world.template()
    made_by = ("workspace:create", "workspace:start", "workspace:read")
    maker, mute = await holder(world, place, *made_by, "organization_member:read"), await holder(world, place, *made_by)
    ann = await world.accounts.make(organization_ids=[place, world.organization_id])
    loner, foreign = await world.accounts.make("stranger"), await world.accounts.make()
    owner = await world.accounts.make("owner")

    async def create(person: Person, user: str, template_id: UUID, organization: str = "") -> tuple[int, Any]:
        path = (
            f"/organizations/{organization}/members/{user}/workspaces" if organization else f"/users/{user}/workspaces"
        )
        wish = {"name": unique_name("ws"), "template_id": str(template_id)}
        answer = await world.api.call(person, "POST", path, wish)
        return answer.status_code, answer.json()

    for organization in ("", str(place)):
        for user in (ann.username, str(ann.id)):
            status, made = await create(maker, user, template.id, organization)
            assert (status, made["owner_name"]) == (201, ann.username)
        assert (await create(mute, ann.username, template.id, organization))[0] == 404
        assert (await create(mute, "me", template.id, organization))[0] == 201
        unknown = await create(maker, unique_name(), template.id, organization)
        assert unknown[0] == 404
        for person in (loner, foreign):
            assert await create(maker, person.username, template.id, organization) == unknown
            # A site administrator sees the account, and learns that it lacks the membership.
            assert (await create(owner, person.username, template.id, organization))[0] == 404
        # The template of another organization is none that this person knows.
        assert (await create(maker, ann.username, other.id, organization))[0] == 404
    # The older route is about one organization: who is not in it does not exist there, be it for a site administrator.
    assert (await create(owner, foreign.username, other.id, str(place)))[0] == 404
    assert (await create(owner, foreign.username, other.id))[0] == 201
    assert (await create(owner, ann.username, other.id, str(place)))[0] == 404
    assert (await create(owner, "prebuilds", other.id))[0] == 201
    count = await world.db.fetchval("select count(*) from workspaces where owner_id = $1", foreign.id)
    assert count == 1


@pytest.mark.requirement("M13-05")
@pytest.mark.parametrize("odd", ["%00", "%2e%2e", "x" * 400, "a%20b", "%F0%9F%A6%8A", "me%00", "@me", "-", "%ff"])
async def test_odd_names_are_not_found(world: World, odd: str) -> None:
    for kind in ("owner", "member"):
        person = await world.accounts.make(kind)
        for path in (
            f"/users/{odd}/workspace/dev",
            f"/users/me/workspace/{odd}",
            f"/users/{odd}/workspace/dev/builds/1",
        ):
            assert (await world.api.call(person, "GET", path)).status_code == 404, path
        wish = {"name": "dev", "template_id": str((await world.template()).id)}
        assert (await world.api.call(person, "POST", f"/users/{odd}/workspaces", wish)).status_code == 404


@pytest.mark.requirement("WS-MEMBERS-01")
async def test_who_leaves_an_organization_no_longer_reaches_the_workspaces_there(world: World) -> None:
    place = await world.organization()
    ann = await world.accounts.make(organization_ids=[place, world.organization_id])
    admin = await world.accounts.make("organization-admin", organization_ids=[place])
    left = await world.running(ann, await world.template(organization_id=place))
    kept = await world.running(ann, await world.template())
    name = f"/users/{ann.username}/workspace/{left.name}"
    membership = f"/organizations/{place}/members/{ann.username}"
    assert (await world.api.call(admin, "DELETE", membership)).status_code == 204

    path = f"/workspaces/{left.id}"
    asked = [
        ("GET", path, None),
        ("GET", name, None),
        ("GET", f"{name}/builds/1", None),
        ("GET", f"{path}/builds", None),
        ("GET", f"/workspacebuilds/{left.latest_build.id}", None),
        ("POST", f"{path}/builds", {"transition": "stop"}),
        ("POST", f"{path}/builds", {"transition": "delete"}),
        ("PATCH", path, {"name": "mine"}),
        ("PUT", f"{path}/favorite", None),
        ("PUT", f"{path}/dormant", {"dormant": True}),
    ]
    for method, place_asked, body in asked:
        answer = await world.api.call(ann, method, place_asked, body)
        assert answer.status_code == 404, (method, place_asked, answer.text)
    listed = (await world.api.call(ann, "GET", "/workspaces")).json()
    assert [each["id"] for each in listed["workspaces"]] == [str(kept.id)]
    assert (await world.api.call(ann, "GET", f"/workspaces/{kept.id}")).status_code == 200

    # Who administers the organization goes on with it, under its owner's name.
    listed = (await world.api.call(admin, "GET", "/workspaces", params={"q": f"owner:{ann.username}"})).json()
    assert [(each["id"], each["owner_name"]) for each in listed["workspaces"]] == [(str(left.id), ann.username)]
    assert (await get(world, admin, name))[0] == 200
    stop = await world.api.call(admin, "POST", f"{path}/builds", {"transition": "stop"})
    assert stop.status_code == 201
    await world.complete(await world.build_view(UUID(stop.json()["id"])), resources=[])

    assert (await world.api.call(admin, "POST", membership)).status_code == 200
    assert (await get(world, ann, name))[1]["latest_build"]["status"] == "stopped"
    assert (await world.api.call(admin, "DELETE", membership)).status_code == 204
    deleted = await world.api.call(admin, "POST", f"{path}/builds", {"transition": "delete"})
    assert deleted.status_code == 201
    await world.complete(await world.build_view(UUID(deleted.json()["id"])), resources=[])
    assert (await get(world, admin, path))[0] == 404
