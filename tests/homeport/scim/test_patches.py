"""The operations of PATCH on accounts, one by one and together: what becomes of the account, and what is refused without a trace."""

from typing import Any

import pytest

from tests.homeport.scim.world import ENTERPRISE, USER, World, operations, person

ADDRESS = "ada@corp.test"
Operations = list[dict[str, Any]]


def replace(path: str, value: Any, op: str = "replace") -> dict[str, Any]:
    return {"op": op, "path": path, "value": value}


WORKING: list[tuple[str, Operations, dict[str, Any]]] = [
    ("a text", [replace("displayName", "Eve")], {"displayName": "Eve"}),
    ("a name without case", [replace("DISPLAYNAME", "Eve", "ADD")], {"displayName": "Eve"}),
    ("a name with its schema", [replace(f"{USER}:displayName", "Eve")], {"displayName": "Eve"}),
    ("the whole schema", [replace(USER, {"displayName": "Eve"})], {"displayName": "Eve"}),
    ("part of a name, which the names that follow it follow", [replace("name.familyName", "King")],
     {"name": {"formatted": "Ada King", "givenName": "Ada", "familyName": "King"}, "displayName": "Ada King"}),
    ("a name, whose other parts stay", [replace("name", {"givenName": "Eve"})],
     {"name": {"formatted": "Eve Lovelace", "givenName": "Eve", "familyName": "Lovelace"}, "displayName": "Eve Lovelace"}),
    ("a whole name", [replace("name.formatted", "Dr. Ada")],
     {"name": {"formatted": "Dr. Ada", "givenName": "Ada", "familyName": "Lovelace"}, "displayName": "Dr. Ada"}),
    ("a display name of its own", [replace("displayName", "A."), replace("name.familyName", "King")],
     {"displayName": "A.", "name": {"formatted": "Ada King", "givenName": "Ada", "familyName": "King"}}),
    ("a part goes", [{"op": "remove", "path": "name.givenName"}],
     {"name": {"formatted": "Lovelace", "familyName": "Lovelace"}, "displayName": "Lovelace"}),
    ("a text goes", [{"op": "remove", "path": "externalId"}], {"externalId": None}),
    ("null is nothing", [replace("externalId", None)], {"externalId": None}),
    ("a truth as a text", [replace("active", "FALSE")], {"active": False}),
    ("the last one counts", [replace("active", False), replace("active", True), replace("displayName", "B"), replace("displayName", "C")],
     {"active": True, "displayName": "C"}),
    ("the address of a type", [replace('emails[type eq "work"].value', "new@corp.test")],
     {"emails": [{"value": "new@corp.test", "type": "work", "primary": True}]}),
    ("the primary address", [replace("emails[primary eq true].value", "new@corp.test")],
     {"emails": [{"value": "new@corp.test", "type": "work", "primary": True}]}),
    ("the primary address, with a text for the truth", [replace('emails[primary eq "True"].value', "new@corp.test")],
     {"emails": [{"value": "new@corp.test", "type": "work", "primary": True}]}),
    ("every address", [replace("emails.value", "new@corp.test")], {"emails": [{"value": "new@corp.test", "type": "work",
     "primary": True}]}),
    ("its type", [replace("emails.type", "home")], {"emails": [{"value": ADDRESS, "type": "home", "primary": True}]}),
    ("a value that matches", [replace('emails[value ew "@CORP.test" and not (type eq "home")]', {"value": "new@corp.test"})],
     {"emails": [{"value": "new@corp.test", "type": "work", "primary": True}]}),
    ("all addresses", [replace("emails", [{"value": "a@x.test", "type": "home"}, {"value": "b@x.test", "type": "work"}])],
     {"emails": [{"value": "b@x.test", "type": "work", "primary": True}]}),
    ("one address alone", [replace("emails", {"value": "a@x.test"})], {"emails": [{"value": "a@x.test", "type": "work", "primary": True}]}),
    ("one more address, which is not kept", [replace("emails", [{"value": "a@x.test", "type": "home"}], "add")],
     {"emails": [{"value": ADDRESS, "type": "work", "primary": True}]}),
    ("one more address, which takes the mark", [replace("emails", [{"value": "a@x.test", "type": "home", "primary": True}], "add")],
     {"emails": [{"value": "a@x.test", "type": "home", "primary": True}]}),
    ("an address that is made because none matches", [replace('emails[type eq "home"].value', "a@x.test", "add")],
     {"emails": [{"value": ADDRESS, "type": "work", "primary": True}]}),
    ("one address for another", [replace("emails", [{"value": "a@x.test"}], "add"), {"op": "remove",
     "path": f'emails[value eq "{ADDRESS}"]'}],
     {"emails": [{"value": "a@x.test", "type": "work", "primary": True}]}),
    ("an address that is not there goes", [{"op": "remove", "path": 'emails[type eq "home"]'}], {}),
    ("what is not kept", [replace("title", "Dr."), replace("name.middleName", "K"), replace('addresses[type eq "work"].country', "CH"),
                          replace(f"{ENTERPRISE}:department", "x"), replace("urn:example:1.0:User:tag", "x"),
                          {"op": "remove", "path": "phoneNumbers"}], {}),
    ("a resource as it was read", [{"op": "replace", "value": {"schemas": [USER], "meta": {"version": "x"}, "groups": [],
     "displayName": "Eve"}}],
     {"displayName": "Eve"}),
    ("an object", [{"op": "add", "value": {"displayName": "Eve", "name": {"givenName": "Eve"}, "emails": [{"value": "a@x.test",
     "primary": True}]}}],
     {"displayName": "Eve", "name": {"formatted": "Eve Lovelace", "givenName": "Eve", "familyName": "Lovelace"},
      "emails": [{"value": "a@x.test", "type": "work", "primary": True}]}),
]  # fmt: skip
REFUSED: list[tuple[str, Any]] = [
    ("invalidPath", replace("nothing", 1)), ("invalidPath", replace("name.nothing", 1)), ("invalidPath", replace("emails.nothing", 1)),
    ("invalidPath", replace("userName.x", "y")), ("invalidPath", replace("userName[a eq 1]", "y")), ("invalidPath", replace("emails[", 1)),
    ("invalidPath", replace('emails[type eq "work"', 1)), ("invalidPath", replace("emails[a[b pr]]", 1)),
    ("invalidPath", replace("emails[type.x pr]", {"value": "a@b"})), ("invalidPath", replace(1, 1)),  # type: ignore[arg-type]
    ("invalidPath", {"op": "add", "value": {"nothing": 1}}), ("invalidPath", replace('name[formatted eq "x"]', 1)),
    ("noTarget", replace('emails[type eq "home"].value', "a@x.test")), ("noTarget", replace('emails[type eq "home"]', {"value": "a@x"})),
    ("noTarget", {"op": "remove"}), ("noTarget", {"op": "remove", "path": ""}),
    ("mutability", replace("id", "x")), ("mutability", replace("meta.created", "x")), ("mutability", replace("groups", [])),
    ("mutability", {"op": "add", "value": {"id": "x"}}), ("mutability", {"op": "remove", "path": "userName"}),
    ("mutability", {"op": "remove", "path": "emails"}), ("mutability", {"op": "remove", "path": "active"}),
    ("mutability", {"op": "remove", "path": 'emails[type eq "work"]'}), ("mutability", {"op": "remove", "path": "emails.value"}),
    ("invalidValue", replace("userName", "")), ("invalidValue", replace("userName", None)), ("invalidValue", replace("userName", 1)),
    ("invalidValue", replace("userName", "x" * 300)), ("invalidValue", replace("userName", "a\nb")),
    ("invalidValue", replace("active", "yes")),
    ("invalidValue", replace("active", 1)), ("invalidValue", replace("active", [])), ("invalidValue", replace("name", "Ada")),
    ("invalidValue", replace("name.givenName", {})), ("invalidValue", replace("emails", [])), ("invalidValue", replace("emails", [1])),
    ("invalidValue", replace("emails", [{"value": "no address"}])), ("invalidValue", replace("emails.primary", "x")),
    ("invalidValue", replace("emails", [{"value": f"{number}@x.test"} for number in range(101)])),
    ("invalidValue", {"op": "replace", "path": "displayName"}), ("invalidValue", {"op": "replace", "value": "x"}),
    ("invalidValue", {"op": "add", "value": [1]}), ("invalidValue", replace("displayName", "a\x00b")),
    ("invalidValue", replace(USER, "x")), ("invalidSyntax", {"op": "move", "path": "displayName", "value": "x"}),
    ("invalidSyntax", {"path": "displayName", "value": "x"}), ("invalidSyntax", "x"), ("invalidSyntax", None),
    ("invalidSyntax", {"op": ["add"], "path": "displayName", "value": "x"}),
]  # fmt: skip


