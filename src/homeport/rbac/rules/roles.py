"""The built-in roles: who may do what (spec: authorization-and-data 3.1 and 3.2), and how role names become roles.

Each table is worked out once, when this module is loaded; the role of an organization shares its table with all others.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from homeport.rbac.errors import InvalidRoleName
from homeport.rbac.types import ACTIONS, Action, Grants, Permission, ResourceType, Role, RoleName

OWNER: Final = "owner"
MEMBER: Final = "member"
AUDITOR: Final = "auditor"
TEMPLATE_ADMIN: Final = "template-admin"
USER_ADMIN: Final = "user-admin"
ORGANIZATION_ADMIN: Final = "organization-admin"
ORGANIZATION_MEMBER: Final = "organization-member"
ORGANIZATION_AUDITOR: Final = "organization-auditor"
ORGANIZATION_USER_ADMIN: Final = "organization-user-admin"
ORGANIZATION_TEMPLATE_ADMIN: Final = "organization-template-admin"
ORGANIZATION_WORKSPACE_CREATION_BAN: Final = "organization-workspace-creation-ban"


def permissions(text: str, *, negate: bool = False) -> tuple[Permission, ...]:
    """Read `type:action,action type:*` into permissions. Raises ValueError on a pair that does not exist."""
    found = []
    for item in text.split():
        type_, _, actions = item.partition(":")
        for action in actions.split(","):
            permission = Permission(ResourceType(type_), Action(action), negate)
            if not exists(permission):
                raise ValueError(f"{item} is not a permission")
            found.append(permission)
    return tuple(found)


def exists(permission: Permission) -> bool:
    """Tell whether the permission speaks about something: the action is one of the type's, or a wildcard."""
    type_, action = permission.resource_type, permission.action
    if type_ == ResourceType.WILDCARD:
        return action == Action.WILDCARD or any(action in actions for actions in ACTIONS.values())
    return type_ in ACTIONS and (action == Action.WILDCARD or action in ACTIONS[type_])


def all_except(*types: ResourceType) -> tuple[Permission, ...]:
    """Return every action on every type but those named."""
    return tuple(Permission(type_, Action.WILDCARD) for type_ in ACTIONS if type_ not in types)


_WORKSPACES = (ResourceType.WORKSPACE, ResourceType.WORKSPACE_DORMANT, ResourceType.PREBUILT_WORKSPACE)
_DORMANT = "workspace_dormant:read,delete,create,update,stop,create_agent,delete_agent "
_PREBUILT = "prebuilt_workspace:update,delete "
_WORKSPACE_WITHOUT_ENTRY = "workspace:create,read,update,delete,start,stop,create_agent,delete_agent,share "
_GROUPS_AND_MEMBERS = "group:read group_member:read organization:read organization_member:read "
_PROVISIONER_DAEMON = "provisioner_daemon:create,read,update,delete "

_OWNER_ELSEWHERE = all_except(*_WORKSPACES) + permissions(_DORMANT + _PREBUILT)

_SITE: Final[Mapping[str, tuple[str, Grants]]] = {
    OWNER: ("Owner", Grants(site=_OWNER_ELSEWHERE + permissions("workspace:*"))),
    MEMBER: (
        "Member",
        Grants(
            site=permissions("assign_role:read oauth2_app:read workspace_proxy:read"),
            user=all_except(
                ResourceType.WORKSPACE_DORMANT,
                ResourceType.PREBUILT_WORKSPACE,
                ResourceType.USER,
                ResourceType.ORGANIZATION_MEMBER,
            )
            + permissions(_DORMANT + "user:read,read_personal,update_personal"),
        ),
    ),
    AUDITOR: (
        "Auditor",
        Grants(
            site=permissions(
                _GROUPS_AND_MEMBERS
                + "assign_org_role:read audit_log:read connection_log:read template:read,view_insights "
                "user:read deployment_stats:read deployment_config:read"
            )
        ),
    ),
    TEMPLATE_ADMIN: (
        "Template Admin",
        Grants(
            site=permissions(
                _GROUPS_AND_MEMBERS
                + _PREBUILT
                + _PROVISIONER_DAEMON
                + "assign_org_role:read template:* file:create,read "
                "workspace:read workspace_dormant:read user:read"
            )
        ),
    ),
    USER_ADMIN: (
        "User Admin",
        Grants(
            site=permissions(
                "assign_role:assign,unassign,read assign_org_role:assign,unassign,read user:* group:* "
                "group_member:read organization:read organization_member:* idpsync_settings:read,update"
            )
        ),
    ),
}

_OWNER_WITHOUT_ENTRY: Final = Grants(site=_OWNER_ELSEWHERE + permissions(_WORKSPACE_WITHOUT_ENTRY))
"""The owner where the deployment keeps owners out of other people's workspaces."""

