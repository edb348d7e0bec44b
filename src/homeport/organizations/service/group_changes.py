"""Changing groups inside a transaction, whoever is behind it: people by the API, an identity provider by SCIM.

Nothing here asks whether the actor may. Each call leaves one entry in the audit log, or none where nothing has changed.
"""

from collections.abc import Collection
from uuid import UUID

import msgspec

from homeport.audit import AuditAction, AuditResource, attempt, declare, record
from homeport.database import CheckViolation, Connection, UniqueViolation
from homeport.kit import clock
from homeport.kit.errors import invalid_field
from homeport.kit.ids import new_id
from homeport.organizations.errors import (
    EveryoneIsFixed,
    GroupNameTaken,
    GroupNotFound,
    MembershipUnfit,
    OrganizationNotFound,
)
from homeport.organizations.queries import groups as queries
from homeport.organizations.rules import check_group
from homeport.organizations.types import AuditedGroup, GroupChange, GroupRow, GroupSource, MemberCandidate

# Of how many groups all members are in memory at once.
_AT_ONCE = 50

GROUP = declare("group", AuditedGroup, tracked=AuditedGroup.__struct_fields__)


def attempt_group(actor_id: UUID, action: AuditAction, group: GroupRow | None) -> None:
    """Say that the request is about this group, should it fail; nothing about one that is not there."""
    if group is not None:
        attempt(GROUP, subject_id=actor_id, action=action, resource=_resource(group))


async def create(
    conn: Connection,
    *,
    actor_id: UUID,
    organization_id: UUID,
    name: str,
    display_name: str = "",
    avatar_url: str = "",
    quota_allowance: int = 0,
    source: GroupSource = "user",
) -> GroupRow:
    """Make a group without members. Raises 400 for what is not valid, 404 without the organization, 409 for a taken name."""
    now = clock.now()
    group = GroupRow(
        id=new_id(),
        organization_id=organization_id,
        name=name,
        display_name=display_name,
        avatar_url=avatar_url,
        quota_allowance=quota_allowance,
        source=source,
        created_at=now,
        updated_at=now,
    )
    check_group(group)
    if not await queries.hold_organization(conn, organization_id):
        raise OrganizationNotFound
    try:
        async with conn.savepoint():
            group = await queries.insert_group(conn, group)
    except UniqueViolation:
        raise GroupNameTaken(name) from None
    await _record(conn, actor_id, AuditAction.CREATE, after=_audited(group, []), group=group, status_code=201)
    return group


async def lock(conn: Connection, group_id: UUID) -> GroupRow:
    """Return a group and hold it until the transaction ends, which the changes below ask for. Raises GroupNotFound."""
    group = await queries.lock_group(conn, group_id)
    if group is None:
        raise GroupNotFound
    return group


async def change(conn: Connection, *, actor_id: UUID, group: GroupRow, wanted: GroupChange) -> GroupRow:
    """Change a group, which the caller holds by `lock`, as wanted: in all points or in none.

    Raises 400 for what is not valid and for Everyone's name and members, 409 for a taken name, 412 for members who do not
    fit: not in the organization, in the group already, or not in it.
    """
    changed = _changed(group, wanted)
    if group.is_everyone and changed.name != group.name:
        raise EveryoneIsFixed("The Everyone group cannot be renamed; give it a display name instead.")
    if changed != group:
        check_group(changed)
    has_members = bool(wanted.add_users or wanted.remove_users)
    if group.is_everyone and has_members:
        raise EveryoneIsFixed("The Everyone group has all members of its organization; add or remove them there.")
    before = _audited(group, [] if group.is_everyone else await _members(conn, group.id))
    added, removed = await _member_changes(conn, group, wanted) if has_members else ([], [])
    if not (added or removed or changed != group):
        return group
    changed = await _store(conn, changed)
    await queries.delete_members(conn, group.id, removed)
    await _insert_members(conn, group.id, added)
    after = _audited(changed, await _members(conn, group.id) if added or removed else before.members)
    await _record(conn, actor_id, AuditAction.WRITE, before=before, after=after, group=changed)
    return changed


async def rename(
    conn: Connection, *, actor_id: UUID, group: GroupRow, name: str, display_name: str | None = None
) -> GroupRow:
    """Give a held group another name, and display name when one is given. Raises as `change`."""
    return await change(conn, actor_id=actor_id, group=group, wanted=GroupChange(name=name, display_name=display_name))


async def add_members(
    conn: Connection, *, actor_id: UUID, group: GroupRow, user_ids: Collection[UUID], is_idempotent: bool = False
) -> GroupRow:
    """Add members of the organization to a held group. Raises as `change`."""
    wanted = GroupChange(add_users=tuple(user_ids), is_idempotent=is_idempotent)
    return await change(conn, actor_id=actor_id, group=group, wanted=wanted)


async def move_member(
    conn: Connection,
    *,
    actor_id: UUID,
    organization_id: UUID,
    user_id: UUID,
    enters: Collection[UUID],
    leaves: Collection[UUID],
) -> None:
    """Put a member of the organization into some of its groups, and out of others; what is so, or gone, is passed over.

    The number of statements hardly grows with that of groups: one for each entry in the audit log. Raises as `change`.
    """
    ids = sorted({*enters, *leaves})
    if enters:
        await _require_candidates(conn, organization_id, [user_id])
    for start in range(0, len(ids), _AT_ONCE):
        await _move(conn, actor_id, user_id, ids[start : start + _AT_ONCE], frozenset(enters))