async def make(world: World) -> dict[str, Any]:
    """Make the account that the cases change."""
    made: dict[str, Any] = await world.ask("POST", "/Users", person(ADDRESS, externalId="e1"))
    return made


@pytest.mark.requirement("SCIM-PATCH-01")
async def test_operations_do_what_they_say(world: World) -> None:
    for words, given, expected in WORKING:
        made = await make(world)
        path = f"/Users/{made['id']}"
        found = await world.ask("PATCH", path, operations(*given))
        assert found == await world.ask("GET", path), words
        wanted = {key: value for key, value in {**made, **expected}.items() if value is not None and key != "meta"}
        assert {key: value for key, value in found.items() if key != "meta"} == wanted, words
        await world.call("DELETE", path)


@pytest.mark.requirement("SCIM-PATCH-02")
async def test_what_is_refused_changes_nothing(world: World) -> None:
    made = await make(world)
    path = f"/Users/{made['id']}"
    for scim_type, given in REFUSED:
        # What comes before it is undone, too.
        body = operations(replace("displayName", "Undone"), replace("active", False), given)
        answer = await world.call("PATCH", path, body)
        assert (answer.status_code, answer.json().get("scimType")) == (400, scim_type), f"{given}: {answer.text}"
    assert await world.ask("GET", path) == made
    for body in ({}, {"Operations": []}, {"Operations": {}}, {"Operations": [replace("active", True)] * 1001}):
        await world.refused(400, "invalidSyntax", "PATCH", path, body)


@pytest.mark.requirement("SCIM-PATCH-02")
async def test_a_replacement_is_a_whole_account(world: World) -> None:
    made = await make(world)
    path = f"/Users/{made['id']}"
    bare = await world.ask("PUT", path, {"schemas": [USER], "userName": "ada", "emails": [{"value": ADDRESS}]})
    assert bare.keys() == {"schemas", "id", "userName", "active", "emails", "meta"}
    # An address may stand in the user name alone.
    assert (await world.ask("PUT", path, {"userName": ADDRESS}))["emails"][0]["value"] == ADDRESS
    for body in (
        {},
        {"userName": ""},
        {"userName": "ada"},
        {"userName": "ada", "emails": "x"},
        {"userName": ADDRESS, "name": []},
    ):
        await world.refused(400, "invalidValue", "PUT", path, body)
    long = await world.ask("PUT", path, person(ADDRESS, displayName="n" * 100))
    assert long["displayName"] == "n" * 64
