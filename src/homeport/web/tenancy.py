"""The organization that a page is about: what the head of its pages shows, and what may be done there."""

from uuid import UUID

import msgspec

from homeport.database import Database
from homeport.identity.types import Identity
from homeport.organizations.rules import member_object, organization_object, role_object, sync_object
from homeport.organizations.schemas import Organization
from homeport.organizations.service.organizations import get_organization, list_organizations
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed

_MOST_OTHERS = 20


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """Which tabs and buttons the pages of an organization have; the services decide again when they are used."""

    can_list_members: bool
    can_add_members: bool
    can_remove_members: bool
    can_give_roles: bool
    can_list_groups: bool
    can_create_groups: bool
    can_read_roles: bool
    can_create_roles: bool
    can_update_roles: bool
    can_delete_roles: bool
    can_update: bool
    can_delete: bool
    can_read_audit: bool
    can_read_connections: bool
    can_read_sync: bool
    can_list_provisioners: bool


class Tab(msgspec.Struct, frozen=True):
    """A page of the organization, as the row of tabs links to it."""

    words: str
    path: str
    is_here: bool


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An organization as the head of its pages shows it. `others` are further ones that the person may turn to."""

    organization: Organization
    path: str
    can: Rights
    tabs: list[Tab]
    others: list[Organization]
    has_more: bool
    is_member: bool


async def load_place(db: Database, identity: Identity, value: str, tab: str = "") -> Place:
    """Return the organization that a path names; `tab` is the page's own part of the path. Raises 404."""
    subject = identity.subject
    found = await get_organization(db, subject=subject, value=value)
    others = [each for each in await list_organizations(db, subject=subject) if each.id != found.id]
    can, path = rights(subject, found.id), organization_path(found.name)
    own = set(identity.organization_ids)
    # Where a person belongs comes first: a deployment may have a thousand others.
    others.sort(key=lambda each: each.id not in own)
    return Place(
        organization=found,
        path=path,
        can=can,
        tabs=tabs(can, path, tab),
        others=others[:_MOST_OTHERS],
        has_more=len(others) > _MOST_OTHERS,
        is_member=found.id in own,
    )


def organization_path(name: str) -> str:
    """Return the path of an organization's pages. Names are letters, digits and hyphens."""
    return f"/organizations/{name}"


def rights(subject: Subject, organization_id: UUID) -> Rights:
    """Return what a person may do in an organization, so far as it does not depend on a single member or group."""
    member, role = member_object(organization_id), role_object(organization_id)
    group = Object(ResourceType.GROUP, organization_id=organization_id)
    organization = organization_object(organization_id)
    return Rights(
        can_list_members=is_allowed(subject, Action.READ, member),
        can_add_members=is_allowed(subject, Action.CREATE, member),
        can_remove_members=is_allowed(subject, Action.DELETE, member),
        can_give_roles=is_allowed(subject, Action.ASSIGN, role),
        can_list_groups=is_allowed(subject, Action.READ, group),
        can_create_groups=is_allowed(subject, Action.CREATE, group),
        can_read_roles=is_allowed(subject, Action.READ, role),
        can_create_roles=is_allowed(subject, Action.CREATE, role),
        can_update_roles=is_allowed(subject, Action.UPDATE, role),
        can_delete_roles=is_allowed(subject, Action.DELETE, role),
        can_update=is_allowed(subject, Action.UPDATE, organization),
        can_delete=is_allowed(subject, Action.DELETE, organization),
        can_read_audit=_may_read_log(subject, ResourceType.AUDIT_LOG, organization_id),
        can_read_sync=is_allowed(subject, Action.READ, sync_object(organization_id)),
        can_list_provisioners=is_allowed(
            subject, Action.READ, Object(ResourceType.PROVISIONER_DAEMON, organization_id=organization_id)
        ),
        can_read_connections=_may_read_log(subject, ResourceType.CONNECTION_LOG, organization_id),
    )


def tabs(can: Rights, path: str, here: str) -> list[Tab]:
    """Return the tabs of an organization's pages: only those that show the person something."""
    shown = (
        ("Overview", "", True),
        ("Members", "members", can.can_list_members),
        ("Groups", "groups", can.can_list_groups),
        ("Roles", "roles", can.can_read_roles),
        ("Provisioners", "provisioners", can.can_list_provisioners),
        ("Sign-in sync", "sync", can.can_read_sync),
        ("Settings", "settings", can.can_update or can.can_delete),
    )
    return [Tab(words, f"{path}/{part}" if part else path, part == here) for words, part, is_shown in shown if is_shown]


def _may_read_log(subject: Subject, type_: ResourceType, organization_id: UUID) -> bool:
    return is_allowed(subject, Action.READ, Object(type_, organization_id=organization_id))
