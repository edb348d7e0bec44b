"""Organizations and members over HTTP, and resolving members (authorization-and-data 11)."""

import asyncio
from uuid import UUID, uuid4

import pytest

from homeport.database import Database
from homeport.kit.errors import NotFound
from homeport.kit.ids import new_id
from homeport.organizations.service import list_memberships, resolve_member, resolve_organization, resolve_owner
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api

DEFAULT = str(DEFAULT_ORGANIZATION_ID)
NIL = "00000000-0000-0000-0000-000000000000"


async def _organization(db: Database, name: str = "blue", *, deleted: bool = False) -> UUID:
    organization_id = new_id()
    await db.execute(
        "insert into organizations (id, name, deleted, created_at, updated_at) values ($1, $2, $3, now(), now())",
        organization_id, name, deleted,
    )  # fmt: skip
    return organization_id


@pytest.mark.requirement("ORG-RESOLVE-01")
@pytest.mark.parametrize("value", ["default", NIL, DEFAULT, DEFAULT.upper(), "coder", "CODER"])
async def test_an_organization_is_found_by_alias_nil_id_id_and_name(api: Api, accounts: Accounts, value: str) -> None:
    found = await api.call(await accounts.make(), "GET", f"/organizations/{value}")
    assert found.status_code == 200
    assert found.json()["id"] == DEFAULT
    assert found.json()["is_default"] is True
    assert set(found.json()) == {
        "id",
        "name",
        "display_name",
        "description",
        "icon",
        "created_at",
        "updated_at",
        "is_default",
    }


@pytest.mark.requirement("ORG-RESOLVE-02")
@pytest.mark.parametrize("value", ["none-such", "%00", "x" * 5000, "%F0%9F%A6%8A", "%ff"])
async def test_unknown_organizations_are_404(api: Api, accounts: Accounts, value: str) -> None:
    for kind in ("owner", "member"):
        person = await accounts.make(kind)
        for path in ("", "/members", "/paginated-members", "/members/roles"):
            assert (await api.call(person, "GET", f"/organizations/{value}{path}")).status_code == 404


@pytest.mark.requirement("ORG-RESOLVE-03")
async def test_foreign_and_deleted_organizations_look_unknown(api: Api, accounts: Accounts) -> None:
    blue, gone = await _organization(api.db), await _organization(api.db, "gone", deleted=True)
    member, stranger, owner = await accounts.make(), await accounts.make("stranger"), await accounts.make("owner")
    unknown = await api.call(member, "GET", f"/organizations/{uuid4()}")
    for person, value in (
        (member, str(blue)),
        (member, "blue"),
        (stranger, "default"),
        (owner, str(gone)),
        (owner, "gone"),
    ):
        answer = await api.call(person, "GET", f"/organizations/{value}")
        assert (answer.status_code, answer.json()) == (404, unknown.json())
    assert (await api.call(owner, "GET", f"/organizations/{blue}")).status_code == 200


@pytest.mark.requirement("ORG-LIST-01")
async def test_people_list_the_organizations_that_they_may_read(api: Api, accounts: Accounts) -> None:
    blue = await _organization(api.db)
    await _organization(api.db, "gone", deleted=True)
    member, stranger, owner = await accounts.make(), await accounts.make("stranger"), await accounts.make("owner")
    both = await accounts.make(organization_ids=[DEFAULT_ORGANIZATION_ID, blue])

    async def names(person, path: str = "/organizations") -> list[str]:
        return [each["name"] for each in (await api.call(person, "GET", path)).json()]

    assert await names(owner) == await names(both) == ["blue", "coder"]
    assert await names(member) == ["coder"]
    assert await names(stranger) == []
    assert await names(owner, f"/users/{both.username}/organizations") == ["blue", "coder"]
    assert await names(both, "/users/me/organizations") == ["blue", "coder"]
    assert (await api.call(member, "GET", f"/users/{both.id}/organizations")).status_code == 404
    assert (await api.call(owner, "GET", f"/users/{both.id}/organizations/blue")).json()["id"] == str(blue)
    assert (await api.call(owner, "GET", f"/users/{member.id}/organizations/blue")).status_code == 404
    assert (await api.call(owner, "GET", f"/users/{member.id}/organizations/coder")).status_code == 200


