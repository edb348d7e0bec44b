"""Requests at the same time: of two that want the same one wins, and what they do together is as if one had waited."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.homeport.scim.world import World, operations, person


@pytest.mark.requirement("SCIM-RACE-01")
async def test_of_several_that_make_the_same_one_wins(world: World) -> None:
    async def make(path: str, body: dict[str, Any]) -> int:
        return (await world.call("POST", path, body)).status_code

    cases = [
        ("/Users", [person("same@corp.test", emails=[{"value": f"{number}@corp.test"}]) for number in range(4)]),
        ("/Users", [person(f"{number}-a@corp.test", emails=[{"value": "one@corp.test"}]) for number in range(4)]),
        ("/Users", [person(f"{number}-b@corp.test", externalId="e1") for number in range(4)]),
        ("/Groups", [{"displayName": name} for name in ("Team", "TEAM", "team", "Team")]),
        ("/Groups", [{"displayName": f"Team {number}", "externalId": "g1"} for number in range(4)]),
    ]
    for path, bodies in cases:
        answers = await asyncio.gather(*(make(path, body) for body in bodies))
        assert Counter(answers) == {201: 1, 409: 3}, bodies[0]
    # Different people whose usernames would be the same all get in.
    answers = await asyncio.gather(*(make("/Users", person(f"ada@{number}.test")) for number in range(4)))
    assert answers == [201] * 4


@pytest.mark.requirement("SCIM-RACE-01")
async def test_changes_of_one_account_and_one_group_take_turns(world: World) -> None:
    made = await world.make_user()
    others = [(await world.make_user())["id"] for _ in range(6)]
    group = await world.ask("POST", "/Groups", {"displayName": "Team"})
    names = [
        ("name.givenName", "Given"),
        ("name.familyName", "Family"),
        ("externalId", "e9"),
        ("userName", "new@corp.test"),
    ]
    changes = [
        world.call("PATCH", f"/Users/{made['id']}", operations({"op": "replace", "path": path, "value": value}))
        for path, value in names
    ]
    additions = [
        world.call(
            "PATCH", f"/Groups/{group['id']}", operations({"op": "add", "path": "members", "value": [{"value": one}]})
        )
        for one in others
    ]
    answers = await asyncio.gather(*changes, *additions)
    assert [one.status_code for one in answers] == [200] * len(changes) + [204] * len(additions)
    found = await world.ask("GET", f"/Users/{made['id']}")
    assert (found["name"]["formatted"], found["externalId"], found["userName"]) == (
        "Given Family",
        "e9",
        "new@corp.test",
    )
    members = (await world.ask("GET", f"/Groups/{group['id']}"))["members"]
    assert {one["value"] for one in members} == set(others)


@pytest.mark.requirement("SCIM-RACE-01")
async def test_of_two_owners_that_are_suspended_at_once_one_stays(world: World) -> None:
    owners = [await world.accounts.make("owner") for _ in range(2)]
    body = operations({"op": "replace", "path": "active", "value": False})
    answers = await asyncio.gather(*(world.call("PATCH", f"/Users/{one.id}", body) for one in owners))
    assert sorted(one.status_code for one in answers) == [200, 403]


@pytest.mark.requirement("SCIM-RACE-01")
async def test_an_account_is_suspended_while_it_is_changed_and_deleted(world: World) -> None:
    member, owner = await world.accounts.make("member"), await world.accounts.make("owner")
    suspend = operations({"op": "replace", "path": "active", "value": False})
    rename = operations({"op": "replace", "path": "displayName", "value": "x"})
    path = f"/Users/{member.id}"
    answers = await asyncio.gather(
        world.call("PATCH", path, suspend),
        world.call("PATCH", path, rename),
        world.api.call(owner, "PUT", f"/users/{member.id}/status/suspend"),
        world.api.call(owner, "PUT", f"/users/{member.id}/profile", {"username": member.username, "name": "y"}),
        world.call("DELETE", path),
    )
    assert all(one.status_code in {200, 204, 404} for one in answers), [one.text for one in answers]
    assert (await world.call("GET", path)).status_code == 404
