"""Groups: names, members of all kinds and in great numbers, what is refused, and what is not a group of the provider's."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport.kit.names import is_valid_name
from homeport.organizations.rules.naming import name_candidates
from tests.homeport.scim.world import World, operations
from tests.support.accounts import DEFAULT_ORGANIZATION_ID
from tests.support.statements import watch_statements


async def make(world: World, name: str = "Team", *members: str, **more: Any) -> dict[str, Any]:
    """Make a group."""
    body = {"displayName": name, "members": [{"value": one} for one in members], **more}
    made: dict[str, Any] = await world.ask("POST", "/Groups", body)
    return made


async def people(world: World, count: int) -> list[str]:
    """Make accounts of members of the organization, all at once, and return their ids."""
    rows = await world.db.fetch(
        "with made as (insert into users (id, email, username, login_type, created_at, updated_at)"
        " select gen_random_uuid(), 'm' || n || '@corp.test', 'm' || n, 'oidc', now(), now() from generate_series(1, $1) n"
        " returning id) select id from made",
        count,
    )
    ids = [row["id"] for row in rows]
    await world.db.execute(
        "insert into organization_members (user_id, organization_id, created_at, updated_at)"
        " select id, $2, now(), now() from unnest($1::uuid[]) id",
        ids,
        DEFAULT_ORGANIZATION_ID,
    )
    return [str(one) for one in ids]


@pytest.mark.requirement("SCIM-GROUP-01")
@pytest.mark.parametrize(
    ("display_name", "name"),
    [
        ("Test SCIMv2", "test-scimv2"),
        ("Größe & Zeit", "groe-zeit"),
        ("Everyone", None),
        ("日本", None),
        ("new", None),
        ("x" * 64, "x" * 64),
    ],
)
def test_names_are_made_from_display_names(display_name: str, name: str | None) -> None:
    found = list(name_candidates(display_name, ["1234"]))
    assert found[0] == name or (name is None and len(found) == 1)
    assert all(is_valid_name(one, most=64) for one in found), found


@pytest.mark.requirement("SCIM-GROUP-01")
async def test_a_group_is_one_of_the_organization_under_a_name_of_its_own(world: World) -> None:
    first, second = await make(world, "My Team"), await make(world, "My-Team", externalId="g1")
    rows = await world.db.fetch("select * from groups where id <> organization_id order by created_at")
    assert [(str(row["id"]), row["display_name"], row["source"]) for row in rows] == [
        (first["id"], "My Team", "oidc"),
        (second["id"], "My-Team", "oidc"),
    ]
    assert rows[0]["name"] == "my-team"
    assert rows[1]["name"].startswith("my-team-")
    assert {row["organization_id"] for row in rows} == {DEFAULT_ORGANIZATION_ID}
    await world.refused(409, "uniqueness", "POST", "/Groups", {"displayName": "MY TEAM"})
    await world.refused(409, "uniqueness", "POST", "/Groups", {"displayName": "Other", "externalId": "g1"})
    renaming = operations({"op": "replace", "path": "displayName", "value": "my team"})
    await world.refused(409, "uniqueness", "PATCH", f"/Groups/{second['id']}", renaming)
    for body in (
        {},
        {"displayName": ""},
        {"displayName": "x" * 65},
        {"displayName": 1},
        {"displayName": "x", "members": "y"},
    ):
        await world.refused(400, "invalidValue", "POST", "/Groups", body)


@pytest.mark.requirement("SCIM-GROUP-01")
async def test_groups_made_by_people_are_kept_once_they_are_changed_and_others_are_not_there(world: World) -> None:
    owner = await world.accounts.make("owner")
    made = (await world.api.call(owner, "POST", "/organizations/default/groups", {"name": "hand-made"})).json()
    place = (await world.api.call(owner, "POST", "/organizations", {"name": "elsewhere"})).json()
    foreign = (await world.api.call(owner, "POST", "/organizations/elsewhere/groups", {"name": "foreign"})).json()
    (found,) = (await world.ask("GET", "/Groups"))["Resources"]
    assert (found["id"], found["displayName"]) == (made["id"], "hand-made")
    patch = operations({"op": "add", "value": {"externalId": "g1", "members": [{"value": str(owner.id)}]}})
    await world.ask("PATCH", f"/Groups/{made['id']}", patch)
    (found,) = await world.find("/Groups", 'externalId eq "g1"')
    assert [one["value"] for one in found["members"]] == [str(owner.id)]
    for id in (foreign["id"], place["id"], DEFAULT_ORGANIZATION_ID, uuid4(), "x"):
        for method, body in (("GET", None), ("PUT", {"displayName": "x"}), ("PATCH", patch), ("DELETE", None)):
            await world.refused(404, "", method, f"/Groups/{id}", body)


@pytest.mark.requirement("SCIM-GROUP-02")
async def test_operations_on_members_add_up(world: World) -> None:
    ann, bob, cid, dan = await people(world, 4)

    def add(*ids: str) -> dict[str, Any]:
        return {"op": "add", "path": "members", "value": [{"value": one} for one in ids]}

    def remove(filter: str) -> dict[str, Any]:
        return {"op": "remove", "path": f"members[{filter}]"}

    cases: list[tuple[list[dict[str, Any]], set[str]]] = [
        ([add(ann, bob)], {ann, bob}),
        ([add(bob), add(cid), remove(f'value eq "{cid}"')], {ann, bob}),
        ([remove(f'value eq "{dan}"')], {ann, bob}),
        ([{"op": "replace", "path": "members", "value": [{"value": cid}]}, add(dan)], {cid, dan}),
        ([remove(f'value eq "{cid}" or VALUE eq "{dan}"'), add(ann)], {ann}),
        ([{"op": "replace", "value": {"members": [{"value": bob}, {"value": bob}], "displayName": "B"}}], {bob}),
        (
            [
                {"op": "add", "path": "members.value", "value": cid},
                {"op": "add", "path": "members", "value": {"value": dan}},
            ],
            {bob, cid, dan},
        ),
        ([{"op": "remove", "path": "members"}, add(ann), {"op": "remove", "path": "externalId"}], {ann}),
        ([{"op": "remove", "path": "members", "value": [{"value": ann}, {"value": bob}]}], set()),
    ]
    path = f"/Groups/{(await make(world))['id']}"
    for given, expected in cases:
        assert (await world.call("PATCH", path, operations(*given))).status_code == 204
        found = await world.ask("GET", path)
        assert {one["value"] for one in found.get("members", [])} == expected, given
        stored = await world.db.fetch("select user_id from group_members")
        assert {str(row["user_id"]) for row in stored} == expected, given


@pytest.mark.requirement("SCIM-GROUP-02")
async def test_members_are_people_of_the_organization(world: World) -> None:
    stranger = await world.accounts.make("stranger")
    group = await make(world, "Team", str(stranger.id))
    place = await world.db.fetchval("select organization_id from organization_members where user_id = $1", stranger.id)
    assert place == DEFAULT_ORGANIZATION_ID
    path, nobody = f"/Groups/{group['id']}", str(uuid4())
    inner = await make(world, "Inner")
    for scim_type, given in (
        ("invalidValue", {"op": "add", "path": "members", "value": [{"value": nobody}]}),
        ("invalidValue", {"op": "add", "path": "members", "value": [{"value": inner["id"]}]}),
        ("invalidValue", {"op": "add", "path": "members", "value": [{"value": inner["id"], "type": "Group"}]}),
        ("invalidValue", {"op": "add", "path": "members", "value": [{"value": nobody, "$ref": f"../Groups/{nobody}"}]}),
        ("invalidValue", {"op": "add", "path": "members", "value": [{"value": "x"}]}),
        ("invalidValue", {"op": "add", "path": "members", "value": [{}]}),
        ("invalidValue", {"op": "add", "path": "members", "value": None}),
        ("invalidPath", {"op": "remove", "path": 'members[display eq "x"]'}),
        ("invalidPath", {"op": "remove", "path": f'members[value ne "{nobody}"]'}),
        ("invalidPath", {"op": "replace", "path": f'members[value eq "{nobody}"]', "value": []}),
        ("mutability", {"op": "replace", "path": "members.display", "value": "x"}),
        ("mutability", {"op": "remove", "path": "displayName"}),
        ("mutability", {"op": "replace", "value": {"id": nobody}}),
        ("invalidPath", {"op": "replace", "path": "userName", "value": "x"}),
        ("invalidPath", {"op": "replace", "path": "displayName.x", "value": "x"}),
        ("invalidValue", {"op": "replace", "path": "displayName", "value": ""}),
    ):
        undone = {"op": "replace", "path": "displayName", "value": "Undone"}
        answer = await world.call("PATCH", path, operations(undone, given))
        assert (answer.status_code, answer.json().get("scimType")) == (400, scim_type), f"{given}: {answer.text}"
    assert await world.ask("GET", path) == group


@pytest.mark.requirement("SCIM-GROUP-02")
async def test_who_is_deleted_or_leaves_is_no_member_any_more(world: World) -> None:
    ann, bob = await people(world, 2)
    path = f"/Groups/{(await make(world, 'Team', ann, bob))['id']}"
    await world.call("DELETE", f"/Users/{ann}")
    assert [one["value"] for one in (await world.ask("GET", path))["members"]] == [bob]
    owner = await world.accounts.make("owner")
    await world.api.call(owner, "DELETE", f"/organizations/default/members/{bob}")
    assert "members" not in await world.ask("GET", path)


@pytest.mark.requirement("SCIM-GROUP-03")
async def test_great_numbers_of_members_cost_no_more_statements(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await people(world, 1500)
    seen = watch_statements(world.db, monkeypatch)
    counts = []
    for number, members in enumerate((ids[:2], ids)):
        group = await make(world, f"Team {number}")
        path = f"/Groups/{group['id']}"
        seen.clear()
        body = {"displayName": f"Team {number}", "members": [{"value": one} for one in members]}
        assert len((await world.ask("PUT", path, body))["members"]) == len(members)
        gone = operations({"op": "remove", "path": "members", "value": body["members"]})
        found = await world.ask("PATCH", path, gone, params={"attributes": "members"})
        assert found.keys() == {"schemas", "id"}
        counts.append(len(seen))
    assert counts[0] == counts[1] < 60
    for name in range(3):
        await make(world, f"Other {name}", *ids[:3])
    sizes = set()
    for count in (1, 5):
        seen.clear()
        assert len((await world.ask("GET", "/Groups", params={"count": count}))["Resources"]) == count
        sizes.add(len(seen))
    seen.clear()
    await world.ask("GET", "/Groups", params={"excludedAttributes": "members"})
    assert len(sizes) == 1
    assert not any("group_members" in statement for statement, _ in seen)


@pytest.mark.requirement("SCIM-USER-08")
async def test_a_group_is_changed_only_where_it_is_as_the_provider_knows_it(world: World) -> None:
    (ann,) = await people(world, 1)
    group = await make(world)
    path, version = f"/Groups/{group['id']}", group["meta"]["version"]
    owner = await world.accounts.make("owner")
    await world.api.call(owner, "PATCH", f"/groups/{group['id']}", {"add_users": [ann]})
    renaming = operations({"op": "replace", "path": "displayName", "value": "Other"})
    await world.refused(412, "", "PATCH", path, renaming, headers={"If-Match": version})
    version = (await world.ask("GET", path))["meta"]["version"]
    assert (await world.call("PATCH", path, renaming, headers={"If-Match": version})).status_code == 204
    assert (await world.ask("GET", path))["displayName"] == "Other"
    assert await world.db.fetchval("select name from groups where id = $1", UUID(group["id"])) == "team"
