"""Members found, added by organization rights alone, and given roles by what changes (authorization-and-data 3.3, 11, 12, 29)."""

from uuid import UUID, uuid4

import pytest

from homeport.kit.ids import new_id
from tests.homeport.organizations.worlds import PREBUILDS, make_organization
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person

MEMBERS = "/organizations/default/members"


async def _role(api: Api, name: str, *permissions: str) -> None:
    stored = [
        {"negate": False, "resource_type": each.partition(":")[0], "action": each.partition(":")[2]}
        for each in permissions
    ]
    await api.db.execute(
        "insert into custom_roles (id, name, organization_id, org_permissions, created_at, updated_at)"
        " values ($1, $2, $3, $4, now(), now())",
        new_id(), name, DEFAULT_ORGANIZATION_ID, stored,
    )  # fmt: skip


@pytest.mark.requirement("ORG-MEMBERS-05")
async def test_members_are_found_by_a_part_of_name_or_address(api: Api, accounts: Accounts) -> None:
    owner, ann, bob = await accounts.make("owner"), await accounts.make(), await accounts.make()
    await api.db.execute(
        "update users set name = 'Ann 100% Lee', email = 'ann_lee@homeport.test' where id = $1", ann.id
    )
    await api.db.execute("update users set name = 'Bob' where id = $1", bob.id)

    async def found(q: str, **more: str) -> tuple[set[str], int]:
        page = (
            await api.call(owner, "GET", "/organizations/default/paginated-members", params={"q": q, **more})
        ).json()
        plain = (await api.call(owner, "GET", MEMBERS, params={"q": q, **more})).json()
        assert {each["user_id"] for each in page["members"]} <= {each["user_id"] for each in plain}
        return {each["user_id"] for each in page["members"]}, page["count"]

    for q in ("ann", "ANN", "100%", "ann_l", "Lee", ann.username.upper(), " lee "):
        members, count = await found(q)
        assert str(ann.id) in members, q
        assert str(bob.id) not in members, q
        assert count == len(members)
    # Signs of patterns are signs.
    assert await found("0%L") == (set(), 0)
    assert await found("a_n") == (set(), 0)
    assert await found("no such") == (set(), 0)
    assert (await found("", limit="1"))[1] == 3
    assert await found("prebuilds") == (set(), 0)
    assert await found("prebuilds", include_system="true") == ({str(PREBUILDS)}, 1)
    for bad in ("a\x00", "x" * 257):
        answer = await api.call(owner, "GET", MEMBERS, params={"q": bad})
        assert answer.status_code == 400
        assert [each["field"] for each in answer.json()["validations"]] == ["q"]


@pytest.mark.requirement("ORG-MEMBERS-06")
async def test_rights_of_the_organization_suffice_to_add_whom_one_can_name(api: Api, accounts: Accounts) -> None:
    await _role(api, "host", "organization_member:create")
    host, guest, other = (
        await accounts.make(organization_roles=["host"]), await accounts.make("stranger"), await accounts.make("stranger"),
    )  # fmt: skip
    # The host can neither read users nor list those who are in no organization.
    assert (await api.call(host, "GET", f"/users/{guest.username}")).status_code == 404
    assert (await api.call(host, "GET", "/users")).json()["count"] == 1
    for person, value in ((guest, guest.username.upper()), (other, str(other.id))):
        added = await api.call(host, "POST", f"{MEMBERS}/{value}")
        assert (added.status_code, added.json()["user_id"]) == (200, str(person.id)), added.text
    for value in ("none-such", str(uuid4()), "a%00"):
        assert (await api.call(host, "POST", f"{MEMBERS}/{value}")).status_code == 404
    gone = await accounts.make("stranger")
    await api.db.execute("update users set deleted = true where id = $1", gone.id)
    assert (await api.call(host, "POST", f"{MEMBERS}/{gone.id}")).status_code == 404
    assert (await api.call(host, "DELETE", f"{MEMBERS}/{guest.id}")).status_code == 404


@pytest.mark.requirement("ORG-ROLES-05")
async def test_only_roles_that_change_ask_for_the_right_to_give_them(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    # May assign and unassign, and by the matrix nothing but the implied role.
    giver = await accounts.make("organization-user-admin")
    admin = await accounts.make("organization-admin")
    member = await accounts.make(organization_roles=["organization-auditor"])
    path = f"{MEMBERS}/{member.id}/roles"

    async def put(person: Person, *roles: str) -> int:
        return (await api.call(person, "PUT", path, {"roles": list(roles)})).status_code

    assert await put(giver, "organization-auditor") == 200
    assert await put(giver, "organization-auditor", "organization-member", "organization-auditor") == 200
    assert await put(giver) == 403
    assert await put(giver, "organization-auditor", "organization-template-admin") == 403
    assert await put(admin, "organization-auditor", "organization-workspace-creation-ban") == 200
    assert await put(owner, "organization-member") == 200
    stored = "select roles from organization_members where user_id = $1"
    assert await api.db.fetchval(stored, member.id) == []
    # Nothing is given to system users, nor taken from them.
    assert (
        await api.call(owner, "PUT", f"{MEMBERS}/{PREBUILDS}/roles", {"roles": ["organization-admin"]})
    ).status_code == 404


@pytest.mark.requirement("ORG-ROLES-05")
async def test_who_may_only_take_roles_gives_none(api: Api, accounts: Accounts) -> None:
    await _role(api, "taker", "assign_org_role:unassign", "organization_member:read")
    taker = await accounts.make("owner", organization_roles=["taker"], scopes=[
        "organization:read", "organization_member:read", "assign_org_role:read", "assign_org_role:unassign", "user:read",
    ])  # fmt: skip
    member = await accounts.make(organization_roles=["organization-auditor"])
    path = f"{MEMBERS}/{member.id}/roles"
    refused = await api.call(taker, "PUT", path, {"roles": ["organization-auditor", "taker"]})
    assert refused.status_code == 403
    assert "assign_org_role:assign" in refused.json()["detail"]
    assert (await api.call(taker, "PUT", path, {"roles": []})).status_code == 200


@pytest.mark.requirement("ORG-MEMBERS-07", "M15")
async def test_the_system_user_is_a_plain_member_and_can_be_moved_by_nobody(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    await make_organization(api, owner, "blue")
    rows = await api.db.fetch("select organization_id, roles from organization_members where user_id = $1", PREBUILDS)
    assert [tuple(row) for row in rows] == [(DEFAULT_ORGANIZATION_ID, [])]
    for value in ("prebuilds", str(PREBUILDS)):
        assert (await api.call(owner, "POST", f"/organizations/blue/members/{value}")).status_code == 403
        assert (await api.call(owner, "DELETE", f"{MEMBERS}/{value}")).status_code == 404
    shown = (await api.call(owner, "GET", "/organizations/default/paginated-members?include_system=true")).json()
    hidden = (await api.call(owner, "GET", "/organizations/default/paginated-members")).json()
    assert shown["count"] == hidden["count"] + 1
    assert {UUID(each["user_id"]) for each in shown["members"]} - {
        UUID(each["user_id"]) for each in hidden["members"]
    } == {PREBUILDS}
