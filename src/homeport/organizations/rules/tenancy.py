"""The objects that decisions about organizations speak of, and which of their roles exist."""

import re
from collections.abc import Collection, Iterable
from uuid import UUID

from homeport.kit.errors import invalid_field
from homeport.kit.names import validate_display_name, validate_name, validate_text
from homeport.organizations.types import DEFAULT_ORGANIZATION_ALIAS, EVERYONE, MOST_ALLOWANCE, GroupRow
from homeport.rbac import Action, Object, ResourceType

ORGANIZATION_MEMBER_ROLE = "organization-member"
MAX_DESCRIPTION = 1024
MAX_ICON = 256
# Names of groups come from identity providers as well, where they are long.
MOST_GROUP_NAME = 255
MOST_AVATAR_URL = 2048
_AVATAR = re.compile(r"(?:https?://[^\s/\x00-\x1f]+|/(?!/))[^\s\x00-\x1f]*\Z")


def organization_object(organization_id: UUID | None = None) -> Object:
    """An organization; it lies in itself. None stands for one that does not exist yet."""
    if organization_id is None:
        return Object(ResourceType.ORGANIZATION)
    return Object(ResourceType.ORGANIZATION, id=organization_id, organization_id=organization_id)


def validate_organization_name(name: str) -> str:
    """Return `name`, or raise a 400 for what is none, or would be taken for something else where paths name organizations."""
    if name.lower() == DEFAULT_ORGANIZATION_ALIAS:
        raise invalid_field("name", f"'{name}' means the default organization everywhere; choose another name.")
    validate_name(name)
    try:
        UUID(name)
    except ValueError:
        return name
    raise invalid_field("name", "This name would be taken for an id; choose another.")


def member_object(organization_id: UUID, user_id: UUID | None = None) -> Object:
    """A membership, which the member owns; None stands for one that does not exist yet."""
    if user_id is None:
        return Object(ResourceType.ORGANIZATION_MEMBER, organization_id=organization_id)
    return Object(ResourceType.ORGANIZATION_MEMBER, id=user_id, owner_id=user_id, organization_id=organization_id)


def role_object(organization_id: UUID) -> Object:
    """The giving and taking of an organization's roles."""
    return Object(ResourceType.ASSIGN_ORG_ROLE, organization_id=organization_id)


def group_object(organization_id: UUID, group_id: UUID | None = None) -> Object:
    """A group, which its members may read; None stands for one that does not exist yet."""
    if group_id is None:
        return Object(ResourceType.GROUP, organization_id=organization_id)
    return Object(
        ResourceType.GROUP,
        id=group_id,
        organization_id=organization_id,
        group_acl={str(group_id): [Action.READ.value]},
    )


def sync_object(organization_id: UUID | None = None) -> Object:
    """The settings of what a provider's claims mean: of an organization, or None for the deployment's."""
    return Object(ResourceType.IDPSYNC_SETTINGS, organization_id=organization_id)


def check_group(group: GroupRow) -> None:
    """Raise a 400 for the first field of a group, new or changed, that is not valid."""
    if not group.is_everyone:
        validate_name(group.name, most=MOST_GROUP_NAME)
        if group.name.lower() == EVERYONE.lower():
            raise invalid_field(
                "name", f"The name '{EVERYONE}' is reserved for the group of all members; choose another."
            )
    validate_display_name(group.display_name)
    validate_text(group.avatar_url, "avatar_url", most=MOST_AVATAR_URL)
    if group.avatar_url and not _AVATAR.match(group.avatar_url):
        raise invalid_field(
            "avatar_url", "Give the http(s) address of a picture, or a path of this server that begins with '/'."
        )
    if not 0 <= group.quota_allowance <= MOST_ALLOWANCE:
        raise invalid_field("quota_allowance", f"Give a whole number from 0 to {MOST_ALLOWANCE}.")


def wanted_roles(names: Iterable[str], known: Collection[str]) -> set[str]:
    """Return the role names without the implied one, or raise a 400 for one that this organization does not have."""
    wanted = set(names)
    for name in wanted:
        if ":" in name:
            raise invalid_field("roles", "Name a role of this organization without the organization's id.")
        if name not in known:
            raise invalid_field("roles", f"{name[:64]!r} is not a supported role of this organization.")
    return wanted - {ORGANIZATION_MEMBER_ROLE}
