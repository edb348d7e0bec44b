"""Scopes by name, their union on one key, allow-lists, and the scope of agents."""

from uuid import UUID

import pytest

from homeport.kit.ids import NIL_ID
from homeport.rbac import (
    ACTIONS,
    EXTERNAL_SCOPE_NAMES,
    SCOPE_NAMES,
    Action,
    Object,
    ResourceType,
    Scope,
    UnknownScope,
    agent_scope,
    covers,
    is_allowed,
    parse_allow_entry,
    scope_for_key,
    scope_named,
)
from tests.homeport.rbac.people import ME, ORG, SOMEBODY, holder

PAIRS = [(type_, action) for type_, actions in ACTIONS.items() for action in sorted(actions)]
A, B, C, D = (UUID(int=number) for number in (0xA, 0xB, 0xC, 0xD))


def allowed_pairs(*names: str) -> set[tuple[ResourceType, Action]]:
    """Return what the site's owner keeps under these scopes, on the dormant types what `system` roles cannot hide."""
    who = holder(["owner"], scope=scope_for_key(names))
    return {(type_, action) for type_, action in PAIRS if is_allowed(who, action, Object(type_, id=A))}


OWNERS = allowed_pairs("all")


@pytest.mark.requirement("RBAC-SCOPES-03")
def test_each_named_pair_allows_that_pair_alone() -> None:
    for type_, action in OWNERS:
        assert allowed_pairs(f"{type_}:{action}") == {(type_, action)}
    for type_ in ACTIONS:
        assert allowed_pairs(f"{type_}:*") == {pair for pair in OWNERS if pair[0] == type_}


@pytest.mark.requirement("RBAC-SCOPES-01")
def test_the_scopes_of_old_keys_and_their_new_names_mean_the_same() -> None:
    assert allowed_pairs("coder:all") == allowed_pairs("all") == OWNERS
    connect = {(ResourceType.WORKSPACE, Action.APPLICATION_CONNECT)}
    assert allowed_pairs("application_connect") == allowed_pairs("coder:application_connect") == connect


@pytest.mark.requirement("RBAC-SCOPES-04")
def test_several_scopes_add_up_and_their_order_means_nothing() -> None:
    both = allowed_pairs("workspace:read", "template:use")
    assert both == allowed_pairs("workspace:read") | allowed_pairs("template:use")
    assert both == allowed_pairs("template:use", "workspace:read", "template:use")
    assert allowed_pairs("workspace:read", "all") == OWNERS
    assert allowed_pairs() == set()


@pytest.mark.requirement("RBAC-SCOPES-05")
@pytest.mark.parametrize(
    ("name", "held", "lacked"),
    [
        ("coder:apikeys.manage_self", "api_key:create api_key:delete", "user:update workspace:read"),
        ("coder:templates.author", "template:create template:delete file:create", "workspace:create user:update"),
        ("coder:templates.build", "template:read file:create provisioner_jobs:create", "template:delete"),
        ("coder:workspaces.access", "workspace:ssh workspace:application_connect", "workspace:start workspace:delete"),
        ("coder:workspaces.create", "workspace:create template:use workspace:start", "workspace:delete workspace:ssh"),
        ("coder:workspaces.delete", "workspace:delete workspace_dormant:delete", "workspace:create workspace:ssh"),
        ("coder:workspaces.operate", "workspace:start workspace:stop", "workspace:create workspace:delete"),
    ],
)
def test_composites_hold_what_their_name_promises(name: str, held: str, lacked: str) -> None:
    pairs = {f"{type_}:{action}" for type_, action in allowed_pairs(name)}
    assert set(held.split()) <= pairs
    assert pairs.isdisjoint(lacked.split())
    assert pairs.isdisjoint({"system:read", "assign_role:assign", "user:update_personal", "user:create"})


@pytest.mark.requirement("RBAC-SCOPES-06")
@pytest.mark.parametrize("name", ["", "everything", "workspace", "workspace:", "workspace:use", "*:*", "ALL", "a:b:c"])
def test_a_name_that_means_nothing_is_refused(name: str) -> None:
    with pytest.raises(UnknownScope) as caught:
        scope_named(name)
    assert caught.value.status == 400
    assert caught.value.validations[0].field == "scopes"
    with pytest.raises(UnknownScope):
        scope_for_key(["all", name])


def test_the_catalogue_for_people_is_a_part_of_what_can_be_evaluated() -> None:
    assert set(EXTERNAL_SCOPE_NAMES) < SCOPE_NAMES
    assert list(EXTERNAL_SCOPE_NAMES) == sorted(EXTERNAL_SCOPE_NAMES)
    assert {"all", "application_connect", "coder:all", "workspace:*", "workspace:share"} <= set(EXTERNAL_SCOPE_NAMES)
    assert not any(name.startswith(("system:", "crypto_key:", "debug_info:")) for name in EXTERNAL_SCOPE_NAMES)
    for name in SCOPE_NAMES:
        assert scope_named(name).roles


