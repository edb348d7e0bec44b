"""Pure decisions of organizations: objects and names, what claims say, and what they mean for people."""

from homeport.organizations.rules.tenancy import (
    MAX_DESCRIPTION,
    MAX_ICON,
    ORGANIZATION_MEMBER_ROLE,
    check_group,
    group_object,
    member_object,
    organization_object,
    role_object,
    sync_object,
    validate_organization_name,
    wanted_roles,
)

__all__ = [
    "MAX_DESCRIPTION",
    "MAX_ICON",
    "ORGANIZATION_MEMBER_ROLE",
    "check_group",
    "group_object",
    "member_object",
    "organization_object",
    "role_object",
    "sync_object",
    "validate_organization_name",
    "wanted_roles",
]
