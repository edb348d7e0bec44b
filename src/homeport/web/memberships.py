"""What somebody has in organizations, and the roles that one could be given, as boxes to choose."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import msgspec

from homeport.database import Database
from homeport.identity.schemas import AssignableRoles
from homeport.kit.errors import HomeportError
from homeport.organizations.schemas import Group, Organization
from homeport.organizations.service.groups import list_groups
from homeport.organizations.service.members import resolve_owner
from homeport.organizations.service.organizations import list_organizations
from homeport.organizations.types import ResolvedMember
from homeport.rbac import Subject, built_in_roles
from homeport.workspaces.schemas import WorkspaceQuota
from homeport.workspaces.service.quotas import get_quota

# Of somebody in more organizations than that, quotas are on the pages of each.
_MOST_QUOTAS = 20
_ROLE_WORDS = {role.name: role.display_name for role in built_in_roles(UUID(int=0))}


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """Roles (in words), groups and quota of a member in an organization, so far as the asker may see them."""

    organization: Organization
    roles: list[str]
    groups: list[Group]
    quota: WorkspaceQuota | None = None


class RoleBox(msgspec.Struct, frozen=True):
    """A role as a checkbox. `reason` says why it is closed; empty when it can be chosen."""

    name: str
    words: str
    is_chosen: bool
    is_custom: bool
    reason: str


async def load_member(db: Database, subject: Subject, user: str) -> ResolvedMember:
    """Return a user with the memberships that the asker may read. Raises 404."""
    async with db.connection() as conn:
        return await resolve_owner(conn, subject, user)


async def own_memberships(db: Database, subject: Subject) -> list[Membership]:
    """Return what the asker has in each organization."""
    member = await load_member(db, subject, "me")
    return await list_memberships(db, subject, member, has_quota=len(member.memberships) <= _MOST_QUOTAS)


async def list_memberships(
    db: Database,
    subject: Subject,
    member: ResolvedMember,
    *,
    organization_id: UUID | None = None,
    has_quota: bool = False,
) -> list[Membership]:
    """Return what a user has in the organizations that the asker may see, by the organization's name.

    Quotas cost queries for each organization and are left out unless asked for.
    """
    known = {each.id: each for each in await list_organizations(db, subject=subject)}
    groups = await _groups_of(db, subject, member)
    found = []
    for row in member.memberships:
        place = known.get(row.organization_id)
        if place is None or (organization_id is not None and row.organization_id != organization_id):
            continue
        found.append(
            Membership(
                organization=place,
                roles=role_words(row.roles),
                groups=[group for group in groups if group.organization_id == place.id],
                quota=await find_quota(db, subject, member, place) if has_quota else None,
            )
        )
    return sorted(found, key=lambda each: each.organization.name)


async def find_quota(
    db: Database, subject: Subject, member: ResolvedMember, place: Organization
) -> WorkspaceQuota | None:
    """Return what a member spends and may spend, or None for whoever may not know."""
    try:
        return await get_quota(db, subject=subject, user=str(member.user_id), organization=str(place.id))
    except HomeportError:
        return None


def role_words(names: Iterable[str]) -> list[str]:
    """Return names of an organization's roles as people read them; custom ones by their name."""
    return [_ROLE_WORDS.get(name) or name for name in names]


def role_boxes(roles: Iterable[AssignableRoles], chosen: Collection[str]) -> list[RoleBox]:
    """Return the roles as boxes; those that the asker may neither give nor take are closed."""
    return [
        RoleBox(
            each.name,
            each.display_name or each.name,
            each.name in chosen,
            not each.built_in,
            "" if each.assignable else "Your own roles do not let you give or take it.",
        )
        for each in roles
    ]


def wanted_roles(boxes: Sequence[RoleBox], sent: Collection[str]) -> list[str]:
    """Return all roles that somebody shall have: browsers do not send closed boxes, and those stay as they are."""
    kept = {box.name for box in boxes if box.reason and box.is_chosen}
    return sorted(kept | set(sent))


async def _groups_of(db: Database, subject: Subject, member: ResolvedMember) -> list[Group]:
    try:
        return await list_groups(db, subject=subject, has_member=str(member.user_id))
    except HomeportError:
        return []
