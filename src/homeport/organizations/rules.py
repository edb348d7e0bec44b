"""The objects that decisions about organizations speak of, and which of their roles exist."""

from collections.abc import Collection, Iterable
from uuid import UUID

from homeport.kit.errors import invalid_field
from homeport.rbac import Object, ResourceType

ORGANIZATION_MEMBER_ROLE = "organization-member"


def organization_object(organization_id: UUID) -> Object:
    """An organization; it lies in itself."""
    return Object(ResourceType.ORGANIZATION, id=organization_id, organization_id=organization_id)


def member_object(organization_id: UUID, user_id: UUID | None = None) -> Object:
    """A membership, which the member owns; None stands for one that does not exist yet."""
    if user_id is None:
        return Object(ResourceType.ORGANIZATION_MEMBER, organization_id=organization_id)
    return Object(ResourceType.ORGANIZATION_MEMBER, id=user_id, owner_id=user_id, organization_id=organization_id)


def role_object(organization_id: UUID) -> Object:
    """The giving and taking of an organization's roles."""
    return Object(ResourceType.ASSIGN_ORG_ROLE, organization_id=organization_id)


def wanted_roles(names: Iterable[str], known: Collection[str]) -> set[str]:
    """Return the role names without the implied one, or raise a 400 for one that this organization does not have."""
    wanted = set(names)
    for name in wanted:
        if ":" in name:
            raise invalid_field("roles", "Name a role of this organization without the organization's id.")
        if name not in known:
            raise invalid_field("roles", f"{name[:64]!r} is not a supported role of this organization.")
    return wanted - {ORGANIZATION_MEMBER_ROLE}
