"""Wire shapes of a template's access list (spec: api-models, TemplateACL)."""

from uuid import UUID

import msgspec

from homeport.identity.schemas import ReducedUser, User
from homeport.templates.types import TemplateRole


class TemplateUser(User, kw_only=True):
    """A user and its role on the template."""

    role: TemplateRole


class TemplateGroup(msgspec.Struct, kw_only=True):
    """A group and its role on the template. `members` are the first hundred; the count is of all."""

    id: UUID
    name: str
    display_name: str
    organization_id: UUID
    organization_name: str
    organization_display_name: str
    members: list[ReducedUser]
    total_member_count: int
    avatar_url: str
    quota_allowance: int
    source: str
    role: TemplateRole


class TemplateACL(msgspec.Struct):
    """Who may use or administer the template beyond the holders of roles."""

    users: list[TemplateUser]
    group: list[TemplateGroup]


class UpdateTemplateACL(msgspec.Struct, frozen=True):
    """Changes by id of the user or group; an empty role takes the entry away."""

    user_perms: dict[UUID, TemplateRole] | None = None
    group_perms: dict[UUID, TemplateRole] | None = None
