"""Single decisions: levels, memberships, ACLs and scopes, each also as a predicate over rows."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import pytest

from homeport.database import Database
from homeport.rbac import (
    ACTIONS,
    NO_ACL,
    Acl,
    Action,
    AllowEntry,
    Grants,
    Object,
    Permission,
    ResourceType,
    Role,
    Scope,
    Subject,
    filter_allowed,
    is_allowed,
    predicate,
    scope_for_key,
    scope_named,
)
from homeport.rbac.rules.roles import permissions
from tests.homeport.rbac import oracle
from tests.homeport.rbac.people import GROUP, ME, ORG, OTHER_GROUP, OTHER_ORG, SOMEBODY, holder, subject
from tests.homeport.rbac.rows import COLUMNS, passing, store

WORKSPACE, TEMPLATE = ResourceType.WORKSPACE, ResourceType.TEMPLATE
A, B = UUID(int=0xA), UUID(int=0xB)
EVERY = sorted(ACTIONS[WORKSPACE])
ENTRY = [Action.SSH, Action.APPLICATION_CONNECT]


def everything(*, negate: bool = False) -> tuple[Permission, ...]:
    return (Permission(ResourceType.WILDCARD, Action.WILDCARD, negate),)


def workspace(
    owner: UUID | None = None,
    organization: UUID | None = None,
    id_: UUID | str = A,
    *,
    user_acl: Acl = NO_ACL,
    group_acl: Acl = NO_ACL,
) -> Object:
    return Object(
        WORKSPACE, id=id_, owner_id=owner, organization_id=organization, user_acl=user_acl, group_acl=group_acl
    )


def template(organization: UUID, *, user_acl: Acl = NO_ACL, group_acl: Acl = NO_ACL) -> Object:
    return Object(TEMPLATE, id=B, organization_id=organization, user_acl=user_acl, group_acl=group_acl)


class Case(NamedTuple):
    name: str
    subject: Subject
    target: Object
    allowed: Sequence[str]
    denied: Sequence[str]


def rest(*kept: str, of: ResourceType = WORKSPACE) -> list[str]:
    return sorted(ACTIONS[of] - set(kept))


member = holder([], {ORG: []})
in_group = holder([], {ORG: []}, groups=[GROUP])
org_admin = holder([], {ORG: ["organization-admin"]})
owner = holder(["owner"], {ORG: []})
app_member = holder([], {ORG: []}, scope=scope_named("application_connect"))
app_owner = holder(["owner"], {ORG: []}, scope=scope_named("application_connect"))
reader = subject(
    [
        Role(
            name="reader",
            organization_id=ORG,
            grants=Grants(organization=permissions("workspace:read"), user=permissions("workspace:read")),
        )
    ]
)
refused_everywhere = subject(
    [Role(name="deny", grants=Grants(site=everything(negate=True))), *member.roles, *org_admin.roles]
)
owner_refused_below = subject(
    [
        *owner.roles,
        Role(
            name="x",
            organization_id=ORG,
            grants=Grants(organization=everything(negate=True), user=everything(negate=True)),
        ),
    ]
)
org_admin_refused_beside = subject(
    [
        *org_admin.roles,
        Role(name="y", grants=Grants(site=permissions("license:read", negate=True), user=everything(negate=True))),
    ]
)
member_refused_in_org = subject(
    [*member.roles, Role(name="x", organization_id=ORG, grants=Grants(organization=everything(negate=True)))]
)
agent_like = holder(
    [],
    {ORG: []},
    scope=Scope(
        name="one",
        roles=(Role(name="one", grants=Grants(site=permissions("workspace:read"))),),
        allow_list=(AllowEntry(ResourceType.WILDCARD, A),),
    ),
)
create_only = holder(
    [],
    {ORG: []},
    scope=Scope(
        name="create",
        roles=(Role(name="create", grants=Grants(site=permissions("workspace:create"))),),
        allow_list=(AllowEntry(ResourceType.WILDCARD, ""),),
    ),
)
foreign = {str(ME): list(EVERY)}
CASES = [
    Case(
        "a user ACL grants on a foreign organization's object",
        member,
        workspace(SOMEBODY, OTHER_ORG, user_acl=foreign),
        EVERY,
        [],
    ),
    Case(
        "a wildcard in a user ACL grants everything",
        member,
        workspace(SOMEBODY, OTHER_ORG, user_acl={str(ME): ["*"]}),
        EVERY,
        [],
    ),
    Case(
        "a user ACL grants what it lists only",
        member,
        workspace(SOMEBODY, OTHER_ORG, user_acl={str(ME): ["read"]}),
        ["read"],
        rest("read"),
    ),
    Case(
        "a user ACL lets a template be updated",
        member,
        template(OTHER_ORG, user_acl={str(ME): ["update"]}),
        ["update"],
        rest("update", of=TEMPLATE),
    ),
    Case(
        "somebody else's entry grants nothing",
        member,
        workspace(SOMEBODY, ORG, user_acl={str(SOMEBODY): ["*"]}),
        [],
        EVERY,
    ),
    Case(
        "a group ACL grants in the subject's organization",
        in_group,
        workspace(SOMEBODY, ORG, group_acl={str(GROUP): ["*"]}),
        EVERY,
        [],
    ),
    Case(
        "a group ACL grants what it lists only",
        in_group,
        workspace(SOMEBODY, ORG, group_acl={str(GROUP): ["read", "ssh"]}),
        ["read", "ssh"],
        rest("read", "ssh"),
    ),
    Case(
        "a group ACL grants nothing outside of the subject's organizations",
        in_group,
        workspace(SOMEBODY, OTHER_ORG, group_acl={str(GROUP): ["*"]}),
        [],
        EVERY,
    ),
    Case(
        "another group's entry grants nothing",
        in_group,
        workspace(SOMEBODY, ORG, group_acl={str(OTHER_GROUP): ["*"]}),
        [],
        EVERY,
    ),
    Case(
        "many entries are searched for the subject's group",
        in_group,
        workspace(SOMEBODY, ORG, group_acl={str(OTHER_GROUP): ["*"], str(SOMEBODY): ["*"], str(GROUP): ["read"]}),
        ["read"],
        rest("read"),
    ),
    Case(
        "the organization's own entry grants to its members",
        member,
        template(ORG, group_acl={str(ORG): ["read", "use"]}),
        ["read", "use"],
        rest("read", "use", of=TEMPLATE),
    ),
    Case(
        "the organization's own entry grants nothing to others",
        member,
        template(OTHER_ORG, group_acl={str(OTHER_ORG): ["read"]}),
        [],
        sorted(ACTIONS[TEMPLATE]),
    ),
    Case(
        "role refusals do not block an ACL",
        refused_everywhere,
        workspace(SOMEBODY, ORG, user_acl={str(ME): ["read"]}),
        ["read"],
        rest("read"),
    ),
    Case("a member's own object in the organization", member, workspace(ME, ORG), EVERY, []),
    Case("a member's own object outside of organizations", member, workspace(ME), EVERY, []),
    Case("an object of the organization without an owner", member, workspace(None, ORG), [], EVERY),
    Case("an object without organization and owner", member, workspace(), [], EVERY),
    Case("a member's own object in a foreign organization", member, workspace(ME, OTHER_ORG), [], EVERY),
    Case("somebody else's object in the organization", member, workspace(SOMEBODY, ORG), [], EVERY),
    Case("somebody else's object outside of organizations", member, workspace(SOMEBODY), [], EVERY),
    Case("a refusal at the site closes the organization", refused_everywhere, workspace(SOMEBODY, ORG), [], EVERY),
    Case("a refusal at the site closes one's own objects", refused_everywhere, workspace(ME, ORG), [], EVERY),
    Case("a refusal at the site closes everything else", refused_everywhere, workspace(), [], EVERY),
    Case("an organization's admin may all but enter", org_admin, workspace(SOMEBODY, ORG), rest(*ENTRY), ENTRY),
    Case("an organization's admin enters an own workspace", org_admin, workspace(ME, ORG), EVERY, []),
    Case("an organization's admin elsewhere", org_admin, workspace(SOMEBODY, OTHER_ORG), [], EVERY),
    Case("an organization's admin, own object elsewhere", org_admin, workspace(ME, OTHER_ORG), [], EVERY),
    Case("an organization's admin, own object in none", org_admin, workspace(ME), EVERY, []),
    Case("the owner, own organization", owner, workspace(SOMEBODY, ORG), EVERY, []),
    Case("the owner, foreign organization", owner, workspace(SOMEBODY, OTHER_ORG), EVERY, []),
    Case("the owner, no organization", owner, workspace(), EVERY, []),
    Case(
        "application_connect on an own workspace",
        app_member,
        workspace(ME, ORG),
        ["application_connect"],
        rest("application_connect"),
    ),
    Case("application_connect on another's workspace", app_member, workspace(SOMEBODY, ORG), [], EVERY),
    Case("application_connect and templates", app_member, template(ORG), [], sorted(ACTIONS[TEMPLATE])),
    Case(
        "application_connect of the owner",
        app_owner,
        workspace(SOMEBODY, OTHER_ORG),
        ["application_connect"],
        rest("application_connect"),
    ),
    Case("application_connect of the owner, templates", app_owner, template(ORG), [], sorted(ACTIONS[TEMPLATE])),
    Case(
        "a scope is a ceiling over ACLs too",
        app_member,
        workspace(SOMEBODY, ORG, user_acl={str(ME): ["*"]}),
        ["application_connect"],
        rest("application_connect"),
    ),
    Case("reading roles read in the organization", reader, workspace(SOMEBODY, ORG), ["read"], rest("read")),
    Case("reading roles read what is one's own", reader, workspace(ME), ["read"], rest("read")),
    Case("reading roles read nothing else", reader, workspace(SOMEBODY), [], EVERY),
    Case("the site wins over refusals below", owner_refused_below, workspace(ME, ORG), EVERY, []),
    Case("the site wins over refusals below, elsewhere", owner_refused_below, workspace(SOMEBODY), EVERY, []),
    Case(
        "an unrelated refusal leaves the organization",
        org_admin_refused_beside,
        workspace(ME, ORG),
        rest(*ENTRY),
        ENTRY,
    ),
    Case("a refusal for oneself holds outside of organizations", org_admin_refused_beside, workspace(ME), [], EVERY),
    Case(
        "a refusal in the organization closes own objects there", member_refused_in_org, workspace(ME, ORG), [], EVERY
    ),
    Case("a refusal in the organization leaves own objects in none", member_refused_in_org, workspace(ME), EVERY, []),
    Case("an agent's own workspace", agent_like, workspace(ME, ORG), ["read"], rest("read")),
    Case("an agent, another id", agent_like, workspace(ME, ORG, B), [], EVERY),
    Case("an agent, no id", agent_like, workspace(ME, ORG, ""), [], EVERY),
    Case("an agent, another's workspace", agent_like, workspace(SOMEBODY, ORG), [], EVERY),
    Case("create only, no id yet", create_only, workspace(ME, ORG, ""), ["create"], rest("create")),
    Case("create only, an id", create_only, workspace(ME, ORG), [], EVERY),
    Case("create only, elsewhere", create_only, workspace(ME, OTHER_ORG, ""), [], EVERY),
]


@pytest.mark.requirement("RBAC-LEVELS-01")
@pytest.mark.requirement("RBAC-ACL-01")
@pytest.mark.requirement("RBAC-SCOPES-01")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_decision_is_what_the_levels_the_acl_and_the_scope_make_it(case: Case) -> None:
    assert set(case.allowed).isdisjoint(case.denied)
    assert {*case.allowed, *case.denied} == ACTIONS[case.target.type]
    for action in case.allowed:
        assert is_allowed(case.subject, Action(action), case.target), action
    for action in case.denied:
        assert not is_allowed(case.subject, Action(action), case.target), action


@pytest.mark.requirement("RBAC-PREDICATE-01")
async def test_every_case_comes_out_the_same_as_a_predicate(db: Database) -> None:
    async with db.connection() as connection:
        for case in CASES:
            await store(connection, [case.target])
            columns = COLUMNS if case.target.id else COLUMNS._replace(id=None)
            for action in ACTIONS[case.target.type]:
                condition = predicate(case.subject, action, case.target.type, columns)
                assert await passing(connection, condition) == ({0} if action in case.allowed else set()), (
                    f"{case.name}: {action}"
                )


@pytest.mark.requirement("RBAC-LEVELS-01")
def test_every_case_comes_out_the_same_through_a_filter_and_a_second_time() -> None:
    for case in CASES:
        for action in ACTIONS[case.target.type]:
            expected = [case.target] if action in case.allowed else []
            # The second answer comes from the rule that the first one has compiled.
            for _ in range(2):
                assert filter_allowed(case.subject, action, [case.target], lambda target: target) == expected, case.name


def test_every_case_comes_out_the_same_by_the_second_reading() -> None:
    for case in CASES:
        for action in ACTIONS[case.target.type]:
            who = case.subject
            expected = action in case.allowed
            assert oracle.decide(who.id, who.roles, who.groups, who.scope, action, case.target) == expected, case.name


@pytest.mark.requirement("RBAC-LEVELS-02")
@pytest.mark.parametrize("any_organization", [True, False])
def test_in_any_organization_one_grant_suffices_and_refusals_elsewhere_do_not_count(any_organization: bool) -> None:
    who = holder([], {ORG: ["organization-workspace-creation-ban"], OTHER_ORG: ["organization-admin"]})
    target = Object(WORKSPACE, owner_id=SOMEBODY, organization_id=ORG, any_organization=any_organization)
    assert is_allowed(who, Action.CREATE, target) is any_organization
    nowhere = holder()
    assert not is_allowed(nowhere, Action.CREATE, Object(WORKSPACE, owner_id=ME, any_organization=True))
    assert is_allowed(holder([], {ORG: []}), Action.CREATE, Object(WORKSPACE, owner_id=ME, any_organization=True))
    banned = holder([], {ORG: ["organization-workspace-creation-ban"]})
    assert is_allowed(banned, Action.CREATE, Object(WORKSPACE, owner_id=ME, any_organization=True))


@pytest.mark.requirement("RBAC-SCOPES-02")
def test_a_scope_with_organization_and_user_permissions_counts_at_those_levels() -> None:
    scope = Scope(
        name="levels",
        roles=(
            Role(
                name="levels",
                organization_id=ORG,
                grants=Grants(organization=permissions("workspace:read"), user=permissions("workspace:start")),
            ),
        ),
    )
    who = holder(["owner"], {ORG: [], OTHER_ORG: []}, scope=scope)
    assert is_allowed(who, Action.READ, workspace(SOMEBODY, ORG))
    assert not is_allowed(who, Action.READ, workspace(SOMEBODY, OTHER_ORG))
    assert is_allowed(who, Action.START, workspace(ME, OTHER_ORG))
    assert is_allowed(who, Action.START, workspace(ME))
    assert not is_allowed(who, Action.START, workspace(SOMEBODY, ORG))
    assert not is_allowed(who, Action.STOP, workspace(ME, ORG))


@pytest.mark.requirement("RBAC-TYPES-01")
def test_asking_for_an_action_that_the_type_does_not_have_is_a_mistake() -> None:
    for who in (owner, member, app_member):
        with pytest.raises(ValueError, match="ssh is not an action on template"):
            is_allowed(who, Action.SSH, template(ORG))
        with pytest.raises(ValueError, match="not an action"):
            is_allowed(who, Action.WILDCARD, template(ORG))
        with pytest.raises(ValueError, match="not an action"):
            predicate(who, Action.READ, ResourceType.WILDCARD, COLUMNS)


def test_subjects_are_equal_whatever_the_order_of_their_roles_and_groups() -> None:
    one = subject([*owner.roles, *org_admin.roles], groups=[GROUP, OTHER_GROUP])
    two = subject([*reversed(org_admin.roles), *owner.roles], groups=[OTHER_GROUP, GROUP])
    assert one == two
    assert hash(one) == hash(two)
    assert one != subject(owner.roles, groups=[GROUP, OTHER_GROUP])
    assert one != subject([*owner.roles, *org_admin.roles], groups=[GROUP])
    assert one != subject(one.roles, groups=one.groups, scope=scope_named("application_connect"))
    narrowed = scope_for_key(["all"], [f"workspace:{A}"])
    assert one != subject(one.roles, groups=one.groups, scope=narrowed)


def test_ids_are_found_in_an_allow_list_in_any_spelling() -> None:
    for entry in (str(A), str(A).upper(), A.hex):
        who = holder([], {ORG: []}, scope=scope_for_key(["all"], [f"workspace:{entry}"]))
        assert is_allowed(who, Action.READ, workspace(ME, ORG, A))
        assert is_allowed(who, Action.READ, workspace(ME, ORG, str(A).upper()))
        assert not is_allowed(who, Action.READ, workspace(ME, ORG, str(B)))
        assert not is_allowed(who, Action.READ, workspace(ME, ORG, "not-a-uuid"))
