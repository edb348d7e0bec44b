"""What Okta sends, in its order, and what it needs back: sequences written after its public documentation."""

from typing import Any

import pytest

from tests.homeport.scim.world import GROUP, LIST, PATCH, USER, World


def new_person(user_name: str, **more: Any) -> dict[str, Any]:
    """Return the body with which Okta makes an account."""
    return {
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": True, "value": user_name, "type": "work"}],
        "displayName": "Test User",
        "locale": "en-US",
        "externalId": f"00u-{user_name}",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
        **more,
    }


@pytest.mark.requirement("SCIM-OKTA-01")
async def test_a_person_is_looked_for_made_updated_suspended_and_brought_back(world: World) -> None:
    looked_for = {"filter": 'userName eq "test.user@okta.local"', "startIndex": "1", "count": "100"}
    nobody = await world.ask("GET", "/Users", params=looked_for)
    assert nobody == {"schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []}

    answer = await world.call("POST", "/Users", new_person("test.user@okta.local"))
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == made["meta"]["location"]
    assert made["meta"]["location"].endswith(f"/scim/v2/Users/{made['id']}")
    assert {name: made[name] for name in ("userName", "externalId", "displayName", "active")} == {
        "userName": "test.user@okta.local",
        "externalId": "00u-test.user@okta.local",
        "displayName": "Test User",
        "active": True,
    }
    assert made["name"] == {"formatted": "Test User", "givenName": "Test", "familyName": "User"}
    assert made["emails"] == [{"value": "test.user@okta.local", "type": "work", "primary": True}]
    assert "password" not in made
    assert (await world.ask("GET", "/Users", params=looked_for))["Resources"] == [made]

    path = f"/Users/{made['id']}"
    assert await world.ask("GET", path) == made
    # Okta sends back what it has read, with what it has changed.
    changed = {**made, "name": {"givenName": "Another", "familyName": "User"}, "displayName": "Another User"}
    replaced = await world.ask("PUT", path, changed)
    assert (replaced["name"]["formatted"], replaced["displayName"]) == ("Another User", "Another User")

    suspension = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    assert (await world.ask("PATCH", path, suspension))["active"] is False
    assert await world.status_of(made["id"]) == "suspended"
    activation = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": True}}]}
    assert (await world.ask("PATCH", path, activation))["active"] is True
    assert await world.status_of(made["id"]) == "active"


@pytest.mark.requirement("SCIM-OKTA-01")
async def test_people_are_imported_page_by_page(world: World) -> None:
    made = [(await world.make_user())["id"] for _ in range(5)]
    found: list[str] = []
    while True:
        page = await world.ask("GET", "/Users", params={"startIndex": len(found) + 1, "count": 2})
        assert page["totalResults"] == 5
        assert page["itemsPerPage"] == len(page["Resources"])
        if not page["Resources"]:
            break
        found += [one["id"] for one in page["Resources"]]
    assert found == made


@pytest.mark.requirement("SCIM-OKTA-02")
async def test_a_group_is_pushed_filled_renamed_and_removed(world: World) -> None:
    ann, bob = [await world.make_user() for _ in range(2)]
    assert await world.find("/Groups", 'displayName eq "Test SCIMv2"', startIndex="1", count="100") == []
    answer = await world.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []})
    group = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"].endswith(f"/scim/v2/Groups/{group['id']}")
    path = f"/Groups/{group['id']}"

    members = [{"value": one["id"], "display": one["userName"]} for one in (ann, bob)]
    add = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": members}]}
    await world.ask("PATCH", path, add)
    found = await world.ask("GET", path)
    assert {one["value"] for one in found["members"]} == {ann["id"], bob["id"]}
    # Each of them is told of it.
    assert (await world.ask("GET", f"/Users/{ann['id']}"))["groups"][0]["value"] == group["id"]

    remove = {"op": "remove", "path": f'members[value eq "{ann["id"]}"]'}
    rename = {"op": "replace", "value": {"id": group["id"], "displayName": "Test SCIMv2 renamed"}}
    await world.ask("PATCH", path, {"schemas": [PATCH], "Operations": [remove, rename]})
    found = await world.ask("GET", path)
    assert found["displayName"] == "Test SCIMv2 renamed"
    assert [one["value"] for one in found["members"]] == [bob["id"]]

    replaced = await world.ask("PUT", path, {"schemas": [GROUP], "displayName": "Test SCIMv2", "members": members[:1]})
    assert [one["value"] for one in replaced["members"]] == [ann["id"]]
    assert (await world.call("DELETE", path)).status_code == 204
    await world.refused(404, "", "GET", path)
