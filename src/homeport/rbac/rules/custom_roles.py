"""What a custom role may hold (spec: authorization-and-data 10, 27.3 and 29 #17887).

Custom roles belong to one organization and only ever grant what their author holds there.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from homeport.kit.errors import FieldError
from homeport.kit.names import is_valid_name
from homeport.rbac.rules.decisions import is_allowed
from homeport.rbac.rules.roles import RESERVED_ROLE_NAMES
from homeport.rbac.rules.subjects import Subject
from homeport.rbac.types import ACTIONS, Action, Grants, Object, Permission, ResourceType, Role

SITE_ONLY_TYPES = frozenset(
    {
        ResourceType.API_KEY,
        ResourceType.ASSIGN_ROLE,
        ResourceType.CRYPTO_KEY,
        ResourceType.DEBUG_INFO,
        ResourceType.DEPLOYMENT_CONFIG,
        ResourceType.DEPLOYMENT_STATS,
        ResourceType.LICENSE,
        ResourceType.NOTIFICATION_MESSAGE,
        ResourceType.NOTIFICATION_PREFERENCE,
        ResourceType.NOTIFICATION_TEMPLATE,
        ResourceType.OAUTH2_APP,
        ResourceType.OAUTH2_APP_CODE_TOKEN,
        ResourceType.OAUTH2_APP_SECRET,
        ResourceType.REPLICAS,
        ResourceType.SYSTEM,
        ResourceType.TAILNET_COORDINATOR,
        ResourceType.USER,
        ResourceType.WEBPUSH_SUBSCRIPTION,
        ResourceType.WORKSPACE_PROXY,
    }
)
"""Types whose objects are in no organization: a permission on them in an organization's role would never apply."""


def custom_role(
    name: str,
    organization_id: UUID | None,
    *,
    display_name: str = "",
    site: Iterable[Permission] = (),
    organization: Iterable[Permission] = (),
    user: Iterable[Permission] = (),
) -> Role:
    """Compile a stored custom role. Keep the result while the row is unchanged: compiling costs some microseconds."""
    grants = Grants(site=site, organization=organization, user=user)
    return Role(name=name, grants=grants, organization_id=organization_id, display_name=display_name)


def read_permissions(stored: Iterable[Mapping[str, Any]]) -> tuple[Permission, ...]:
    """Read permissions from their JSON form, without those that this version does not know: they could not apply."""
    found = []
    for item in stored:
        type_, action = str(item.get("resource_type")), str(item.get("action"))
        if type_ in ResourceType._value2member_map_ and action in Action._value2member_map_:
            found.append(Permission(ResourceType(type_), Action(action), bool(item.get("negate", False))))
    return tuple(found)


def find_custom_role_errors(
    author: Subject,
    *,
    organization_id: UUID,
    name: str,
    site: Iterable[Permission] = (),
    organization: Iterable[Permission] = (),
    user: Iterable[Permission] = (),
) -> list[FieldError]:
    """Return what is wrong with a custom role that `author` wants to keep in an organization: nothing if it may be.

    That the author may create or update roles there at all (`assign_org_role`) is the caller's to require.
    """
    errors: list[FieldError] = []
    if name.lower() in RESERVED_ROLE_NAMES:
        errors.append(FieldError("name", f"{name!r} is the name of a built-in role."))
    elif not is_valid_name(name):
        errors.append(FieldError("name", "Use letters and digits, joined by single hyphens."))
    if tuple(site):
        errors.append(FieldError("site_permissions", "A role of an organization cannot have site permissions."))
    if tuple(user):
        errors.append(FieldError("user_permissions", "A role of an organization cannot have user permissions."))
    for permission in organization:
        reason = _find_fault(author, organization_id, permission)
        if reason:
            errors.append(FieldError("organization_permissions", reason))
    return errors


def _find_fault(author: Subject, organization_id: UUID, permission: Permission) -> str:
    type_, action = permission.resource_type, permission.action
    if permission.negate:
        return f"{type_}:{action} is negated; custom roles only grant."
    if type_ == ResourceType.WILDCARD or action == Action.WILDCARD:
        return f"{type_}:{action} has a wildcard; name each type and action."
    if type_ not in ACTIONS:
        return f"{type_!r} is not a resource type."
    if action not in ACTIONS[type_]:
        return f"{action!r} is not an action on {type_}."
    if type_ in SITE_ONLY_TYPES:
        return f"{type_} is not part of an organization, so the permission would never apply."
    if not is_allowed(author, action, Object(type_, organization_id=organization_id)):
        return f"You cannot grant {type_}:{action}, because you do not have it in this organization."
    return ""
