"""Role names, expansion, and who may give which role."""

from uuid import UUID

import pytest

from homeport.rbac import (
    ACTIONS,
    Action,
    InvalidRoleName,
    Object,
    Permission,
    ResourceType,
    RoleName,
    built_in_roles,
    custom_role,
    expand_roles,
    implied_roles,
    is_allowed,
    may_assign,
    organization_role,
    parse_role_name,
    role_changes,
    site_role,
)
from homeport.rbac.rules.roles import exists, permissions
from tests.homeport.rbac.people import ME, ORG, OTHER_ORG, SOMEBODY, holder, subject


@pytest.mark.requirement("RBAC-NAMES-01")
def test_role_names_are_read_and_written_alike() -> None:
    assert parse_role_name("owner") == RoleName("owner")
    assert parse_role_name(f"organization-admin:{ORG}") == RoleName("organization-admin", ORG)
    for text in ("member", f"organization-admin:{ORG}"):
        assert str(parse_role_name(text)) == text


@pytest.mark.requirement("RBAC-NAMES-01")
@pytest.mark.parametrize("text", ["", ":", f":{ORG}", "a:b", f"a:{ORG}:b", f"a:{ORG}:", "a:"])
def test_a_role_name_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidRoleName) as caught:
        parse_role_name(text)
    assert caught.value.status == 400


def test_changes_are_what_was_added_and_what_was_removed() -> None:
    a, b, c = RoleName("a"), RoleName("b", ORG), RoleName("b", OTHER_ORG)
    assert role_changes([a, b], [c, a, a]) == (frozenset({c}), frozenset({b}))
    assert role_changes([], []) == (frozenset(), frozenset())


@pytest.mark.requirement("RBAC-ROLES-04")
def test_built_in_roles_speak_only_about_what_exists() -> None:
    for role in [*built_in_roles(), *built_in_roles(ORG)]:
        for level in role.grants.permissions:
            assert all(exists(permission) for permission in level), role.name
    shown = {role.name: role.display_name for role in [*built_in_roles(), *built_in_roles(ORG)]}
    assert shown["organization-member"] == ""
    assert [name for name, display_name in shown.items() if not display_name] == ["organization-member"]
    assert len(shown) == 11
    with pytest.raises(ValueError, match="not a permission"):
        permissions("template:ssh")


def test_a_built_in_role_that_does_not_exist_is_refused() -> None:
    for name in ("", "root", "organization-admin"):
        with pytest.raises(InvalidRoleName):
            site_role(name)
    for name in ("", "root", "owner"):
        with pytest.raises(InvalidRoleName):
            organization_role(name, ORG)


@pytest.mark.requirement("RBAC-ROLES-05")
def test_everybody_is_a_member_of_the_deployment_and_of_each_organization() -> None:
    roles = expand_roles([], {ORG: [], OTHER_ORG: ["organization-auditor"]})
    assert {role.role_name for role in roles} == {
        *implied_roles([ORG, OTHER_ORG]),
        RoleName("organization-auditor", OTHER_ORG),
    }
    who = subject(roles)
    assert who.organization_ids == {ORG, OTHER_ORG}
    again = expand_roles(["member", "owner", "owner"], {ORG: ["organization-member", "organization-member"]})
    assert [str(role.role_name) for role in again] == ["member", "owner", f"organization-member:{ORG}"]


@pytest.mark.requirement("RBAC-ROLES-06")
def test_custom_roles_are_expanded_and_those_that_are_gone_are_dropped() -> None:
    reads = custom_role("reads", ORG, organization=[Permission(ResourceType.WORKSPACE, Action.READ)])
    custom = {reads.role_name: reads}
    who = subject(expand_roles(["gone"], {ORG: ["reads", "gone"], OTHER_ORG: ["reads"]}, custom))
    assert {role.name for role in who.roles} == {"member", "organization-member", "reads"}
    assert is_allowed(who, Action.READ, Object(ResourceType.WORKSPACE, organization_id=ORG))
    assert not is_allowed(who, Action.READ, Object(ResourceType.WORKSPACE, organization_id=OTHER_ORG))
    assert not is_allowed(who, Action.UPDATE, Object(ResourceType.WORKSPACE, organization_id=ORG))


