"""What changes of groups leave behind: the audit log, the next request, races, and rooms that change them inside a transaction."""

import asyncio

import pytest

from homeport.database import Database
from homeport.kit.ids import new_id
from homeport.organizations.errors import GroupNotFound, MembershipUnfit
from homeport.organizations.service import groups
from homeport.organizations.types import GroupChange
from tests.homeport.organizations.crews import EVERYONE, add, make
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api


@pytest.mark.requirement("GROUP-AUDIT-01")
async def test_each_change_leaves_one_entry_with_the_members(api: Api, accounts: Accounts) -> None:
    admin, ann, bob = [await accounts.make(kind) for kind in ("organization-user-admin", "member", "member")]
    crew = await make(api, admin, "crew", quota_allowance=3)
    path = f"/groups/{crew['id']}"
    await add(api, admin, crew, ann)
    await api.call(admin, "PATCH", path, {"add_users": [str(bob.id)], "remove_users": [str(ann.id)], "name": "ship"})
    await api.call(admin, "PATCH", path, {"name": "ship"})
    await api.call(admin, "PATCH", path, {"add_users": [str(bob.id)]})
    await api.call(admin, "PATCH", EVERYONE, {"quota_allowance": 5})
    await api.call(admin, "DELETE", path)
    rows = await api.db.fetch(
        "select action, resource_target, status_code, diff, user_id, organization_id from audit_logs"
        " where resource_type = 'group' order by time, id"
    )
    assert {(row["user_id"], row["organization_id"]) for row in rows} == {(admin.id, DEFAULT_ORGANIZATION_ID)}
    found = [
        (row["action"], row["resource_target"], row["status_code"], {key: (one["old"], one["new"]) for key, one in row["diff"].items()})
        for row in rows
    ]  # fmt: skip
    in_it = [[{"user_id": str(each.id), "username": each.username}] for each in (ann, bob)]
    assert sorted(found, key=repr) == sorted(
        [
            ("create", "crew", 201, {"id": ("", crew["id"]), "name": ("", "crew"), "quota_allowance": (0, 3)}),
            ("write", "crew", 200, {"members": ([], in_it[0])}),
            ("write", "ship", 200, {"name": ("crew", "ship"), "members": (in_it[0], in_it[1])}),
            ("write", "ship", 412, {}),
            ("write", "Everyone", 200, {"quota_allowance": (0, 5)}),
            ("delete", "ship", 200, {
                "id": (crew["id"], ""), "name": ("ship", ""), "quota_allowance": (3, 0), "members": (in_it[1], []),
            }),
        ],
        key=repr,
    )  # fmt: skip


@pytest.mark.requirement("GROUP-ACTS-01")
async def test_a_change_acts_on_the_next_request(api: Api, accounts: Accounts) -> None:
    admin, ann = await accounts.make("organization-user-admin"), await accounts.make()
    crew = await make(api, admin, "crew")
    path = f"/groups/{crew['id']}"
    for _ in range(2):
        assert (await api.call(ann, "GET", path)).status_code == 404
        await add(api, admin, crew, ann)
        assert (await api.call(ann, "GET", path)).status_code == 200
        await api.call(admin, "PATCH", path, {"remove_users": [str(ann.id)]})
    await add(api, admin, crew, ann)
    owner = await accounts.make("owner")
    assert (await api.call(owner, "DELETE", f"/organizations/default/members/{ann.id}")).status_code == 204
    assert (await api.call(ann, "GET", path)).status_code == 404
    assert (await api.call(admin, "GET", path)).json()["total_member_count"] == 0


@pytest.mark.requirement("GROUP-RACE-01")
async def test_a_member_is_added_to_no_deleted_group(api: Api, accounts: Accounts) -> None:
    admin = await accounts.make("organization-user-admin")
    people = [await accounts.make() for _ in range(3)]
    for round_ in range(6):
        crew = await make(api, admin, f"crew-{round_}")
        path = f"/groups/{crew['id']}"
        adding = [api.call(admin, "PATCH", path, {"add_users": [str(each.id)]}) for each in people]
        answers = await asyncio.gather(*adding[:2], api.call(admin, "DELETE", path), adding[2])
        assert answers[2].status_code == 200
        assert {answer.status_code for answer in answers} <= {200, 404}
    assert await api.db.fetchval("select count(*) from group_members") == 0


