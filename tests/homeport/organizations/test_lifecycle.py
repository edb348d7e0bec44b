"""Organizations made, renamed and deleted (authorization-and-data 10, 11, 18, 24, 27.5)."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport.database import CheckViolation, DatabaseError
from homeport.organizations.queries.organizations import find_organization
from tests.homeport.organizations.worlds import PREBUILDS, furnish_default, insert, make_organization
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person

NIL = "00000000-0000-0000-0000-000000000000"


async def _delete(api: Api, person: Person, organization: Any) -> Any:
    return await api.call(person, "DELETE", f"/organizations/{organization}")


async def _audit(api: Api, organization_id: str) -> list[tuple[str, str, str, set[str]]]:
    rows = await api.db.fetch(
        "select resource_type, action, resource_target, diff from audit_logs where organization_id = $1 order by time, resource_type",
        UUID(organization_id),
    )
    return [(row["resource_type"], row["action"], row["resource_target"], set(row["diff"])) for row in rows]


@pytest.mark.requirement("ORG-CREATE-01")
async def test_whoever_makes_an_organization_is_a_plain_member_of_it(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    answer = await api.call(
        owner, "POST", "/organizations", {"name": "blue", "description": "The blue ones.", "icon": "/emojis/1.png"}
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["display_name"], made["description"], made["icon"], made["is_default"]) == (
        "blue", "blue", "The blue ones.", "/emojis/1.png", False,
    )  # fmt: skip
    assert "deleted" not in made
    (member,) = (await api.call(owner, "GET", "/organizations/blue/members")).json()
    assert (member["user_id"], member["roles"]) == (str(owner.id), [])
    everyone = await api.db.fetch("select id, name from groups where organization_id = $1", UUID(made["id"]))
    assert [(str(row["id"]), row["name"]) for row in everyone] == [(made["id"], "Everyone")]
    assert await _audit(api, made["id"]) == [
        ("organization", "create", "blue", {"name", "display_name", "description", "icon", "updated_at"}),
        ("organization_member", "create", owner.username, {"username", "user_id", "created_at", "updated_at"}),
    ]
    # Its maker may enter because owners may everything, not by a hidden role: who is demoted is a member like others.
    await api.db.execute("update users set rbac_roles = '{}' where id = $1", owner.id)
    assert (await api.call(owner, "GET", "/organizations/blue")).status_code == 200
    assert (await api.call(owner, "PATCH", "/organizations/blue", {"description": "mine"})).status_code == 403


@pytest.mark.requirement("ORG-CREATE-02")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "default"}, "name"),
        ({"name": "Default"}, "name"),
        ({"name": "new"}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "x" * 33}, "name"),
        ({"name": "ends-"}, "name"),
        ({"name": "a:b"}, "name"),
        ({"name": "a\x00"}, "name"),
        # It would be taken for an id in paths.
        ({"name": uuid4().hex}, "name"),
        ({"display_name": "x" * 65}, "display_name"),
        ({"display_name": " padded "}, "display_name"),
        ({"description": "x" * 1025}, "description"),
        ({"description": "a\x00"}, "description"),
        ({"icon": "x" * 257}, "icon"),
    ],
)
async def test_names_and_words_are_bounded(api: Api, accounts: Accounts, changes: dict[str, str], field: str) -> None:
    owner = await accounts.make("owner")
    made = await make_organization(api, owner)
    refused = await api.call(owner, "POST", "/organizations", {"name": "fine", **changes})
    assert refused.status_code == 400, refused.text
    assert [each["field"] for each in refused.json()["validations"]] == [field]
    if changes != {"name": ""}:
        refused = await api.call(owner, "PATCH", f"/organizations/{made['id']}", changes)
        assert refused.status_code == 400, refused.text
        assert [each["field"] for each in refused.json()["validations"]] == [field]
    assert await api.db.fetchval("select count(*) from organizations") == 2


@pytest.mark.requirement("ORG-CREATE-03")
async def test_a_name_is_given_once_whatever_its_case(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    await make_organization(api, owner, "blue")
    red = await make_organization(api, owner, "red")
    for answer in (
        await api.call(owner, "POST", "/organizations", {"name": "BLUE"}),
        await api.call(owner, "POST", "/organizations", {"name": "coder"}),
        await api.call(owner, "PATCH", f"/organizations/{red['id']}", {"name": "Blue"}),
    ):
        assert answer.status_code == 409, answer.text
        assert [each["field"] for each in answer.json()["validations"]] == ["name"]
    assert await api.db.fetchval("select count(*) from groups") == 3


@pytest.mark.requirement("ORG-CREATE-04")
@pytest.mark.identities(
    "anonymous", "stranger", "member", "auditor", "template-admin", "user-admin", "organization-admin"
)
async def test_owners_alone_make_organizations(api: Api, identity: Person) -> None:
    answer = await api.call(identity, "POST", "/organizations", {"name": "blue"})
    assert answer.status_code == (401 if identity.kind == "anonymous" else 403)
    if answer.status_code == 403:
        assert "organization:create" in answer.json()["detail"]
    assert await api.db.fetchval("select count(*) from organizations") == 1


@pytest.mark.requirement("ORG-UPDATE-01")
async def test_what_is_absent_stays_and_an_admin_of_the_organization_may_change_the_rest(
    api: Api, accounts: Accounts
) -> None:
    owner = await accounts.make("owner")
    made = await make_organization(api, owner, "blue", display_name="Blue", description="old", icon="i")
    admin = await accounts.make(organization_ids=[UUID(made["id"])], organization_roles=["organization-admin"])
    path = f"/organizations/{made['id']}"
    changed = (await api.call(admin, "PATCH", path, {"name": "navy", "description": ""})).json()
    assert (changed["name"], changed["display_name"], changed["description"], changed["icon"]) == (
        "navy",
        "Blue",
        "",
        "i",
    )
    assert changed["updated_at"] > made["updated_at"]
    assert (await api.call(admin, "PATCH", path, {"name": "", "display_name": None})).json()["name"] == "navy"
    # The same name in another case is a change of one's own name and no conflict.
    assert (await api.call(admin, "PATCH", path, {"name": "Navy"})).json()["name"] == "Navy"
    assert (await api.call(owner, "GET", "/organizations/blue")).status_code == 404
    assert next(each for each in await _audit(api, made["id"]) if each[1] == "write")[3] == {
        "name", "description", "updated_at",
    }  # fmt: skip
    renamed = await api.call(owner, "PATCH", "/organizations/default", {"name": "acme"})
    assert (renamed.json()["name"], renamed.json()["is_default"]) == ("acme", True)
    member, stranger = await accounts.make(organization_ids=[UUID(made["id"])]), await accounts.make()
    assert (await api.call(member, "PATCH", path, {"icon": "x"})).status_code == 403
    assert (await api.call(stranger, "PATCH", path, {"icon": "x"})).status_code == 404


@pytest.mark.requirement("ORG-DELETE-01", "M17")
async def test_a_deleted_organization_is_gone_everywhere_and_its_name_free(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    made = await make_organization(api, owner, "blue")
    answer = await _delete(api, owner, "blue")
    assert (answer.status_code, set(answer.json())) == (200, {"message"})
    row = await api.db.fetchrow("select deleted, updated_at from organizations where id = $1", UUID(made["id"]))
    assert row is not None
    assert (row["deleted"], row["updated_at"].isoformat() > made["updated_at"]) == (True, True)
    for value in ("blue", made["id"]):
        for method, path in (
            ("GET", ""),
            ("GET", "/members"),
            ("GET", "/members/roles"),
            ("PATCH", ""),
            ("DELETE", ""),
        ):
            body: dict[str, str] | None = {} if method == "PATCH" else None
            assert (await api.call(owner, method, f"/organizations/{value}{path}", body)).status_code == 404
    assert [each["name"] for each in (await api.call(owner, "GET", "/organizations")).json()] == ["coder"]
    assert [each["name"] for each in (await api.call(owner, "GET", "/users/me/organizations")).json()] == ["coder"]
    assert (await api.call(owner, "GET", "/users/me")).json()["organization_ids"] == [str(DEFAULT_ORGANIZATION_ID)]
    assert (await api.call(owner, "GET", f"/users/{owner.username}")).json()["organization_ids"] == [
        str(DEFAULT_ORGANIZATION_ID)
    ]
    assert (await api.call(owner, "GET", f"/users/{owner.id}/organizations/{made['id']}")).status_code == 404
    assert made["id"] not in (await api.call(owner, "GET", "/users/me/roles")).json()["organization_roles"]
    kinds = [(each[0], each[1], each[3]) for each in await _audit(api, made["id"])]
    assert kinds[2:] == [("organization", "delete", {"deleted", "updated_at"})]
    again = await make_organization(api, owner, "blue")
    assert again["id"] != made["id"]
    assert (await api.call(owner, "GET", "/organizations/blue")).json()["id"] == again["id"]


@pytest.mark.requirement("ORG-DELETE-02", "M17")
async def test_a_deleted_organization_is_seen_by_its_id_when_it_is_asked_for(api: Api, accounts: Accounts) -> None:
    owner, auditor = await accounts.make("owner"), await accounts.make("auditor")
    made = await make_organization(api, owner, "blue")
    admin = await accounts.make(organization_ids=[UUID(made["id"])], organization_roles=["organization-admin"])
    member = await accounts.make()
    live = await api.call(admin, "GET", f"/organizations/{made['id']}?include_deleted=true")
    assert (live.status_code, live.json()["deleted"]) == (200, False)
    await api.db.execute("delete from organization_members where user_id = $1", owner.id)
    assert (await _delete(api, owner, made["id"])).status_code == 200
    async with api.db.connection() as conn:
        assert await find_organization(conn, UUID(made["id"])) is None
        found = await find_organization(conn, UUID(made["id"]), has_deleted=True)
        assert found is not None
        assert found.deleted
    for person, status in ((owner, 200), (auditor, 200), (admin, 404), (member, 404)):
        seen = await api.call(person, "GET", f"/organizations/{made['id']}?include_deleted=true")
        assert seen.status_code == status, person.kind
        assert status == 404 or seen.json()["deleted"] is True
        assert (await api.call(person, "GET", "/organizations/blue?include_deleted=true")).status_code == 404


@pytest.mark.requirement("ORG-DELETE-03")
async def test_the_default_organization_stays(api: Api, accounts: Accounts) -> None:
    owner, admin = await accounts.make("owner"), await accounts.make("organization-admin")
    member, stranger = await accounts.make(), await accounts.make("stranger")
    for value in ("default", "coder", NIL, str(DEFAULT_ORGANIZATION_ID)):
        for person in (owner, admin):
            answer = await _delete(api, person, value)
            assert answer.status_code == 400
            assert "default organization" in answer.json()["message"]
    assert (await _delete(api, member, "default")).status_code == 403
    assert (await _delete(api, stranger, "default")).status_code == 404
    assert (await _delete(api, owner, "none-such")).status_code == 404


@pytest.mark.requirement("ORG-DELETE-04", "M17")
@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (["workspaces"], "1 workspace"),
        (["workspaces", "workspaces"], "2 workspaces"),
        (["templates"], "1 template"),
        (["templates"] * 3, "3 templates"),
        (["provisioner_keys"], "1 provisioner key"),
        (["groups"], "1 group"),
        (["organization_members"], "1 member"),
        (["organization_members"] * 2, "2 members"),
        (["templates", "groups"], "1 template and 1 group"),
        (
            ["workspaces", "templates", "templates", "provisioner_keys", "groups", "organization_members"],
            "1 workspace, 2 templates, 1 provisioner key, 1 group and 1 member",
        ),
    ],
)
async def test_what_is_left_in_an_organization_keeps_it_and_is_counted(
    api: Api, accounts: Accounts, contents: list[str], words: str
) -> None:
    owner = await accounts.make("owner")
    made = await make_organization(api, owner, "blue")
    await furnish_default(api.db, owner.id)
    for number, table in enumerate(contents):
        person = await accounts.make()
        more = f"name = name || '-{number}'" if table != "organization_members" else ""
        await insert(api.db, table, made["id"], person.id, more=more)
    answer = await _delete(api, owner, "blue")
    assert answer.status_code == 409, answer.text
    assert answer.json()["message"] == f"The organization blue cannot be deleted, it still has {words}."
    assert (await api.call(owner, "GET", "/organizations/blue")).status_code == 200
    refused = [each for each in await _audit(api, made["id"]) if each[1] == "delete"]
    assert refused == [("organization", "delete", "blue", set())], "what was tried is told, without a diff"


@pytest.mark.requirement("ORG-DELETE-05", "M15")
async def test_what_people_cannot_see_or_remove_keeps_no_organization(api: Api, accounts: Accounts) -> None:
    owner, gone, member = await accounts.make("owner"), await accounts.make(), await accounts.make()
    made = await make_organization(api, owner, "blue")
    await furnish_default(api.db, owner.id)
    for table in ("workspaces", "templates"):
        await insert(api.db, table, made["id"], owner.id, more="deleted = true")
    await insert(api.db, "provisioner_keys", made["id"], owner.id, more="builtin_of = 'here'")
    for table in ("provisioner_jobs", "template_versions", "files", "custom_roles", "provisioner_daemons"):
        await insert(api.db, table, made["id"], owner.id)
    await insert(api.db, "organization_members", made["id"], PREBUILDS)
    crew = await insert(api.db, "groups", made["id"], owner.id)
    await api.db.execute("insert into group_members (group_id, user_id) values ($1, $2)", crew, PREBUILDS)
    await insert(api.db, "organization_members", made["id"], gone.id)
    await api.db.execute("update users set deleted = true where id = $1", gone.id)
    # A group of the system user's is a group of people's as soon as somebody else is in it.
    await insert(api.db, "organization_members", made["id"], member.id)
    await api.db.execute("insert into group_members (group_id, user_id) values ($1, $2)", crew, member.id)
    assert "1 group and 1 member." in (await _delete(api, owner, "blue")).json()["message"]
    await api.db.execute(
        "delete from organization_members where user_id = $1 and organization_id = $2", member.id, UUID(made["id"])
    )
    assert (await _delete(api, owner, "blue")).status_code == 200


@pytest.mark.requirement("ORG-DELETE-06", "M17")
async def test_the_database_refuses_whoever_asks(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    made = await make_organization(api, owner, "blue")
    await insert(api.db, "groups", made["id"], owner.id)
    delete = "update organizations set deleted = true where id = $1"
    with pytest.raises(CheckViolation) as refused:
        await api.db.execute(delete, UUID(made["id"]))
    assert refused.value.constraint == "organizations_empty_when_deleted"
    await api.db.execute("update organizations set description = 'changed' where id = $1", UUID(made["id"]))
    # A transaction that sees an old state would overlook what has just come in, so it may not decide.
    with pytest.raises(DatabaseError) as old:
        async with api.db.transaction(isolation="repeatable_read") as conn:
            await conn.execute(delete, UUID(made["id"]))
    assert "READ COMMITTED" in old.value.detail


@pytest.mark.requirement("ORG-DELETE-07")
async def test_roles_of_a_deleted_organization_give_nothing_at_the_next_request(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    made = await make_organization(api, owner, "blue")
    place = UUID(made["id"])
    role = {"name": "keeper", "organization_permissions": [{"resource_type": "organization", "action": "delete"}]}
    assert (await api.call(owner, "POST", f"/organizations/{place}/members/roles", role)).status_code == 200
    admin = await accounts.make(organization_ids=[place], organization_roles=["organization-admin", "keeper"])
    await api.db.execute("delete from organization_members where user_id = $1", owner.id)
    member = await accounts.make()
    assert (await api.call(admin, "GET", f"/users/{member.username}")).status_code == 200
    assert (await _delete(api, admin, place)).status_code == 200
    # Admins of organizations read all users; this one administers none any more.
    assert (await api.call(admin, "GET", f"/users/{member.username}")).status_code == 404
    assert (await api.call(admin, "GET", "/users/me")).json()["organization_ids"] == []
    after = await accounts.subject(admin.token)
    assert after is not None
    assert (after.organization_ids, after.groups) == (frozenset(), frozenset())
    assert {str(name) for name in after.role_names} == {"member"}
