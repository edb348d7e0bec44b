"""Accounts: what is made of a document, what is adopted, refused, suspended and deleted, and what lists show."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport.access.live import CHANGED
from homeport.kit.names import is_valid_name
from homeport.scim.rules.people import username_candidates
from tests.homeport.scim.world import PATCH, Whole, World, another, operations, person
from tests.support.accounts import DEFAULT_ORGANIZATION_ID
from tests.support.archives import pack
from tests.support.names import unique_name
from tests.support.waiting import until

SUSPENSION = operations({"op": "replace", "path": "active", "value": False})


@pytest.mark.requirement("SCIM-USER-01")
async def test_an_account_is_a_dormant_member_that_signs_in_by_oidc(world: World) -> None:
    made = await world.make_user("Ada.Lovelace@corp.test", externalId="e1")
    row = await world.db.fetchrow("select * from users where id = $1", UUID(made["id"]))
    assert row is not None
    assert (row["username"], row["email"], row["name"]) == ("Ada-Lovelace", "Ada.Lovelace@corp.test", "Ada Lovelace")
    assert (row["status"], row["login_type"], row["rbac_roles"], row["hashed_password"]) == ("dormant", "oidc", [], "")
    places = await world.db.fetch("select organization_id from organization_members where user_id = $1", row["id"])
    assert [one["organization_id"] for one in places] == [DEFAULT_ORGANIZATION_ID]
    suspended = await world.make_user(active=False)
    assert suspended["active"] is False
    assert await world.status_of(suspended["id"]) == "suspended"


@pytest.mark.requirement("SCIM-USER-01")
async def test_accounts_belong_to_the_organization_that_the_settings_name(world: World) -> None:
    owner = await world.accounts.make("owner")
    place = await world.api.call(owner, "POST", "/organizations", {"name": "engineering"})
    assert place.status_code == 201, place.text
    for value in ("engineering", place.json()["id"]):
        async with another(world, scim_organization=value) as elsewhere:
            made = await elsewhere.make_user()
            group = await elsewhere.ask("POST", "/Groups", {"displayName": f"Group {value}"[:60]})
        member = await world.db.fetchrow("select * from organization_members where user_id = $1", UUID(made["id"]))
        assert str(member and member["organization_id"]) == place.json()["id"]
        kept = await world.db.fetchval("select organization_id from groups where id = $1", UUID(group["id"]))
        assert str(kept) == place.json()["id"]
    async with another(world, scim_organization="nowhere") as nowhere:
        assert "SCIM_ORGANIZATION" in await nowhere.refused(503, "", "POST", "/Users", person("a@corp.test"))


USER_NAMES = [
    ("ada@corp.test", "ada"), ("Ada.King@corp.test", "Ada-King"), ("ada_king", "ada-king"), ("CORP\\ada", "CORP-ada"),
    ("--ada--", "ada"), ("new@corp.test", None), ("@corp.test", None), ("...", None), ("é@corp.test", None),
    ("z" * 40, "z" * 32), ("z" * 31 + "-b@x", "z" * 31),
]  # fmt: skip


@pytest.mark.requirement("SCIM-USER-02")
@pytest.mark.parametrize(("user_name", "username"), USER_NAMES)
def test_usernames_are_made_from_user_names(user_name: str, username: str | None) -> None:
    found = list(username_candidates(user_name, ["1234", "5678"]))
    assert len(found) == (2 if username is None else 3)
    assert username is None or found[0] == username
    assert all(is_valid_name(one) for one in found), found


@pytest.mark.requirement("SCIM-USER-02")
async def test_the_user_name_is_answered_as_it_was_written_and_usernames_never_collide(world: World) -> None:
    member = await world.accounts.make("member")
    names = [f"{member.username}@a.test", f"{member.username}@b.test", f"{member.username.upper()}@C.test"]
    for name in names:
        await world.make_user(name)
    for name in names:
        (found,) = await world.find("/Users", f'userName eq "{name.swapcase()}"')
        assert found["userName"] == name
    usernames = [row["username"] for row in await world.db.fetch("select username from users where not is_system")]
    assert len({one.lower() for one in usernames}) == 4
    # A renamed account keeps the username that its addresses are made of.
    before = await world.db.fetchval("select username from users where id = $1", UUID(found["id"]))
    await world.ask(
        "PATCH", f"/Users/{found['id']}", operations({"op": "replace", "path": "userName", "value": "z@z.test"})
    )
    assert await world.db.fetchval("select username from users where id = $1", UUID(found["id"])) == before


@pytest.mark.requirement("SCIM-USER-03")
async def test_what_is_in_use_is_refused(world: World) -> None:
    member = await world.accounts.make("member")
    first = await world.make_user("first@corp.test", externalId="e1")
    other = [{"value": "other@corp.test"}]
    for body in (
        person("FIRST@corp.test", emails=other),
        person("other@corp.test", externalId="e1"),
        person("other@corp.test", emails=[{"value": "First@corp.test"}]),
        person("other", emails=[{"value": member.email}]),
        person(member.email, emails=other),
    ):
        await world.refused(409, "uniqueness", "POST", "/Users", body)
    second = await world.make_user("second@corp.test", externalId="e2")
    path = f"/Users/{second['id']}"
    for name, value in (("userName", "first@corp.test"), ("externalId", "e1"), ("emails", [{"value": member.email}])):
        await world.refused(
            409, "uniqueness", "PATCH", path, operations({"op": "replace", "path": name, "value": value})
        )
    assert await world.ask("GET", path) == second
    assert await world.ask("GET", f"/Users/{first['id']}") == first
    assert await world.db.fetchval("select count(*) from users where not is_system") == 3


@pytest.mark.requirement("SCIM-USER-04")
async def test_an_account_of_somebody_else_is_listed_by_its_address_and_kept_once_it_is_changed(world: World) -> None:
    member = await world.accounts.make("member")
    (found,) = await world.find("/Users", f'userName eq "{member.email}"')
    assert (found["id"], found["userName"], "externalId" in found) == (str(member.id), member.email, False)
    assert await world.db.fetchval("select count(*) from scim_users") == 0
    await world.ask("PUT", f"/Users/{member.id}", {**found, "userName": "ada", "externalId": "e1"})
    assert [one["id"] for one in await world.find("/Users", 'userName eq "ada"')] == [str(member.id)]
    assert await world.find("/Users", f'userName eq "{member.email}"') == []
    row = await world.db.fetchrow("select login_type::text, username from users where id = $1", member.id)
    assert row is not None
    assert (row["login_type"], row["username"]) == ("password", member.username)


@pytest.mark.requirement("SCIM-USER-05")
async def test_whoever_is_suspended_loses_access_at_once_and_gets_it_back(world: World) -> None:
    member = await world.accounts.make("member")
    made = await world.api.call(member, "POST", "/users/me/keys/tokens", {"token_name": "ci"})
    token = {"Coder-Session-Token": made.json()["key"]}
    assert (await world.api.call(member, "GET", "/users/me")).status_code == 200
    await world.ask("PATCH", f"/Users/{member.id}", SUSPENSION)
    assert (await world.api.call(member, "GET", "/users/me")).status_code == 401
    assert (await world.api.call(None, "GET", "/users/me", headers=token)).status_code == 401
    await world.ask("PATCH", f"/Users/{member.id}", operations({"op": "replace", "value": {"active": True}}))
    assert (await world.api.call(member, "GET", "/users/me")).status_code == 401
    assert (await world.api.call(None, "GET", "/users/me", headers=token)).status_code == 200


@pytest.mark.requirement("SCIM-USER-05")
async def test_every_server_hears_at_once_that_somebody_is_suspended(world: World) -> None:
    member = await world.accounts.make("member")
    heard: list[object] = []
    raw = await world.db.connect()
    await raw.add_listener(CHANGED, lambda *told: heard.append(told[-1]))
    await world.ask("PATCH", f"/Users/{member.id}", SUSPENSION)

    async def is_told() -> bool:
        return str(member.id) in heard

    await until(is_told)
    await raw.close()


@pytest.mark.requirement("SCIM-USER-05")
async def test_a_replacement_that_says_nothing_of_active_brings_nobody_back(world: World) -> None:
    made = await world.make_user()
    await world.ask("PATCH", f"/Users/{made['id']}", SUSPENSION)
    body = person(made["userName"])
    del body["active"]
    assert (await world.ask("PUT", f"/Users/{made['id']}", body))["active"] is False


@pytest.mark.requirement("SCIM-USER-06")
async def test_the_last_owner_stays_and_other_owners_go(world: World) -> None:
    owner = await world.accounts.make("owner")
    path = f"/Users/{owner.id}"
    renaming = {"op": "replace", "path": "displayName", "value": "Gone"}
    both = operations(renaming, {"op": "replace", "path": "active", "value": False})
    assert "owner" in await world.refused(403, "", "PATCH", path, both)
    assert "owner" in await world.refused(403, "", "DELETE", path)
    assert (await world.ask("GET", path))["displayName"] == "Owner"
    await world.accounts.make("owner")
    assert (await world.ask("PATCH", path, both))["active"] is False
    assert (await world.call("DELETE", path)).status_code == 204


@pytest.mark.requirement("SCIM-USER-06")
async def test_system_users_are_not_there(world: World) -> None:
    system = await world.db.fetchval("select id from users where is_system")
    assert (await world.ask("GET", "/Users"))["totalResults"] == 0
    assert await world.find("/Users", f'id eq "{system}" or userName co "prebuilds"') == []
    for method, body in (("GET", None), ("PUT", person("a@b.test")), ("PATCH", SUSPENSION), ("DELETE", None)):
        await world.refused(404, "", method, f"/Users/{system}", body)
    member = {"value": str(system)}
    await world.refused(400, "invalidValue", "POST", "/Groups", {"displayName": "Team", "members": [member]})
    # Nor can anybody take the place of one.
    await world.refused(409, "uniqueness", "POST", "/Users", person("x", emails=[{"value": "prebuilds@system"}]))


@pytest.mark.requirement("SCIM-USER-07")
async def test_who_owns_workspaces_is_suspended_instead_of_deleted(whole: Whole) -> None:
    owner, member = await whole.accounts.make("owner"), await whole.accounts.make("member")
    await make_workspace(whole, owner, member)
    assert "workspace" in await whole.refused(409, "", "DELETE", f"/Users/{member.id}")
    assert await whole.status_of(str(member.id)) == "suspended"
    assert (await whole.api.call(member, "GET", "/users/me")).status_code == 401
    await whole.db.execute("update workspaces set deleted = true")
    assert (await whole.call("DELETE", f"/Users/{member.id}")).status_code == 204
    assert await whole.db.fetchval("select deleted from users where id = $1", member.id) is True
    await whole.refused(404, "", "DELETE", f"/Users/{member.id}")


async def make_workspace(world: Whole, admin: Any, owner: Any) -> None:
    """Make a workspace whose build waits for a daemon."""
    headers = {"Content-Type": "application/x-tar"}
    data = pack({"homeport.yaml": unique_name("x").encode()})
    file = (await world.api.call(admin, "POST", "/files", content=data, headers=headers)).json()
    wanted = {"provisioner": "echo", "storage_method": "file", "file_id": file["hash"]}
    version = (await world.api.call(admin, "POST", "/organizations/default/templateversions", wanted)).json()
    job = UUID(version["job"]["id"])
    await world.db.execute("update provisioner_jobs set started_at = now(), completed_at = now() where id = $1", job)
    body = {"name": unique_name("t"), "template_version_id": version["id"]}
    template = (await world.api.call(admin, "POST", "/organizations/default/templates", body)).json()
    made = await world.api.call(
        owner, "POST", "/users/me/workspaces", {"name": unique_name("w"), "template_id": template["id"]}
    )
    assert made.status_code == 201, made.text


@pytest.mark.requirement("SCIM-USER-08")
async def test_an_account_is_changed_only_where_it_is_as_the_provider_knows_it(world: World) -> None:
    made = await world.make_user()
    path, version = f"/Users/{made['id']}", made["meta"]["version"]
    answer = await world.call("GET", path)
    assert answer.headers["etag"] == version
    assert (
        await world.api.raw("GET", f"/scim/v2{path}", headers=bearer(**{"If-None-Match": version}))
    ).status_code == 304
    renaming = operations({"op": "replace", "path": "displayName", "value": "Other"})
    for method, body in (("PATCH", renaming), ("PUT", person(made["userName"])), ("DELETE", None)):
        await world.refused(412, "", method, path, body, headers={"If-Match": 'W/"other"'})
    changed = await world.ask("PATCH", path, renaming, headers={"If-Match": version})
    assert changed["meta"]["version"] != version
    await world.refused(412, "", "PATCH", path, renaming, headers={"If-Match": version})
    assert (await world.call("PATCH", path, renaming, headers={"If-Match": "*"})).status_code == 200


def bearer(**more: str) -> dict[str, str]:
    """Return the headers of the provider."""
    return {"Authorization": "Bearer a-token-of-the-deployment-for-scim-0123456789", **more}


@pytest.mark.requirement("SCIM-LIST-01")
async def test_pages_are_stable_and_bounded(world: World) -> None:
    for number in range(7):
        await world.make_user(f"p{number}@corp.test", displayName=f"Name {number % 3}")
    seen: list[str] = []
    for start in (1, 3, 5, 7):
        page = await world.ask("GET", "/Users", params={"startIndex": start, "count": 2, "sortBy": "displayName"})
        assert (page["totalResults"], page["startIndex"]) == (7, start)
        seen += [one["id"] for one in page["Resources"]]
    assert len(seen) == len(set(seen)) == 7
    downwards = await world.ask("GET", "/Users", params={"sortBy": "userName", "sortOrder": "descending"})
    assert [one["userName"][1] for one in downwards["Resources"]] == list("6543210")
    for given, start, items in (({"count": 0}, 1, 0), ({"count": -3}, 1, 0), ({"startIndex": -5}, 1, 7), ({"startIndex": 99}, 99, 0),
                                ({"startIndex": ""}, 1, 7), ({"count": 10**9}, 1, 7)):  # fmt: skip
        page = await world.ask("GET", "/Users", params=given)
        assert (page["totalResults"], page["startIndex"], page["itemsPerPage"], len(page["Resources"])) == (
            7,
            start,
            items,
            items,
        )
    for given in ({"count": "x"}, {"startIndex": "1.5"}, {"sortBy": "title"}, {"sortOrder": "up"}, {"attributes": "1"}):
        await world.refused(400, "invalidValue", "GET", "/Users", params=given)
    await world.refused(400, "invalidFilter", "GET", "/Users", params={"filter": "userName"})


@pytest.mark.requirement("SCIM-LIST-01")
async def test_a_page_holds_two_hundred_at_most(world: World) -> None:
    await world.db.execute(
        "insert into users (id, email, username, login_type, created_at, updated_at)"
        " select gen_random_uuid(), 'u' || n || '@corp.test', 'u' || n, 'oidc', now(), now() from generate_series(1, 230) n"
    )
    page = await world.ask("GET", "/Users", params={"count": 1000})
    assert (page["totalResults"], page["itemsPerPage"]) == (230, 200)
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": 'userName sw "u1"',
            "attributes": ["userName"], "startIndex": 101, "count": 100, "sortBy": "userName"}  # fmt: skip
    found = await world.ask("POST", "/Users/.search", body)
    assert (found["totalResults"], found["itemsPerPage"]) == (111, 11)
    assert all(one.keys() == {"schemas", "id", "userName"} for one in found["Resources"])


@pytest.mark.requirement("SCIM-LIST-02")
async def test_answers_hold_what_was_asked_for(world: World) -> None:
    made = await world.make_user(externalId="e1")
    path = f"/Users/{made['id']}"
    always = {"schemas", "id"}
    for given, keys in (
        ({"attributes": "userName,NAME.givenname"}, always | {"userName", "name"}),
        ({"attributes": f"{made['schemas'][0]}:userName"}, always | {"userName"}),
        ({"attributes": "nothing"}, always),
        ({"excludedAttributes": "emails,meta,id,name"}, always | {"externalId", "userName", "displayName", "active"}),
    ):
        assert (await world.ask("GET", path, params=given)).keys() == keys
    found = await world.ask("GET", path, params={"attributes": "name.givenName,emails.value"})
    assert (found["name"], found["emails"]) == ({"givenName": "Ada"}, [{"value": made["userName"]}])
    found = await world.ask("GET", path, params={"excludedAttributes": "name.givenName,emails.primary"})
    assert "givenName" not in found["name"]
    assert found["emails"] == [{"value": made["userName"], "type": "work"}]
    answer = await world.call("POST", "/Users", person("x@corp.test"), params={"attributes": "userName"})
    assert answer.json().keys() == always | {"userName"}


@pytest.mark.requirement("SCIM-AUDIT-01")
async def test_every_change_is_recorded_as_the_providers(world: World) -> None:
    made = await world.make_user("ada@corp.test", externalId="e1")
    path = f"/Users/{made['id']}"
    await world.ask("PATCH", path, operations({"op": "replace", "path": "displayName", "value": "Ada K."}))
    await world.ask("PATCH", path, operations({"op": "replace", "path": "externalId", "value": "e2"}))
    await world.ask("PATCH", path, SUSPENSION)
    # Nothing changes, so nothing is to be told.
    await world.ask("PATCH", path, SUSPENSION)
    group = await world.ask("POST", "/Groups", {"displayName": "Team", "members": [{"value": made["id"]}]})
    await world.ask(
        "PATCH", f"/Groups/{group['id']}", operations({"op": "replace", "path": "externalId", "value": "g1"})
    )
    await world.call("DELETE", path)
    rows = await world.db.fetch("select * from audit_logs order by time, resource_type, action")
    told = [(row["action"], row["resource_type"], row["resource_target"], sorted(row["diff"])) for row in rows]
    assert ("create", "organization_member", "ada", ["created_at", "updated_at", "user_id", "username"]) in told
    changes = [one for one in told if one[:2] == ("write", "user")]
    assert [one[3] for one in changes] == [["name"], ["external_id"], ["status"]]
    assert [one[0] for one in told if one[1] == "user"] == ["create", "write", "write", "write", "delete"]
    assert ("write", "group", "team", ["external_id"]) in told
    assert all(row["additional_fields"]["subsystem"] == "scim" for row in rows)
    assert {row["user_id"] for row in rows} == {UUID(int=0)}


@pytest.mark.requirement("SCIM-AUDIT-01")
async def test_what_is_refused_is_recorded_as_well(world: World) -> None:
    owner = await world.accounts.make("owner")
    await world.refused(403, "", "PATCH", f"/Users/{owner.id}", {"schemas": [PATCH], **SUSPENSION})
    await world.refused(404, "", "PATCH", f"/Users/{uuid4()}", SUSPENSION)
    rows = await world.db.fetch("select * from audit_logs")
    assert [(row["status_code"], row["resource_id"], row["diff"]) for row in rows] == [(403, owner.id, {})]
    assert rows[0]["additional_fields"] == {"subsystem": "scim"}