@pytest.mark.requirement("RBAC-SCOPES-07")
def test_an_allow_list_admits_objects_by_type_and_id() -> None:
    who = holder(["owner"], scope=scope_for_key(["all"], [f"workspace:{A}", "template:*", f"*:{B}", "file:"]))

    def may_read(type_: ResourceType, id_: UUID | str) -> bool:
        return is_allowed(who, Action.READ, Object(type_, id=id_))

    assert may_read(ResourceType.WORKSPACE, A)
    assert may_read(ResourceType.WORKSPACE, B)
    assert not may_read(ResourceType.WORKSPACE, C)
    assert may_read(ResourceType.TEMPLATE, C)
    assert may_read(ResourceType.TEMPLATE, "")
    assert not may_read(ResourceType.GROUP, A)
    assert may_read(ResourceType.GROUP, B)
    assert may_read(ResourceType.FILE, "")
    assert not may_read(ResourceType.FILE, A)
    for nothing in ([], ["workspace:"]):
        closed = holder(["owner"], scope=scope_for_key(["all"], nothing))
        assert not is_allowed(closed, Action.READ, Object(ResourceType.TEMPLATE, id=A))
    for everything in (["*"], ["*:*"], [f"workspace:{A}", "*:*"]):
        assert scope_for_key(["all"], everything).is_unrestricted


@pytest.mark.parametrize("text", ["", "workspace", "nothing:1", ":1", str(A)])
def test_an_allow_entry_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UnknownScope) as caught:
        parse_allow_entry(text)
    assert caught.value.validations[0].field == "allow_list"


@pytest.mark.requirement("RBAC-SCOPES-08")
def test_an_agent_sees_its_workspace_template_version_and_owner_alone() -> None:
    who = holder(["owner"], {ORG: []}, scope=agent_scope(A, B, C, ME))
    for id_ in (A, B, C, ME):
        assert is_allowed(who, Action.READ, Object(ResourceType.WORKSPACE, id=id_, owner_id=SOMEBODY))
    for other in (D, SOMEBODY, ""):
        assert not is_allowed(who, Action.READ, Object(ResourceType.WORKSPACE, id=other, owner_id=ME))
    assert is_allowed(who, Action.READ_PERSONAL, Object(ResourceType.USER, id=ME, owner_id=ME))
    member = holder([], {ORG: []}, scope=agent_scope(A, B, C, ME))
    assert not is_allowed(member, Action.READ, Object(ResourceType.WORKSPACE, id=A, owner_id=SOMEBODY))


@pytest.mark.requirement("RBAC-SCOPES-09")
def test_an_agent_may_be_kept_from_its_owners_personal_data() -> None:
    who = holder(["owner"], {ORG: []}, scope=agent_scope(A, B, C, ME, has_user_data=False))
    me = Object(ResourceType.USER, id=ME, owner_id=ME)
    assert is_allowed(who, Action.READ, me)
    assert not is_allowed(who, Action.READ_PERSONAL, me)
    assert not is_allowed(who, Action.UPDATE_PERSONAL, me)
    assert is_allowed(who, Action.START, Object(ResourceType.WORKSPACE, id=A, owner_id=ME))


@pytest.mark.parametrize("place", range(4))
def test_an_agents_scope_needs_all_its_ids(place: int) -> None:
    ids = [A, B, C, ME]
    ids[place] = NIL_ID
    with pytest.raises(ValueError, match="nil"):
        agent_scope(*ids)


NARROW = scope_for_key(["workspace:read"], [f"workspace:{A}"])


@pytest.mark.requirement("RBAC-SCOPES-10")
@pytest.mark.parametrize(
    ("outer", "inner", "is_covered"),
    [
        (scope_named("coder:all"), scope_named("coder:all"), True),
        (scope_named("coder:all"), NARROW, True),
        (scope_for_key(["all"], [f"workspace:{A}"]), scope_named("all"), False),
        (scope_for_key(["all"], [f"workspace:{A}"]), NARROW, True),
        (scope_named("workspace:read"), scope_named("workspace:read"), True),
        (scope_named("workspace:read"), scope_named("workspace:*"), False),
        (scope_named("workspace:*"), scope_named("workspace:read"), True),
        (scope_named("workspace:read"), NARROW, True),
        (NARROW, scope_named("workspace:read"), False),
        (NARROW, scope_for_key(["workspace:read"], [f"workspace:{A}", f"workspace:{B}"]), False),
        (scope_for_key(["workspace:read"], ["workspace:*"]), NARROW, True),
        (scope_for_key(["workspace:read"], [f"*:{A}"]), NARROW, True),
        (scope_for_key(["workspace:read"], [f"template:{A}"]), NARROW, False),
        (scope_named("coder:workspaces.access"), scope_named("coder:application_connect"), True),
        (scope_named("coder:apikeys.manage_self"), scope_named("api_key:*"), True),
        (scope_named("coder:apikeys.manage_self"), scope_named("coder:all"), False),
        (scope_for_key([f"template:{one}" for one in ACTIONS[ResourceType.TEMPLATE]]), scope_named("template:*"), True),
        (scope_for_key([]), scope_named("workspace:read"), False),
        (scope_named("workspace:read"), scope_for_key([]), True),
    ],
)
def test_a_scope_covers_what_it_allows_itself(outer: Scope, inner: Scope, is_covered: bool) -> None:
    assert covers(outer, inner) is is_covered


@pytest.mark.requirement("RBAC-SCOPES-10")
def test_what_is_covered_allows_nothing_beyond() -> None:
    scopes = [scope_named(name) for name in sorted(EXTERNAL_SCOPE_NAMES)]
    for outer in scopes[::9]:
        kept = {pair for pair in PAIRS if is_allowed(holder(["owner"], scope=outer), pair[1], Object(pair[0], id=A))}
        for inner in scopes[::4]:
            if covers(outer, inner):
                who = holder(["owner"], scope=inner)
                assert {pair for pair in PAIRS if is_allowed(who, pair[1], Object(pair[0], id=A))} <= kept
