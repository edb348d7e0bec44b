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
    RoleName,
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


_RUNNING = (
    "workspace:delete,read,update,start,stop,create_agent,delete_agent "
    "workspace_dormant:delete,read,update,stop,create_agent,delete_agent "
)
# What stands in the table of the reference, then what this server's jobs need beside it.
EXACTLY = {
    "provisionerd": _RUNNING
    + "file:read system:* template:read,update user:read,read_personal,update_personal api_key:* "
    "organization:read group:read notification_message:create,read workspace_agent_resource_monitor:create "
    "prebuilt_workspace:update,delete workspace_agent_devcontainers:create provisioner_jobs:read,update,create "
    # A daemon reports as itself.
    "provisioner_daemon:read,update",
    "autostart": _RUNNING + "notification_message:create,read system:* template:read,update user:read "
    # To ask for a build is to read its archive and to put a job into a queue.
    "file:read organization:read provisioner_jobs:read,create provisioner_daemon:read",
    "reaper": "system:* template:read workspace:read,update provisioner_jobs:read,update",
    "key-rotator": "crypto_key:*",
    "key-reader": "crypto_key:*",
    "notifier": "notification_message:*",
    "provisioner-daemon-reader": "provisioner_daemon:read",
    "file-reader": "file:read",
    "prebuilds": "template:read,update,use workspace:create,read,update,delete,start,stop prebuilt_workspace:update,delete "
    "organization:read organization_member:create,read assign_org_role:assign,read user:read group:read group_member:read "
    "file:read provisioner_jobs:read,create provisioner_daemon:read",
    "scim": "user:create,read,update,delete organization:read organization_member:create,read "
    "group:create,read,update,delete group_member:read",
    "system-restricted": "api_key:* group:create,update assign_role:* assign_org_role:* system:* organization:create "
    "organization_member:create,delete provisioner_daemon:create,update user:* workspace_dormant:update,delete,stop "
    "workspace:update,delete,start,stop,ssh workspace_proxy:create,update,delete deployment_config:update "
    "notification_message:create,update,delete notification_template:update notification_preference:update "
    "crypto_key:create,update,delete",
}


def spelled(text: str) -> set[str]:
    """Return `type:action,action type:*` as single permissions."""
    found: set[str] = set()
    for item in text.split():
        type_, _, actions = item.partition(":")
        names = ACTIONS[R(type_)] if actions == "*" else actions.split(",")
        found |= {f"{type_}:{action}" for action in names}
    return found


@pytest.mark.requirement("RBAC-INTERNAL-01")
@pytest.mark.parametrize("name", list(InternalName))
def test_each_internal_subject_holds_exactly_this(name: InternalName) -> None:
    expected = spelled(EXACTLY[name])
    if name == InternalName.SYSTEM_RESTRICTED:
        expected |= {f"{type_}:read" for type_, actions in ACTIONS.items() if Action.READ in actions}
    assert held(name) == expected


@pytest.mark.requirement("RBAC-INTERNAL-01")
def test_internal_subjects_act_at_the_level_of_the_deployment_alone() -> None:
    for name in InternalName:
        who = system_subject(name)
        assert who.organization_ids == frozenset()
        assert who.scope.is_unrestricted
        for role in who.roles:
            assert not role.grants.organization_permissions
            assert not role.grants.user_permissions


@pytest.mark.requirement("RBAC-INTERNAL-01")
def test_an_identity_provider_keeps_accounts_and_groups_and_outranks_all_without_giving_roles() -> None:
    assert held("scim") == {
        *(f"user:{action}" for action in ("create", "read", "update", "delete")),
        *(f"group:{action}" for action in ("create", "read", "update", "delete")),
        "group_member:read", "organization:read", "organization_member:create", "organization_member:read",
    }  # fmt: skip
    names = system_subject("scim").role_names
    assert may_assign(names, RoleName("owner"))
    assert may_assign(names, organization_role("organization-admin", ORG).role_name)


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
