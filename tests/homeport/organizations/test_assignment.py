"""Who gives and takes which role, asked by everybody of every role: permission and matrix together (authorization-and-data 3.3)."""

from uuid import UUID

import pytest

from homeport.kit.ids import new_id
from homeport.rbac import Action, Object, ResourceType, RoleName, is_allowed, may_assign
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person
from tests.support.names import unique_name

HERE = DEFAULT_ORGANIZATION_ID
SITE_ROLES = ("owner", "template-admin", "user-admin", "auditor")
LOCAL_ROLES = (
    "organization-admin", "organization-auditor", "organization-user-admin", "organization-template-admin",
    "organization-workspace-creation-ban",
)  # fmt: skip
CUSTOM = "builders"
# By the matrix in 3.3, and by who has assign and unassign at all (3.1 and 3.2).
GIVES_SITE_ROLES = {"owner"}
GIVES_LOCAL_ROLES = {"owner", "organization-admin"}


@pytest.fixture
async def there(api: Api) -> UUID:
    """Another organization, with the same custom role."""
    found = new_id()
    await api.db.execute(
        "insert into organizations (id, name, created_at, updated_at) values ($1, $2, now(), now())",
        found,
        unique_name(),
    )
    for place in (HERE, found):
        await api.db.execute(
            "insert into custom_roles (id, name, organization_id, created_at, updated_at) values ($1, $2, $3, now(), now())",
            new_id(), CUSTOM, place,
        )  # fmt: skip
    return found


async def actors(accounts: Accounts, there: UUID) -> dict[str, Person]:
    """Make somebody of each role: of the deployment, here, and in the other organization."""
    found = {role: await accounts.make("stranger", roles=[role]) for role in SITE_ROLES}
    found |= {"member": await accounts.make(), "nobody": await accounts.make("stranger")}
    for role in (*LOCAL_ROLES, CUSTOM):
        found[role] = await accounts.make(organization_roles=[role])
        found[f"far:{role}"] = await accounts.make(organization_roles=[role], organization_ids=[there])
    return found


async def change(api: Api, actor: Person, path: str, roles: list[str]) -> bool:
    """Set roles; returns whether that was done, and holds that it was refused otherwise."""
    answer = await api.call(actor, "PUT", path, {"roles": roles})
    assert answer.status_code in {200, 403, 404}, answer.text
    return answer.status_code == 200


@pytest.mark.requirement("RBAC-ASSIGN-02")
@pytest.mark.timeout(120)
async def test_roles_of_an_organization_are_given_and_taken_by_those_in_the_matrix(
    api: Api, accounts: Accounts, there: UUID
) -> None:
    everybody = await actors(accounts, there)
    for place in (HERE, there):
        target = await accounts.make(organization_ids=[place])
        path = f"/organizations/{place}/members/{target.id}/roles"
        held = "update organization_members set roles = $3 where organization_id = $1 and user_id = $2"
        for name, actor in everybody.items():
            is_of_here = not name.startswith("far:")
            plain = name.removeprefix("far:")
            is_placed = name in SITE_ROLES or is_of_here == (place == HERE)
            for role in (*LOCAL_ROLES, CUSTOM):
                expected = plain in GIVES_LOCAL_ROLES and is_placed
                assert expected == (
                    may_assign(actor.me.role_names, RoleName(role, place))
                    and is_allowed(actor.me, Action.ASSIGN, Object(ResourceType.ASSIGN_ORG_ROLE, organization_id=place))
                )
                await api.db.execute(held, place, target.id, [])
                assert await change(api, actor, path, [role]) is expected, f"{name} gives {role}"
                await api.db.execute(held, place, target.id, [role])
                assert await change(api, actor, path, []) is expected, f"{name} takes {role}"


@pytest.mark.requirement("RBAC-ASSIGN-02")
async def test_roles_of_the_deployment_are_given_and_taken_by_those_in_the_matrix(
    api: Api, accounts: Accounts, there: UUID
) -> None:
    target = await accounts.make()
    path, held = f"/users/{target.id}/roles", "update users set rbac_roles = $2 where id = $1"
    for name, actor in (await actors(accounts, there)).items():
        for role in SITE_ROLES:
            expected = name in GIVES_SITE_ROLES
            await api.db.execute(held, target.id, [])
            assert await change(api, actor, path, [role]) is expected, f"{name} gives {role}"
            await api.db.execute(held, target.id, [role])
            assert await change(api, actor, path, []) is expected, f"{name} takes {role}"


@pytest.mark.requirement("RBAC-ASSIGN-03")
async def test_only_what_changes_is_asked_about(api: Api, accounts: Accounts) -> None:
    admin, other = await accounts.make("organization-admin"), await accounts.make("organization-user-admin")
    target = await accounts.make(organization_roles=["organization-auditor", "organization-admin"])
    path = f"/organizations/{HERE}/members/{target.id}/roles"
    # Nothing changes, and so nothing beyond the permission to assign is needed.
    assert await change(api, other, path, ["organization-admin", "organization-auditor"])
    assert not await change(api, other, path, ["organization-admin"])
    assert await change(api, admin, path, ["organization-admin", "organization-template-admin"])
    answer = await api.call(other, "PUT", path, {"roles": ["organization-admin"]})
    assert answer.json() == {
        "message": "You may not give or take the role 'organization-template-admin'.",
        "detail": f"None of the roles of {other.username} allows it. These do: owner; in the organization organization-admin.",
    }


@pytest.mark.requirement("RBAC-ASSIGN-03")
async def test_nobody_changes_their_own_roles(api: Api, accounts: Accounts) -> None:
    owner, admin = await accounts.make("owner"), await accounts.make("organization-admin")
    for person, path in (
        (owner, "/users/me/roles"),
        (owner, f"/users/{owner.id}/roles"),
        (admin, f"/organizations/{HERE}/members/me/roles"),
        (admin, f"/organizations/{HERE}/members/{admin.username}/roles"),
    ):
        for roles in ([], ["organization-auditor" if "members" in path else "auditor"]):
            answer = await api.call(person, "PUT", path, {"roles": roles})
            assert answer.status_code == 400, answer.text
            assert "your own roles" in answer.json()["message"]
