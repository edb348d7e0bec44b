"""The server's own subjects hold what their jobs need, and nothing beside."""

from uuid import UUID

import pytest

from homeport.kit.ids import NIL_ID
from homeport.rbac import (
    ACTIONS,
    PREBUILDS_USER_ID,
    Action,
    InternalName,
    Object,
    ResourceType,
    is_allowed,
    may_assign,
    organization_role,
    sub_agent_subject,
    system_subject,
)
from tests.homeport.rbac.people import ME, ORG, OTHER_ORG, SOMEBODY

R = ResourceType
WORKSPACE = UUID(int=0xA)


def held(name: str) -> set[str]:
    """Return the permissions that an internal subject has on a foreign object."""
    who = system_subject(name)
    return {
        f"{type_}:{action}"
        for type_, actions in ACTIONS.items()
        for action in actions
        if is_allowed(who, action, Object(type_, id=SOMEBODY, owner_id=SOMEBODY, organization_id=ORG))
    }


def every(type_: R) -> set[str]:
    return {f"{type_}:{action}" for action in ACTIONS[type_]}


@pytest.mark.requirement("RBAC-INTERNAL-01")
def test_small_jobs_hold_one_thing_each() -> None:
    assert held("file-reader") == {"file:read"}
    assert held("key-rotator") == held("key-reader") == every(R.CRYPTO_KEY)
    assert held("notifier") == every(R.NOTIFICATION_MESSAGE)
    assert held("provisioner-daemon-reader") == {"provisioner_daemon:read"}
    assert held("reaper") == every(R.SYSTEM) | {
        "template:read", "workspace:read", "workspace:update", "provisioner_jobs:read", "provisioner_jobs:update"
    }  # fmt: skip


@pytest.mark.requirement("RBAC-INTERNAL-02")
@pytest.mark.parametrize("name", ["provisionerd", "autostart"])
def test_builds_of_dormant_workspaces_may_handle_their_agents(name: str) -> None:
    permissions = held(name)
    for type_ in (R.WORKSPACE, R.WORKSPACE_DORMANT):
        assert {f"{type_}:{action}" for action in ("create_agent", "delete_agent", "stop", "update")} <= permissions
    assert "workspace:ssh" not in permissions
    assert "workspace:application_connect" not in permissions
    assert "workspace:create" not in permissions
    assert "user:update" not in permissions


@pytest.mark.requirement("RBAC-INTERNAL-01")
def test_the_restricted_system_reads_everything_and_writes_what_it_must() -> None:
    permissions = held("system-restricted")
    assert {f"{type_}:read" for type_, actions in ACTIONS.items() if Action.READ in actions} <= permissions
    assert every(R.API_KEY) | every(R.USER) | every(R.ASSIGN_ROLE) | every(R.ASSIGN_ORG_ROLE) <= permissions
    assert permissions.isdisjoint({"template:update", "license:create", "workspace:create", "organization:delete"})
    assert may_assign(
        system_subject("system-restricted").role_names, organization_role("organization-admin", ORG).role_name
    )


@pytest.mark.requirement("RBAC-INTERNAL-03")
def test_prebuilds_act_as_their_own_user() -> None:
    who = system_subject(InternalName.PREBUILDS)
    assert who.id == PREBUILDS_USER_ID
    permissions = held("prebuilds")
    assert {
        "workspace:create",
        "template:use",
        "prebuilt_workspace:delete",
        "organization_member:create",
    } <= permissions
    assert permissions.isdisjoint({"workspace:ssh", "user:update", "template:delete"})


def test_internal_subjects_have_the_nil_id_and_are_made_once() -> None:
    for name in InternalName:
        who = system_subject(name)
        assert who is system_subject(name)
        assert who.kind == "system"
        assert who.friendly_name == name
        assert who.id == (PREBUILDS_USER_ID if name == InternalName.PREBUILDS else NIL_ID)
    with pytest.raises(ValueError, match="root"):
        system_subject("root")


@pytest.mark.requirement("RBAC-INTERNAL-04")
def test_an_agent_handles_sub_agents_of_its_own_workspace_alone() -> None:
    who = sub_agent_subject(owner_id=ME, organization_id=ORG, workspace_id=WORKSPACE)
    mine = Object(R.WORKSPACE, id=WORKSPACE, owner_id=ME, organization_id=ORG)
    allowed = {action for action in ACTIONS[R.WORKSPACE] if is_allowed(who, action, mine)}
    assert allowed == {Action.READ, Action.CREATE_AGENT, Action.DELETE_AGENT}
    others = [
        Object(R.WORKSPACE, id=SOMEBODY, owner_id=ME, organization_id=ORG),
        Object(R.WORKSPACE, id=WORKSPACE, owner_id=SOMEBODY, organization_id=ORG),
        Object(R.WORKSPACE, id=WORKSPACE, owner_id=ME, organization_id=OTHER_ORG),
    ]
    assert not any(is_allowed(who, Action.CREATE_AGENT, target) for target in others)
