"""Wire shapes of a template's access list (spec: api-models, TemplateACL)."""

from uuid import UUID

import msgspec

from homeport.identity.schemas import ReducedUser, User
from homeport.organizations.schemas import Group
from homeport.templates.types import TemplateRole


class TemplateUser(User, kw_only=True):
    """A user and its role on the template."""

    role: TemplateRole


class TemplateGroup(Group, kw_only=True):
    """A group and its role on the template."""

    role: TemplateRole


class ACLAvailable(msgspec.Struct):
    """Whom a template's access list could name: a page of people, and one of groups."""

    users: list[ReducedUser]
    groups: list[Group]


class TemplateACL(msgspec.Struct):
    """Who may use or administer the template beyond the holders of roles."""

    users: list[TemplateUser]
    group: list[TemplateGroup]


class UpdateTemplateACL(msgspec.Struct, frozen=True):
    """Changes by id of the user or group; an empty role takes the entry away."""

    user_perms: dict[UUID, TemplateRole] | None = None
    group_perms: dict[UUID, TemplateRole] | None = None