_ORGANIZATION: Final[Mapping[str, tuple[str, Grants]]] = {
    ORGANIZATION_ADMIN: (
        "Organization Admin",
        Grants(
            site=permissions("user:read"),
            organization=all_except(*_WORKSPACES, ResourceType.ASSIGN_ROLE)
            + permissions(_WORKSPACE_WITHOUT_ENTRY + _DORMANT + _PREBUILT),
        ),
    ),
    ORGANIZATION_MEMBER: (
        "",
        Grants(
            organization=permissions("organization:read assign_org_role:read provisioner_daemon:read"),
            user=permissions("organization_member:read"),
        ),
    ),
    ORGANIZATION_AUDITOR: (
        "Organization Auditor",
        Grants(
            organization=permissions(
                _GROUPS_AND_MEMBERS + "audit_log:read connection_log:read template:read,view_insights"
            )
        ),
    ),
    ORGANIZATION_USER_ADMIN: (
        "Organization User Admin",
        Grants(
            site=permissions("user:read"),
            organization=permissions(
                "assign_org_role:assign,unassign,read organization:read organization_member:* group:* group_member:* "
                "idpsync_settings:read,update"
            ),
        ),
    ),
    ORGANIZATION_TEMPLATE_ADMIN: (
        "Organization Template Admin",
        Grants(
            organization=permissions(
                _GROUPS_AND_MEMBERS
                + _PREBUILT
                + _PROVISIONER_DAEMON
                + "template:* file:create,read workspace:read workspace_dormant:read "
                "provisioner_jobs:read,update,create"
            )
        ),
    ),
    ORGANIZATION_WORKSPACE_CREATION_BAN: (
        "Organization Workspace Creation Ban",
        Grants(organization=permissions("workspace:create,delete,create_agent,delete_agent", negate=True)),
    ),
}

_SITE_ROLES: Final[Mapping[str, Role]] = {
    name: Role(name=name, grants=grants, display_name=display_name) for name, (display_name, grants) in _SITE.items()
}
_RESTRAINED_OWNER: Final = Role(name=OWNER, grants=_OWNER_WITHOUT_ENTRY, display_name="Owner")

SITE_ROLE_NAMES: Final = tuple(_SITE)
ORGANIZATION_ROLE_NAMES: Final = tuple(_ORGANIZATION)
RESERVED_ROLE_NAMES: Final = frozenset((*SITE_ROLE_NAMES, *ORGANIZATION_ROLE_NAMES))


def site_role(name: str, *, can_owner_enter_workspaces: bool = True) -> Role:
    """Return a built-in role of the deployment. Raises InvalidRoleName when there is none of that name."""
    if name == OWNER and not can_owner_enter_workspaces:
        return _RESTRAINED_OWNER
    role = _SITE_ROLES.get(name)
    if role is None:
        raise InvalidRoleName(name, "there is no such role of the deployment")
    return role


def organization_role(name: str, organization_id: UUID) -> Role:
    """Return a built-in role in an organization. Raises InvalidRoleName when there is none of that name."""
    found = _ORGANIZATION.get(name)
    if found is None:
        raise InvalidRoleName(name, "there is no such role of an organization")
    return Role(name=name, grants=found[1], organization_id=organization_id, display_name=found[0])


def built_in_roles(organization_id: UUID | None = None) -> list[Role]:
    """List the built-in roles of the deployment, or of one organization, in the order to show them."""
    if organization_id is None:
        return list(_SITE_ROLES.values())
    return [organization_role(name, organization_id) for name in _ORGANIZATION]


def implied_roles(organization_ids: Iterable[UUID]) -> list[RoleName]:
    """Return the roles that nobody needs to be given: member, and organization-member where one belongs."""
    return [RoleName(MEMBER), *(RoleName(ORGANIZATION_MEMBER, id_) for id_ in organization_ids)]


def expand_roles(
    site: Iterable[str],
    organizations: Mapping[UUID, Sequence[str]],
    custom: Mapping[RoleName, Role] | None = None,
    *,
    can_owner_enter_workspaces: bool = True,
) -> list[Role]:
    """Turn stored role names into roles, the implied ones first.

    `site` are the names in a user's row, `organizations` the names in each membership (an empty list is a membership
    too), `custom` the custom roles by identity. Custom roles that are not there (deleted meanwhile) are dropped; a
    custom role can not take a built-in's name.
    """
    known = custom or {}
    roles = {MEMBER: _SITE_ROLES[MEMBER]}
    for name in site:
        if name in _SITE_ROLES:
            roles[name] = site_role(name, can_owner_enter_workspaces=can_owner_enter_workspaces)
        elif (role := known.get(RoleName(name))) is not None:
            roles[name] = role
    expanded = list(roles.values())
    for organization_id, names in organizations.items():
        for name in dict.fromkeys((ORGANIZATION_MEMBER, *names)):
            if name in _ORGANIZATION:
                expanded.append(organization_role(name, organization_id))
            elif (role := known.get(RoleName(name, organization_id))) is not None:
                expanded.append(role)
    return expanded
