"""Subjects of the server itself: each job has no more than it needs (spec: authorization-and-data 3.4)."""

from enum import StrEnum
from functools import cache
from typing import Final
from uuid import UUID

from homeport.kit.ids import NIL_ID
from homeport.rbac.rules.assignments import SYSTEM_ROLE
from homeport.rbac.rules.roles import ORGANIZATION_MEMBER, organization_role, permissions
from homeport.rbac.rules.scopes import ALL, scope_for_key, scope_named
from homeport.rbac.rules.subjects import Subject
from homeport.rbac.types import AllowEntry, Grants, ResourceType, Role

PREBUILDS_USER_ID: Final = UUID("c42fdf75-3097-471c-8c33-fb52454d81c0")
"""The system user that owns prebuilt workspaces until they are claimed."""


class InternalName(StrEnum):
    """Names of the server's own subjects; what each may do stands below (spec: authorization-and-data 3.4)."""

    PROVISIONERD = "provisionerd"
    AUTOSTART = "autostart"
    REAPER = "reaper"
    KEY_ROTATOR = "key-rotator"
    KEY_READER = "key-reader"
    NOTIFIER = "notifier"
    PROVISIONER_DAEMON_READER = "provisioner-daemon-reader"
    FILE_READER = "file-reader"
    PREBUILDS = "prebuilds"
    SYSTEM_RESTRICTED = "system-restricted"
    SCIM = "scim"


# Builds create and delete agents of dormant workspaces too (a stop build does), hence both types name those actions.
_BUILD = (
    "workspace:delete,read,update,start,stop,create_agent,delete_agent "
    "workspace_dormant:delete,read,update,stop,create_agent,delete_agent "
)

_PERMISSIONS: Final[dict[InternalName, str]] = {
    InternalName.PROVISIONERD: _BUILD
    + "file:read system:* template:read,update user:read,read_personal,update_personal api_key:* organization:read "
    "group:read notification_message:create,read workspace_agent_resource_monitor:create "
    "workspace_agent_devcontainers:create prebuilt_workspace:update,delete "
    "provisioner_jobs:read,update,create provisioner_daemon:read,update",
    InternalName.AUTOSTART: _BUILD
    + "notification_message:create,read system:* template:read,update user:read file:read organization:read "
    "provisioner_jobs:read,create provisioner_daemon:read",
    InternalName.REAPER: "system:* template:read workspace:read,update provisioner_jobs:read,update",
    InternalName.KEY_ROTATOR: "crypto_key:*",
    InternalName.KEY_READER: "crypto_key:*",
    InternalName.NOTIFIER: "notification_message:*",
    InternalName.PROVISIONER_DAEMON_READER: "provisioner_daemon:read",
    InternalName.FILE_READER: "file:read",
    InternalName.PREBUILDS: "template:read,update,use workspace:create,read,update,delete,start,stop "
    "prebuilt_workspace:update,delete organization:read organization_member:create,read assign_org_role:assign,read "
    "user:read group:read group_member:read file:read provisioner_jobs:read,create provisioner_daemon:read",
    InternalName.SYSTEM_RESTRICTED: "*:read api_key:* group:create,update assign_role:* assign_org_role:* system:* "
    "organization:create organization_member:create,delete provisioner_daemon:create,update user:* "
    "workspace_dormant:update,delete,stop workspace:update,delete,start,stop,ssh workspace_proxy:create,update,delete "
    "deployment_config:update notification_message:create,update,delete notification_template:update "
    "notification_preference:update crypto_key:create,update,delete",
    # What an identity provider keeps: accounts, their memberships, groups. It gives no roles.
    InternalName.SCIM: "user:create,read,update,delete organization:read organization_member:create,read "
    "group:create,read,update,delete group_member:read",
}

# Who outranks the holders of any role: somebody who has left is suspended by the identity provider whatever they held here.
_ABOVE_ALL_ROLES: Final = frozenset((InternalName.SYSTEM_RESTRICTED, InternalName.SCIM))

_SUB_AGENTS = Grants(
    user=permissions("workspace:read,create_agent,delete_agent workspace_dormant:read,create_agent,delete_agent")
)


@cache
def system_subject(name: str) -> Subject:
    """Return an internal subject. Raises ValueError when there is none of that name.

    They act at the level of the deployment, without scope, under the nil id; the prebuilds orchestrator under its
    user's.
    """
    name = InternalName(name)
    role_name = SYSTEM_ROLE if name in _ABOVE_ALL_ROLES else name.value
    role = Role(name=role_name, grants=Grants(site=permissions(_PERMISSIONS[name])), display_name=name.value)
    id_ = PREBUILDS_USER_ID if name == InternalName.PREBUILDS else NIL_ID
    return Subject.build(id_, roles=(role,), scope=scope_named(ALL), friendly_name=name.value, kind="system")


def sub_agent_subject(*, owner_id: UUID, organization_id: UUID, workspace_id: UUID) -> Subject:
    """Return who an agent is towards its sub-agents: its workspace's owner, for that purpose and workspace alone."""
    role = Role(name="sub-agents", grants=_SUB_AGENTS)
    return Subject.build(
        owner_id,
        roles=(role, organization_role(ORGANIZATION_MEMBER, organization_id)),
        scope=scope_for_key((ALL,), (AllowEntry(ResourceType.WILDCARD, workspace_id),)),
        friendly_name="sub-agents",
        kind="agent",
    )