def test_a_custom_role_cannot_take_the_place_of_a_built_in() -> None:
    wild = [Permission(ResourceType.WILDCARD, Action.WILDCARD)]
    member = custom_role("member", None, site=wild)
    org_member = custom_role("organization-member", ORG, organization=wild)
    custom = {role.role_name: role for role in (member, org_member)}
    who = subject(expand_roles(["member"], {ORG: ["organization-member"]}, custom))
    assert not is_allowed(who, Action.READ, Object(ResourceType.LICENSE))
    assert not is_allowed(who, Action.UPDATE, Object(ResourceType.ORGANIZATION, organization_id=ORG))


@pytest.mark.requirement("RBAC-ROLES-07")
def test_a_role_without_permissions_makes_a_member() -> None:
    who = subject([site_role("member"), custom_role("empty", ORG)])
    assert is_allowed(who, Action.READ, Object(ResourceType.WORKSPACE, owner_id=ME, organization_id=ORG))
    assert not is_allowed(who, Action.READ, Object(ResourceType.WORKSPACE, owner_id=ME, organization_id=OTHER_ORG))


SITE = ["owner", "member", "auditor", "template-admin", "user-admin"]
IN_ORG = [
    "organization-admin",
    "organization-member",
    "organization-auditor",
    "organization-user-admin",
    "organization-template-admin",
    "organization-workspace-creation-ban",
]
EVERY_TARGET = {
    *(RoleName(name) for name in (*SITE, "my-site-role")),
    *(RoleName(name, id_) for name in (*IN_ORG, "my-role") for id_ in (ORG, OTHER_ORG)),
}
MEMBERSHIPS = {RoleName("member"), RoleName("organization-member", ORG), RoleName("organization-member", OTHER_ORG)}
ORG_ADMINS = {RoleName(name, ORG) for name in (*IN_ORG, "my-role")}


@pytest.mark.requirement("RBAC-ASSIGN-01")
@pytest.mark.parametrize(
    ("actor", "may"),
    [
        (RoleName("system"), EVERY_TARGET),
        (RoleName("owner"), EVERY_TARGET),
        (RoleName("user-admin"), MEMBERSHIPS),
        (RoleName("organization-admin", ORG), ORG_ADMINS),
        (RoleName("organization-user-admin", ORG), {RoleName("organization-member", ORG)}),
        *((RoleName(name), set()) for name in ("member", "auditor", "template-admin", "my-site-role", "unknown")),
        *((RoleName(name, ORG), set()) for name in ("organization-member", "organization-auditor", "my-role")),
        *(
            (RoleName(name, ORG), set())
            for name in ("organization-template-admin", "organization-workspace-creation-ban")
        ),
        # Names that stand at the wrong level give nothing.
        *((RoleName(name, ORG), set()) for name in ("owner", "system", "user-admin")),
        *((RoleName(name), set()) for name in ("organization-admin", "organization-user-admin")),
    ],
    ids=lambda value: "gives" if isinstance(value, set) else str(value),
)
def test_a_role_may_give_and_take_exactly_these(actor: RoleName, may: set[RoleName]) -> None:
    given = {target for target in EVERY_TARGET if may_assign([RoleName("member"), actor], target)}
    assert given == may
    assert not may_assign([actor], RoleName("owner", ORG)), "a built-in role at the wrong level is nobody's to give"


def test_one_sufficient_role_is_enough() -> None:
    actors = [RoleName("auditor"), RoleName("organization-user-admin", OTHER_ORG), RoleName("organization-admin", ORG)]
    assert may_assign(actors, RoleName("organization-auditor", ORG))
    assert not may_assign(actors, RoleName("organization-auditor", OTHER_ORG))
    assert not may_assign([], RoleName("member"))


def test_roles_of_many_organizations_share_their_tables() -> None:
    many = {UUID(int=0x5000 + number): ["organization-admin"] for number in range(100)}
    who = holder([], many)
    assert len({id(role.grants) for role in who.roles}) == 3
    for action in ACTIONS[ResourceType.TEMPLATE]:
        assert all(
            is_allowed(who, action, Object(ResourceType.TEMPLATE, id=SOMEBODY, organization_id=id_)) for id_ in many
        )