async def delete(conn: Connection, *, actor_id: UUID, group: GroupRow) -> None:
    """Delete a held group; it leaves access lists and budgets. Raises 400 for Everyone."""
    if group.is_everyone:
        raise EveryoneIsFixed("The Everyone group cannot be deleted; it goes with its organization.")
    before = _audited(group, await _members(conn, group.id))
    await queries.delete_group(conn, group.id)
    await _record(conn, actor_id, AuditAction.DELETE, before=before, group=group)


def _changed(group: GroupRow, wanted: GroupChange) -> GroupRow:
    given = {
        field: value
        for field in ("name", "display_name", "avatar_url", "quota_allowance")
        if (value := getattr(wanted, field)) is not None
    }
    return msgspec.structs.replace(group, **given)


async def _store(conn: Connection, changed: GroupRow) -> GroupRow:
    try:
        async with conn.savepoint():
            return await queries.update_group(conn, changed, clock.now())
    except UniqueViolation:
        raise GroupNameTaken(changed.name) from None


async def _member_changes(conn: Connection, group: GroupRow, wanted: GroupChange) -> tuple[list[UUID], list[UUID]]:
    """Return whom to add and whom to remove, or raise for the first who does not fit."""
    both = set(wanted.add_users) & set(wanted.remove_users)
    if both:
        raise invalid_field("add_users", f"{min(both)} stands in remove_users as well; name it in one of them.")
    present = await queries.list_member_ids(conn, group.id)
    if not wanted.is_idempotent:
        _refuse_misplaced(wanted, present)
    added = sorted(set(wanted.add_users) - present)
    await _require_candidates(conn, group.organization_id, added)
    return added, sorted(set(wanted.remove_users) & present)


def _refuse_misplaced(wanted: GroupChange, present: set[UUID]) -> None:
    seen = set(present)
    for user_id in wanted.add_users:
        if user_id in seen:
            raise MembershipUnfit("add_users", f"{user_id} is in the group already, or named twice.")
        seen.add(user_id)
    left = set(present)
    for user_id in wanted.remove_users:
        if user_id not in left:
            raise MembershipUnfit("remove_users", f"{user_id} is not in the group, or named twice.")
        left.remove(user_id)


async def _require_candidates(conn: Connection, organization_id: UUID, user_ids: list[UUID]) -> None:
    if not user_ids:
        return
    people = {person.id: person for person in await queries.hold_candidates(conn, organization_id, user_ids)}
    missing = [user_id for user_id in user_ids if user_id not in people]
    groups = await queries.list_as_groups(conn, organization_id, missing) if missing else []
    if groups:
        raise invalid_field("add_users", f"{groups[0]} is a group. A group has people as members, no other groups.")
    if missing:
        raise MembershipUnfit(
            "add_users", f"{missing[0]} is not a member of this organization. Add the user there first."
        )
    system = [person for person in people.values() if person.is_system]
    if system:
        raise invalid_field("add_users", f"{system[0].id} is a system user, which cannot be in a group.")


async def _move(
    conn: Connection, actor_id: UUID, user_id: UUID, group_ids: Collection[UUID], wanted: Collection[UUID]
) -> None:
    """Make somebody a member of those of the groups that are wanted, and of no other one of them."""
    held = {group.id: group for group in await queries.lock_groups(conn, group_ids)}
    present = await queries.list_those_of_member(conn, user_id, held)
    enters = [group_id for group_id in held if group_id in wanted and group_id not in present]
    leaves = [group_id for group_id in held if group_id not in wanted and group_id in present]
    changed = [*enters, *leaves]
    if not changed:
        return
    before = await queries.list_member_names_of_several(conn, changed)
    try:
        async with conn.savepoint():
            await queries.move_member(conn, user_id, enters=enters, leaves=leaves, now=clock.now())
    except CheckViolation:
        raise _just_deleted() from None
    after = await queries.list_member_names_of_several(conn, changed)
    for group_id in changed:
        group = held[group_id]
        was, became = (_audited(group, _named(people[group_id])) for people in (before, after))
        await _record(conn, actor_id, AuditAction.WRITE, before=was, after=became, group=group)


async def _insert_members(conn: Connection, group_id: UUID, user_ids: list[UUID]) -> None:
    try:
        async with conn.savepoint():
            await queries.insert_members(conn, group_id, user_ids)
    except CheckViolation:
        raise _just_deleted() from None


def _just_deleted() -> MembershipUnfit:
    return MembershipUnfit("add_users", "An account among them has just been deleted.")


async def _members(conn: Connection, group_id: UUID) -> list[dict[str, str]]:
    return _named(await queries.list_member_names(conn, group_id))


def _named(people: Collection[MemberCandidate]) -> list[dict[str, str]]:
    return [{"user_id": str(person.id), "username": person.username} for person in people]


def _audited(group: GroupRow, members: list[dict[str, str]]) -> AuditedGroup:
    return AuditedGroup(
        id=group.id,
        name=group.name,
        display_name=group.display_name,
        avatar_url=group.avatar_url,
        quota_allowance=group.quota_allowance,
        members=members,
    )


async def _record(
    conn: Connection,
    actor_id: UUID,
    action: AuditAction,
    *,
    group: GroupRow,
    before: AuditedGroup | None = None,
    after: AuditedGroup | None = None,
    status_code: int = 200,
) -> None:
    await record(
        conn,
        subject_id=actor_id,
        action=action,
        resource=_resource(group),
        before=before,
        after=after,
        status_code=status_code,
    )


def _resource(group: GroupRow) -> AuditResource:
    return AuditResource(group.id, group.name, organization_id=group.organization_id, icon=group.avatar_url)