@pytest.mark.requirement("ORG-MEMBERS-01", "M15")
async def test_members_are_listed_plainly_and_by_pages_without_system_users(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    people = [await accounts.make("organization-auditor"), *[await accounts.make() for _ in range(4)]]
    plain = (await api.call(owner, "GET", "/organizations/default/members")).json()
    names = [each["username"] for each in plain]
    assert names == sorted(names)
    assert set(names) == {owner.username, *(person.username for person in people)}
    auditor = next(each for each in plain if each["username"] == people[0].username)
    assert auditor["roles"] == [
        {"name": "organization-auditor", "display_name": "Organization Auditor", "organization_id": DEFAULT}
    ]
    assert next(each for each in plain if each["username"] == owner.username)["global_roles"] == [
        {"name": "owner", "display_name": "Owner"}
    ]
    page = (await api.call(owner, "GET", "/organizations/default/paginated-members?limit=2&offset=2")).json()
    assert page["count"] == 6
    assert [each["username"] for each in page["members"]] == names[2:4]
    system = (await api.call(owner, "GET", "/organizations/default/members?include_system=true")).json()
    assert len(system) == len(plain) + 1
    alone = (await api.call(people[1], "GET", "/organizations/default/paginated-members")).json()
    assert [each["user_id"] for each in alone["members"]] == [str(people[1].id)]
    assert alone["count"] == 1


@pytest.mark.requirement("ORG-MEMBERS-02")
async def test_members_are_added_and_removed_with_an_audit_trail(api: Api, accounts: Accounts) -> None:
    blue = await _organization(api.db)
    admin = await accounts.make(organization_ids=[blue], organization_roles=["organization-admin"])
    newcomer = await accounts.make()
    path = f"/organizations/{blue}/members/{newcomer.username}"
    added = await api.call(admin, "POST", path)
    assert added.status_code == 200
    assert added.json()["user_id"] == str(newcomer.id)
    assert added.json()["roles"] == []
    assert (await api.call(admin, "POST", path)).status_code == 409
    group = new_id()
    await api.db.execute(
        "insert into groups (id, organization_id, name, created_at, updated_at) values ($1, $2, 'crew', now(), now())",
        group,
        blue,
    )
    await api.db.execute("insert into group_members (group_id, user_id) values ($1, $2)", group, newcomer.id)
    assert (await api.call(admin, "DELETE", path)).status_code == 204
    assert await api.db.fetchval("select count(*) from group_members where group_id = $1", group) == 0
    assert (await api.call(admin, "DELETE", path)).status_code == 404
    rows = await api.db.fetch(
        "select action, status_code, organization_id, user_id from audit_logs where resource_type = 'organization_member'"
    )
    # What was tried in vain is recorded as well, where it was about somebody who is there.
    assert sorted((row["action"], row["status_code"]) for row in rows) == [
        ("create", 200),
        ("create", 409),
        ("delete", 200),
    ]
    assert {(row["organization_id"], row["user_id"]) for row in rows} == {(blue, admin.id)}


@pytest.mark.requirement("ORG-MEMBERS-03")
async def test_adding_one_user_many_times_at_once_adds_once(api: Api, accounts: Accounts) -> None:
    blue = await _organization(api.db)
    owner, newcomer = await accounts.make("owner"), await accounts.make()
    path = f"/organizations/{blue}/members/{newcomer.id}"
    answers = await asyncio.gather(*(api.call(owner, "POST", path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


@pytest.mark.requirement("ORG-MEMBERS-04")
async def test_who_may_not_add_or_remove(api: Api, accounts: Accounts) -> None:
    owner, member, other = await accounts.make("owner"), await accounts.make(), await accounts.make()
    admin = await accounts.make("organization-admin")
    assert (await api.call(member, "POST", f"/organizations/default/members/{other.id}")).status_code == 403
    assert (await api.call(member, "DELETE", f"/organizations/default/members/{other.id}")).status_code == 404
    assert (await api.call(member, "DELETE", "/organizations/default/members/me")).status_code == 403
    assert (await api.call(admin, "DELETE", "/organizations/default/members/me")).status_code == 400
    assert (await api.call(owner, "POST", "/organizations/default/members/prebuilds")).status_code == 403
    assert (await api.call(owner, "DELETE", "/organizations/default/members/prebuilds")).status_code == 404
    for value in ("none-such", "%00", str(uuid4()), "x" * 5000):
        assert (await api.call(owner, "POST", f"/organizations/default/members/{value}")).status_code == 404
        assert (await api.call(owner, "DELETE", f"/organizations/default/members/{value}")).status_code == 404


@pytest.mark.requirement("ORG-ROLES-01")
async def test_roles_in_an_organization_are_given_by_the_matrix(api: Api, accounts: Accounts) -> None:
    admin, user_admin, member = [
        await accounts.make(kind) for kind in ("organization-admin", "organization-user-admin", "member")
    ]
    path = f"/organizations/default/members/{member.id}/roles"
    given = await api.call(admin, "PUT", path, {"roles": ["organization-auditor", "organization-member"]})
    assert [role["name"] for role in given.json()["roles"]] == ["organization-auditor"]
    assert (await api.call(user_admin, "PUT", path, {"roles": []})).status_code == 403
    assert (
        await api.call(user_admin, "PUT", path, {"roles": ["organization-auditor", "organization-admin"]})
    ).status_code == 403
    assert (
        await api.call(member, "PUT", f"/organizations/default/members/{admin.id}/roles", {"roles": []})
    ).status_code in {403, 404}
    for person in (admin, user_admin, member):
        own = await api.call(
            person, "PUT", "/organizations/default/members/me/roles", {"roles": ["organization-admin"]}
        )
        assert own.status_code == 400
    for bad in (["no-such"], ["owner"], [f"organization-admin:{DEFAULT}"], [""], ["x" * 10_000], ["a\x00"]):
        assert (await api.call(admin, "PUT", path, {"roles": bad})).status_code == 400
    outsider = await accounts.make("stranger")
    assert (
        await api.call(admin, "PUT", f"/organizations/default/members/{outsider.id}/roles", {"roles": []})
    ).status_code == 404
    assert (
        await api.call(admin, "PUT", "/organizations/default/members/prebuilds/roles", {"roles": []})
    ).status_code == 404


@pytest.mark.requirement("ORG-ROLES-02")
async def test_an_admin_of_one_organization_is_nobody_in_another(api: Api, accounts: Accounts) -> None:
    blue = await _organization(api.db)
    admin = await accounts.make(organization_ids=[blue], organization_roles=["organization-admin"])
    member = await accounts.make()
    assert (
        await api.call(admin, "PUT", f"/organizations/default/members/{member.id}/roles", {"roles": []})
    ).status_code == 404
    assert (await api.call(admin, "POST", f"/organizations/{DEFAULT}/members/{admin.id}")).status_code == 404


@pytest.mark.requirement("ORG-ROLES-03")
async def test_the_list_of_roles_has_custom_ones_and_says_what_may_be_given(api: Api, accounts: Accounts) -> None:
    await api.db.execute(
        "insert into custom_roles (id, name, display_name, organization_id, created_at, updated_at)"
        " values ($1, 'deployer', 'Deployer', $2, now(), now())",
        new_id(), DEFAULT_ORGANIZATION_ID,
    )  # fmt: skip
    admin, member = await accounts.make("organization-admin"), await accounts.make()
    listed = {
        each["name"]: each for each in (await api.call(admin, "GET", "/organizations/default/members/roles")).json()
    }
    assert listed["deployer"]["built_in"] is False
    assert listed["deployer"]["assignable"] is True
    assert listed["organization-admin"]["built_in"] is True
    assert "organization-member" not in listed
    seen = (await api.call(member, "GET", "/organizations/default/members/roles")).json()
    assert not any(each["assignable"] for each in seen)
    given = await api.call(admin, "PUT", f"/organizations/default/members/{member.id}/roles", {"roles": ["deployer"]})
    assert [role["display_name"] for role in given.json()["roles"]] == ["Deployer"]


@pytest.mark.requirement("ORG-RESOLVE-MEMBER-01", "M13")
async def test_organization_rights_alone_resolve_a_member_and_never_the_full_user(
    db: Database, accounts: Accounts
) -> None:
    await db.execute(
        "insert into custom_roles (id, name, organization_id, org_permissions, created_at, updated_at)"
        " values ($1, 'support', $2, $3, now(), now())",
        new_id(), DEFAULT_ORGANIZATION_ID, [{"negate": False, "resource_type": "organization_member", "action": "read"}],
    )  # fmt: skip
    support, member = await accounts.make(organization_roles=["support"]), await accounts.make()
    async with db.connection() as conn:
        for value in (member.username, str(member.id), member.username.upper()):
            found = await resolve_member(conn, support.me, DEFAULT_ORGANIZATION_ID, value)
            assert (found.user_id, found.username, found.user) == (member.id, member.username, None)
            assert [each.organization_id for each in found.memberships] == [DEFAULT_ORGANIZATION_ID]
        assert (await resolve_owner(conn, support.me, member.username)).user is None
        with pytest.raises(NotFound):
            await resolve_owner(conn, member.me, support.username)


@pytest.mark.requirement("ORG-RESOLVE-MEMBER-02", "M13")
async def test_a_user_of_no_organization_exists_for_site_admins_only(db: Database, accounts: Accounts) -> None:
    owner, admin, stranger = (
        await accounts.make("owner"),
        await accounts.make("organization-auditor"),
        await accounts.make("stranger"),
    )
    async with db.connection() as conn:
        seen = await resolve_owner(conn, owner.me, stranger.username)
        assert seen.user is not None
        assert seen.memberships == ()
        with pytest.raises(NotFound):
            await resolve_owner(conn, admin.me, stranger.username)
        with pytest.raises(NotFound):
            await resolve_member(conn, owner.me, DEFAULT_ORGANIZATION_ID, stranger.username)
        for value in ("none-such", "a\x00", str(uuid4())):
            with pytest.raises(NotFound):
                await resolve_owner(conn, owner.me, value)


@pytest.mark.requirement("ORG-RESOLVE-MEMBER-03")
async def test_me_and_the_prebuilds_user_resolve(db: Database, accounts: Accounts) -> None:
    owner, member = await accounts.make("owner"), await accounts.make()
    async with db.connection() as conn:
        mine = await resolve_member(conn, member.me, DEFAULT_ORGANIZATION_ID, "me")
        assert mine.user is not None
        assert mine.user_id == member.id
        system = await resolve_member(conn, owner.me, DEFAULT_ORGANIZATION_ID, "prebuilds")
        assert system.is_system
        assert (await resolve_organization(conn, member.me, "default")).id == DEFAULT_ORGANIZATION_ID
        assert [each.roles for each in await list_memberships(conn, member.id)] == [[]]


@pytest.mark.requirement("ORG-CREATED-01")
async def test_a_new_user_is_placed_by_the_rights_of_its_maker(api: Api, accounts: Accounts) -> None:
    blue = await _organization(api.db)
    owner = await accounts.make("owner")
    body = {
        "email": "grace@homeport.test",
        "username": "grace",
        "login_type": "none",
        "organization_ids": [str(blue), str(blue)],
    }
    made = await api.call(owner, "POST", "/users", body)
    assert made.json()["organization_ids"] == [str(blue)]
    gone = await _organization(api.db, "gone", deleted=True)
    refused = await api.call(
        owner, "POST", "/users", {**body, "email": "l@homeport.test", "username": "l", "organization_ids": [str(gone)]}
    )
    assert refused.status_code == 400
    assert await api.db.fetchval("select count(*) from users where username = 'l'") == 0
