"""Branches of a list: on every object exactly one of them holds where the decision allows, and none where it refuses."""

import random
from uuid import UUID

import pytest

from homeport.rbac import (
    Action,
    AllowEntry,
    Branch,
    Grants,
    Object,
    Permission,
    ResourceType,
    Role,
    Subject,
    branches_by_type,
    built_in_roles,
    expand_roles,
    is_allowed,
    scope_for_key,
    scope_named,
)

ME, OTHER = UUID(int=0x100), UUID(int=0x101)
PLACES = [UUID(int=0x200 + number) for number in range(4)]
IDS = [UUID(int=0x300 + number) for number in range(5)]
CASES = (("awake", ResourceType.WORKSPACE), ("dormant", ResourceType.WORKSPACE_DORMANT))
ACTIONS = (Action.READ, Action.UPDATE, Action.START, Action.SSH)
SUBJECTS = 400


def somebody(roll: random.Random) -> Subject:
    joined: dict[UUID, list[str]] = {place: [] for place in PLACES if roll.random() < 0.6}
    roles = expand_roles([name for name in ("owner", "template-admin", "auditor") if roll.random() < 0.1], joined)
    types = [ResourceType.WORKSPACE, ResourceType.WORKSPACE_DORMANT, ResourceType.WILDCARD]
    for place in (None, *joined):
        roles += [role for role in built_in_roles(place) if place and roll.random() < 0.15]
        held = [
            Permission(roll.choice(types), roll.choice([*ACTIONS, Action.WILDCARD]), roll.random() < 0.4)
            for _ in range(2)
        ]
        if roll.random() < 0.4:
            roles.append(Role("custom", Grants(organization=held, user=held if roll.random() < 0.3 else ()), place))
    entries = [AllowEntry(roll.choice(types), id_) for id_ in roll.sample(IDS, roll.randint(0, 3))]
    names = roll.choice([("coder:all",), ("coder:application_connect",)])
    scope = scope_for_key(names, entries) if roll.random() < 0.3 else scope_named("coder:all")
    return Subject.build(ME, roles=roles, scope=scope, friendly_name="somebody")


def holds(branch: Branch, target: Object) -> bool:
    is_case = branch.case in ("", "dormant" if target.type == ResourceType.WORKSPACE_DORMANT else "awake")
    is_admitted = branch.ids is None or target.id in branch.ids
    is_there = branch.kind == "everywhere" or target.organization_id in branch.organizations
    return is_case and is_admitted and is_there and (branch.kind != "own" or target.owner_id == ME)


@pytest.mark.requirement("RBAC-BRANCHES-01")
def test_one_branch_holds_where_the_decision_allows_and_none_where_it_refuses() -> None:
    roll, seen = random.Random(4), set()
    for _ in range(SUBJECTS):
        subject, action = somebody(roll), roll.choice(ACTIONS)
        branches = branches_by_type(subject, action, CASES)
        seen |= {branch.kind for branch in branches} | {"ids" for branch in branches if branch.ids is not None}
        for _, type_ in CASES:
            for owner in (ME, OTHER):
                for place in PLACES:
                    target = Object(type_, roll.choice(IDS), owner, place)
                    expected = 1 if is_allowed(subject, action, target) else 0
                    assert sum(holds(branch, target) for branch in branches) == expected, (subject, action, target)
    assert seen == {"everywhere", "organizations", "own", "ids"}


@pytest.mark.requirement("RBAC-BRANCHES-01")
def test_types_with_equal_rights_fold() -> None:
    joined: dict[UUID, list[str]] = {place: ["organization-admin"] for place in PLACES}
    admin = Subject.build(ME, roles=expand_roles([], joined), scope=scope_named("coder:all"), friendly_name="admin")
    assert branches_by_type(admin, Action.READ, CASES) == (Branch("", "organizations", tuple(PLACES)),)
    nobody = Subject.build(ME, roles=expand_roles([], {}), scope=scope_named("coder:all"), friendly_name="nobody")
    assert branches_by_type(nobody, Action.READ, CASES) == ()
    with pytest.raises(ValueError, match="is not an action"):
        branches_by_type(nobody, Action.USE, CASES)