@pytest.mark.requirement("GROUP-RACE-01")
async def test_changes_at_once_are_none_lost(api: Api, accounts: Accounts) -> None:
    admin = await accounts.make("organization-user-admin")
    people = [await accounts.make() for _ in range(6)]
    crews = [await make(api, admin, f"crew-{number}") for number in range(2)]
    first, second = ([str(each.id) for each in people[:3]], [str(each.id) for each in people[3:]])
    for crew, ids in zip(crews, (first, second), strict=True):
        await api.call(admin, "PATCH", f"/groups/{crew['id']}", {"add_users": ids})
    # Each leaves one group and joins the other at the same moment: both changes want the same people.
    answers = await asyncio.gather(
        api.call(admin, "PATCH", f"/groups/{crews[0]['id']}", {"remove_users": first, "add_users": second}),
        api.call(admin, "PATCH", f"/groups/{crews[1]['id']}", {"remove_users": second, "add_users": first}),
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    # Who leaves the organization while being added to a group is in it no more.
    owner, leaver = await accounts.make("owner"), await accounts.make()
    answers = await asyncio.gather(
        api.call(admin, "PATCH", f"/groups/{crews[0]['id']}", {"add_users": [str(leaver.id)]}),
        api.call(owner, "DELETE", f"/organizations/default/members/{leaver.id}"),
    )
    assert answers[1].status_code == 204
    assert answers[0].status_code in {200, 412}
    assert await api.db.fetchval("select count(*) from group_members where user_id = $1", leaver.id) == 0
    # One person is added once, however many ask.
    third = await make(api, admin, "third")
    many = await asyncio.gather(
        *(api.call(admin, "PATCH", f"/groups/{third['id']}", {"add_users": [str(people[0].id)]}) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in many) == [200, 412, 412, 412, 412]


@pytest.mark.requirement("GROUP-INSIDE-01")
async def test_other_rooms_change_groups_in_their_own_transactions(db: Database, accounts: Accounts) -> None:
    ann, bob = await accounts.make(), await accounts.make()
    actor = new_id()
    async with db.transaction() as conn:
        group = await groups.create(
            conn, actor_id=actor, organization_id=DEFAULT_ORGANIZATION_ID, name="synced", source="oidc"
        )
        assert group.source == "oidc"
        group = await groups.rename(conn, actor_id=actor, group=group, name="renamed", display_name="Re Named")
        assert (group.name, group.display_name) == ("renamed", "Re Named")
        for ids in ([ann.id], [bob.id, ann.id]):
            await groups.add_members(conn, actor_id=actor, group=group, user_ids=ids, is_idempotent=True)
    async with db.transaction() as conn:
        group = await groups.lock(conn, group.id)
        with pytest.raises(MembershipUnfit):
            await groups.add_members(conn, actor_id=actor, group=group, user_ids=[ann.id])
        await groups.change(conn, actor_id=actor, group=group, wanted=GroupChange(remove_users=(ann.id,)))
        wanted = GroupChange(remove_users=(ann.id,), is_idempotent=True)
        await groups.change(conn, actor_id=actor, group=group, wanted=wanted)
        with pytest.raises(MembershipUnfit):
            await groups.change(conn, actor_id=actor, group=group, wanted=GroupChange(remove_users=(ann.id,)))
    assert [row["user_id"] for row in await db.fetch("select user_id from group_members")] == [bob.id]
    # What changed nothing left no entry.
    assert (
        await db.fetchval("select count(*) from audit_logs where resource_type = 'group' and user_id = $1", actor) == 5
    )
    async with db.transaction() as conn:
        await groups.delete(conn, actor_id=actor, group=await groups.lock(conn, group.id))
        with pytest.raises(GroupNotFound):
            await groups.lock(conn, group.id)
