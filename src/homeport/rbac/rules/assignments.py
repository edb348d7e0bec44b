"""Who may give and take which role, by name (spec: authorization-and-data 3.3).

This is one of two gates: the caller also needs `assign` or `unassign` on `assign_role` or, in the organization,
`assign_org_role`.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from homeport.rbac.rules.roles import (
    MEMBER,
    ORGANIZATION_ADMIN,
    ORGANIZATION_MEMBER,
    ORGANIZATION_ROLE_NAMES,
    ORGANIZATION_USER_ADMIN,
    OWNER,
    RESERVED_ROLE_NAMES,
    SITE_ROLE_NAMES,
    USER_ADMIN,
)
from homeport.rbac.types import RoleName

SYSTEM_ROLE: Final = "system"
CUSTOM_SITE_ROLE: Final = "custom-site-role"
CUSTOM_ORGANIZATION_ROLE: Final = "custom-organization-role"

_EVERY_ROLE = frozenset((*SITE_ROLE_NAMES, *ORGANIZATION_ROLE_NAMES, CUSTOM_SITE_ROLE, CUSTOM_ORGANIZATION_ROLE))

ASSIGNABLE: Final[Mapping[str, frozenset[str]]] = {
    SYSTEM_ROLE: _EVERY_ROLE,
    OWNER: _EVERY_ROLE,
    USER_ADMIN: frozenset((MEMBER, ORGANIZATION_MEMBER)),
    ORGANIZATION_ADMIN: frozenset((*ORGANIZATION_ROLE_NAMES, CUSTOM_ORGANIZATION_ROLE)),
    ORGANIZATION_USER_ADMIN: frozenset((ORGANIZATION_MEMBER,)),
}
"""What the holder of a role may give and take."""

_ACTORS_OF_ORGANIZATIONS = frozenset((ORGANIZATION_ADMIN, ORGANIZATION_USER_ADMIN))


def may_assign(actor_roles: Iterable[RoleName], role: RoleName) -> bool:
    """Tell whether `actor_roles` may give or take `role`. A role in an organization counts only for that one."""
    kind = role_kind(role)
    for actor in actor_roles:
        if kind not in ASSIGNABLE.get(actor.name, ()):
            continue
        if actor.organization_id is None:
            if actor.name not in _ACTORS_OF_ORGANIZATIONS:
                return True
        elif actor.organization_id == role.organization_id and actor.name in _ACTORS_OF_ORGANIZATIONS:
            return True
    return False


def role_kind(role: RoleName) -> str:
    """Return the name under which a role stands in `ASSIGNABLE`; empty for a built-in name at the wrong level."""
    built_in = SITE_ROLE_NAMES if role.organization_id is None else ORGANIZATION_ROLE_NAMES
    if role.name in built_in:
        return role.name
    if role.name in RESERVED_ROLE_NAMES:
        return ""
    return CUSTOM_SITE_ROLE if role.organization_id is None else CUSTOM_ORGANIZATION_ROLE
