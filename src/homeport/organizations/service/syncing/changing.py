"""Reading and changing the settings of the sync by API.

What is stored once is in force in place of the server's settings, as a whole. Changes of one kind in one place take turns.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar
from uuid import UUID

import msgspec

from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.errors import invalid_field
from homeport.kit.ids import NIL_ID, new_id
from homeport.organizations.queries import syncing as queries
from homeport.organizations.rules import ORGANIZATION_MEMBER_ROLE, sync_object
from homeport.organizations.rules.sync_settings import check_field, check_groups, check_mapping, new_targets
from homeport.organizations.service.organizations import resolve_organization
from homeport.organizations.service.syncing import stored
from homeport.organizations.service.trail import attempt_sync, record_sync
from homeport.organizations.service.views import list_roles
from homeport.organizations.types import GroupSync, OrganizationRow, OrganizationSync, RoleSync, SyncDefaults
from homeport.rbac import Action, RoleName, Subject, assignment_refusal, may_assign, require

NOUN = "sync settings"
S = TypeVar("S", OrganizationSync, GroupSync, RoleSync)
Change = Callable[[S], S]
# The field at fault where a target is not there: of whole settings, or of lines that are added.
Blamed = Literal["mapping", "add"]


async def get_organization_sync(db: Database, defaults: SyncDefaults, *, subject: Subject) -> OrganizationSync:
    """Return what is in force for the deployment. Needs idpsync_settings:read."""
    require(subject, Action.READ, sync_object(), noun=NOUN)
    async with db.connection() as conn:
        return await stored.organization_sync(conn, defaults)


async def get_group_sync(db: Database, defaults: SyncDefaults, *, subject: Subject, organization: str) -> GroupSync:
    """Return what is in force for an organization's groups. Needs idpsync_settings:read there."""
    async with db.connection() as conn:
        place = await _place(conn, subject, organization, Action.READ)
        return await stored.group_sync(conn, defaults, place)


async def get_role_sync(db: Database, *, subject: Subject, organization: str) -> RoleSync:
    """Return what is in force for an organization's roles. Needs idpsync_settings:read there."""
    async with db.connection() as conn:
        return await stored.role_sync(conn, (await _place(conn, subject, organization, Action.READ)).id)


async def change_organization_sync(
    db: Database,
    defaults: SyncDefaults,
    *,
    subject: Subject,
    change: Change[OrganizationSync],
    blamed: Blamed = "mapping",
) -> OrganizationSync:
    """Change what is in force for the deployment. Needs idpsync_settings:update. Raises 400 for what is not valid."""
    attempt_sync(subject.id, "organization")
    require(subject, Action.UPDATE, sync_object(), noun=NOUN)
    async with db.transaction() as conn:
        await _take_turn(conn, "organization", NIL_ID)
        before = await stored.organization_sync(conn, defaults)
        after = _checked(change(before))
        await _require_known(
            after, before, lambda ids: queries.list_live_organizations(conn, ids), "organization", blamed
        )
        await _save(conn, subject, "organization", NIL_ID, before, after)
    return after


async def change_group_sync(
    db: Database,
    defaults: SyncDefaults,
    *,
    subject: Subject,
    organization: str,
    change: Change[GroupSync],
    blamed: Blamed = "mapping",
) -> GroupSync:
    """Change what is in force for an organization's groups. Needs idpsync_settings:update there. Raises 400 as above."""
    async with db.transaction() as conn:
        place = await _place_to_change(conn, subject, organization, "group")
        before = await stored.group_sync(conn, defaults, place)
        after = check_groups(_checked(change(before)))
        await _require_known(
            after,
            before,
            lambda ids: queries.list_groups_by_id(conn, place.id, ids),
            "group in this organization",
            blamed,
        )
        if any(place.id in targets for targets in after.mapping.values()):
            raise invalid_field(blamed, "The Everyone group has all members of its organization; map to other groups.")
        await _save(conn, subject, "group", place.id, before, after)
    return after


async def change_role_sync(
    db: Database, *, subject: Subject, organization: str, change: Change[RoleSync], blamed: Blamed = "mapping"
) -> RoleSync:
    """Change what is in force for an organization's roles. Needs idpsync_settings:update there, and rank.

    A claim can give every role of the organization by its name, so whoever sets one up may give every role.
    """
    async with db.transaction() as conn:
        place = await _place_to_change(conn, subject, organization, "role")
        before = await stored.role_sync(conn, place.id)
        after = _checked(change(before))
        names = {role.name for role in await list_roles(conn, place.id)} - {ORGANIZATION_MEMBER_ROLE}
        added = new_targets(before.mapping, after.mapping)
        for name in sorted(added - names):
            raise invalid_field(blamed, f"{name[:64]!r} is no role of this organization that members are given.")
        # Without a field a mapping waits for somebody to name one, who might not look at it.
        _require_rank(subject, place.id, names if after.field else added)
        await _save(conn, subject, "role", place.id, before, after)
    return after


async def _place(conn: Connection, subject: Subject, organization: str, action: Action) -> OrganizationRow:
    found = await resolve_organization(conn, subject, organization)
    require(subject, action, sync_object(found.id), noun=NOUN)
    return found


async def _place_to_change(
    conn: Connection, subject: Subject, organization: str, kind: queries.Kind
) -> OrganizationRow:
    found = await resolve_organization(conn, subject, organization)
    attempt_sync(subject.id, kind, organization_id=found.id)
    require(subject, Action.UPDATE, sync_object(found.id), noun=NOUN)
    await _take_turn(conn, kind, found.id)
    return found


async def _take_turn(conn: Connection, kind: queries.Kind, organization_id: UUID) -> None:
    await conn.lock(f"organizations:sync:{kind}:{organization_id}")


def _checked(settings: S) -> S:
    return msgspec.structs.replace(settings, field=check_field(settings.field), mapping=check_mapping(settings.mapping))


async def _require_known(
    after: OrganizationSync | GroupSync,
    before: OrganizationSync | GroupSync,
    find: Callable[[set[UUID]], Awaitable[set[UUID]]],
    noun: str,
    blamed: Blamed,
) -> None:
    """Refuse targets that come with the change and are not there."""
    added = new_targets(before.mapping, after.mapping)
    for target in sorted(added - await find(added)):
        raise invalid_field(blamed, f"There is no {noun} with the id {target}.")


def _require_rank(subject: Subject, organization_id: UUID, names: set[str]) -> None:
    for name in sorted(names):
        role = RoleName(name, organization_id)
        if not may_assign(subject.role_names, role):
            raise assignment_refusal(subject, role)


async def _save(
    conn: Connection, subject: Subject, kind: queries.Kind, organization_id: UUID, before: S, after: S
) -> None:
    row_id = await queries.save_settings(
        conn,
        row_id=new_id(),
        kind=kind,
        organization_id=organization_id,
        settings=msgspec.to_builtins(after),
        now=clock.now(),
    )
    await record_sync(
        conn, subject.id, kind, row_id=row_id, organization_id=organization_id, before=before, after=after
    )
