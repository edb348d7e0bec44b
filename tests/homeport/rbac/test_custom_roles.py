"""What may be kept as a custom role, and how stored ones are read."""

import pytest

from homeport.rbac import (
    Action,
    Permission,
    ResourceType,
    Subject,
    custom_role,
    find_custom_role_errors,
    read_permissions,
)
from tests.homeport.rbac.people import ORG, OTHER_ORG, holder

READ_WORKSPACES = Permission(ResourceType.WORKSPACE, Action.READ)
owner = holder(["owner"])


def errors(author: Subject, *permissions: Permission, name: str = "builders") -> list[tuple[str, str]]:
    found = find_custom_role_errors(author, organization_id=ORG, name=name, organization=permissions)
    return [(error.field, error.detail) for error in found]


@pytest.mark.requirement("RBAC-CUSTOM-01")
def test_a_role_without_permissions_may_be_kept() -> None:
    assert errors(holder()) == []


@pytest.mark.requirement("RBAC-CUSTOM-01")
@pytest.mark.parametrize(
    ("permission", "reason"),
    [
        (Permission(ResourceType.TEMPLATE, Action.SSH), "not an action on template"),
        (Permission("cheese", Action.READ), "not a resource type"),  # type: ignore[arg-type]
        (Permission(ResourceType.WORKSPACE, Action.READ, negate=True), "negated"),
        (Permission(ResourceType.WORKSPACE, Action.WILDCARD), "wildcard"),
        (Permission(ResourceType.WILDCARD, Action.READ), "wildcard"),
        (Permission(ResourceType.DEPLOYMENT_CONFIG, Action.READ), "never apply"),
        (Permission(ResourceType.ASSIGN_ROLE, Action.ASSIGN), "never apply"),
    ],
)
def test_permissions_that_mean_nothing_or_too_much_are_refused(permission: Permission, reason: str) -> None:
    found = errors(owner, READ_WORKSPACES, permission)
    assert [field for field, _ in found] == ["organization_permissions"]
    assert reason in found[0][1]


@pytest.mark.requirement("RBAC-CUSTOM-02")
@pytest.mark.parametrize(
    ("author", "is_kept"),
    [
        (holder(), False),
        (holder([], {ORG: []}), False),
        (holder([], {OTHER_ORG: ["organization-admin"]}), False),
        (holder(["template-admin"]), True),
        (holder([], {ORG: ["organization-admin"]}), True),
        (owner, True),
    ],
    ids=["nobody", "member", "other organization's admin", "template admin", "organization's admin", "owner"],
)
def test_nobody_grants_what_they_do_not_have_there(author: Subject, is_kept: bool) -> None:
    assert (errors(author, READ_WORKSPACES) == []) is is_kept


@pytest.mark.requirement("RBAC-CUSTOM-01")
def test_site_and_user_permissions_have_no_place_in_an_organizations_role() -> None:
    found = find_custom_role_errors(
        owner, organization_id=ORG, name="x", site=[READ_WORKSPACES], user=[READ_WORKSPACES]
    )
    assert [error.field for error in found] == ["site_permissions", "user_permissions"]


@pytest.mark.requirement("RBAC-CUSTOM-03")
@pytest.mark.parametrize("name", ["owner", "Owner", "organization-member", "", "a b", "-a", "a--b", "x" * 33, "a:b"])
def test_names_of_built_in_roles_and_bad_names_are_refused(name: str) -> None:
    assert [field for field, _ in errors(owner, name=name)] == ["name"]


def test_stored_permissions_are_read_without_those_of_other_versions() -> None:
    stored: list[dict[str, object]] = [
        {"resource_type": "workspace", "action": "read", "negate": False},
        {"resource_type": "template", "action": "use", "negate": True},
        {"resource_type": "spaceship", "action": "read"},
        {"resource_type": "workspace", "action": "fly"},
        {"action": "read"},
        {},
        {"resource_type": ["workspace"], "action": None},
    ]
    assert read_permissions(stored) == (
        READ_WORKSPACES,
        Permission(ResourceType.TEMPLATE, Action.USE, negate=True),
    )
    role = custom_role("x", ORG, display_name="X", organization=read_permissions(stored))
    assert role.grants.organization == {
        (ResourceType.WORKSPACE, Action.READ): 1,
        (ResourceType.TEMPLATE, Action.USE): -1,
    }
