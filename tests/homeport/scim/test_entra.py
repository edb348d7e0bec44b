"""What Microsoft Entra ID sends, with its habits: sequences written after its public documentation."""

from typing import Any

import pytest

from tests.homeport.scim.world import ENTERPRISE, GROUP, LIST, USER, World, operations


def new_person(user_name: str, **more: Any) -> dict[str, Any]:
    """Return the body with which Entra makes an account by its default mappings."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": user_name,
        "active": True,
        "displayName": "lennay",
        "emails": [{"primary": True, "type": "work", "value": user_name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Adrian Ritchie", "familyName": "Ritchie", "givenName": "Adrian"},
        "title": "Engineer",
        "preferredLanguage": "en",
        "addresses": [{"type": "work", "primary": False, "formatted": "Main Street 1", "country": "CH"}],
        "phoneNumbers": [{"type": "mobile", "value": "1234"}],
        "roles": [],
        ENTERPRISE: {"department": "Research", "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d"}},
        **more,
    }


@pytest.mark.requirement("SCIM-ENTRA-01")
async def test_a_person_is_tested_for_made_patched_disabled_and_deleted(world: World) -> None:
    # The test of the connection asks for somebody who cannot be there.
    nobody = await world.ask("GET", "/Users", params={"filter": 'userName eq "6c3c1b9c-25c2-4a1f-9f0c-000000000000"'})
    assert (nobody["schemas"], nobody["totalResults"], nobody["Resources"]) == ([LIST], 0, [])
    answer = await world.call("POST", "/Users", new_person("lennay@corp.test"))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["schemas"] == [USER]
    path = f"/Users/{made['id']}"
    assert await world.ask("GET", path) == made
    assert await world.find("/Users", f'externalId eq "{made["externalId"]}"') == [made]
    assert await world.find("/Users", 'userName eq "Lennay@CORP.test"') == [made]

    several = operations(
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updated@corp.test"},
        {"op": "Replace", "path": "name.familyName", "value": "Updated"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": [{"$ref": None, "value": made["id"]}]},
        {"op": "Replace", "path": 'phoneNumbers[type eq "mobile"].value', "value": "5678"},
        {"op": "Remove", "path": "title"},
    )
    found = await world.ask("PATCH", path, several)
    assert found["emails"] == [{"value": "updated@corp.test", "type": "work", "primary": True}]
    assert found["name"]["familyName"] == "Updated"
    renamed = await world.ask(
        "PATCH", path, operations({"op": "Replace", "path": "userName", "value": "5b50642d@corp.test"})
    )
    assert renamed["userName"] == "5b50642d@corp.test"

    # As a text, which is how it has been for years; with the flag for compliance, as a truth.
    assert (await world.ask("PATCH", path, operations({"op": "Replace", "path": "active", "value": "False"})))[
        "active"
    ] is False
    assert await world.status_of(made["id"]) == "suspended"
    assert (await world.ask("PATCH", path, operations({"op": "replace", "path": "active", "value": True})))["active"]
    assert (await world.call("DELETE", path)).status_code == 204
    await world.refused(404, "", "GET", path)
    # Somebody who comes back is made anew, with the same ids of the provider.
    again = await world.ask("POST", "/Users", new_person("lennay@corp.test"))
    assert again["id"] != made["id"]


@pytest.mark.requirement("SCIM-ENTRA-01")
async def test_an_object_without_a_path_names_attributes_and_paths(world: World) -> None:
    made = await world.make_user("x@corp.test")
    value = {
        "displayName": "Someone Else",
        "name.givenName": "Someone",
        'emails[type eq "work"].value': "someone@corp.test",
        f"{ENTERPRISE}:department": "Sales",
        ENTERPRISE: {"costCenter": "1"},
        "active": "True",
    }
    found = await world.ask("PATCH", f"/Users/{made['id']}", operations({"op": "replace", "value": value}))
    assert (found["displayName"], found["name"]["givenName"]) == ("Someone Else", "Someone")
    assert found["emails"][0]["value"] == "someone@corp.test"
    assert found["active"] is True


@pytest.mark.requirement("SCIM-ENTRA-02")
async def test_a_group_is_kept_by_operations_of_one_member_at_a_time(world: World) -> None:
    people = [(await world.make_user())["id"] for _ in range(3)]
    body = {
        "schemas": [GROUP],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        "displayName": "Team",
        "members": [],
    }
    made = await world.ask("POST", "/Groups", {**body, "meta": {"resourceType": "Group"}})
    assert made["externalId"] == body["externalId"]
    path, params = f"/Groups/{made['id']}", {"excludedAttributes": "members"}
    assert "members" not in await world.ask("GET", path, params=params)
    found = await world.find("/Groups", 'displayName eq "Team"', **params)
    assert [(one["id"], "members" in one) for one in found] == [(made["id"], False)]

    for one in people:
        add = {"op": "Add", "path": "members", "value": [{"$ref": None, "value": one}]}
        await world.ask("PATCH", path, operations(add))
    # What is there already is no mistake: providers repeat what they are not sure of.
    await world.ask("PATCH", path, operations({"op": "Add", "path": "members", "value": [{"value": people[0]}]}))
    assert await member_ids(world, path) == set(people)
    is_member = f'id eq "{made["id"]}" and members[value eq "{people[0]}"]'
    assert len(await world.find("/Groups", is_member)) == 1
    assert len(await world.find("/Groups", f'id eq "{made["id"]}" and members eq "{people[0]}"')) == 1

    # The old way, beside the standard; then the standard's.
    await world.ask(
        "PATCH", path, operations({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": people[0]}]})
    )
    assert await member_ids(world, path) == set(people[1:])
    await world.ask("PATCH", path, operations({"op": "Remove", "path": f'members[value eq "{people[1]}"]'}))
    assert await member_ids(world, path) == {people[2]}
    await world.ask("PATCH", path, operations({"op": "Replace", "path": "displayName", "value": "Team 2"}))
    assert await world.find("/Groups", 'displayName eq "Team"', **params) == []
    await world.ask("PATCH", path, operations({"op": "Remove", "path": "members"}))
    assert await member_ids(world, path) == set()
    assert (await world.call("DELETE", path)).status_code == 204


async def member_ids(world: World, path: str) -> set[str]:
    """Return the ids of a group's members."""
    return {one["value"] for one in (await world.ask("GET", path)).get("members", [])}
