"""Groups of organizations: make, list, read, change, delete (spec: authorization-and-data 16).

What `group_changes` gives to callers with a transaction of their own stands here under the same names.
"""

from collections.abc import Sequence
from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection, Database
from homeport.kit.errors import NotFound, invalid_field
from homeport.kit.http import Page
from homeport.kit.names import is_storable
from homeport.organizations.errors import GroupNotFound
from homeport.organizations.queries import groups as queries
from homeport.organizations.rules import group_object
from homeport.organizations.schemas import CreateGroupRequest, Group, PatchGroupRequest
from homeport.organizations.service import group_changes
from homeport.organizations.service.group_changes import (
    add_members,
    attempt_group,
    change,
    create,
    delete,
    lock,
    rename,
)
from homeport.organizations.service.group_views import group_views, visible_members
from homeport.organizations.service.group_views import list_groups as list_visible
from homeport.organizations.service.members import resolve_owner
from homeport.organizations.service.organizations import resolve_organization
from homeport.organizations.types import GroupChange, GroupFilter, GroupRow
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, require

__all__ = [
    "add_members",
    "change",
    "create",
    "create_group",
    "delete",
    "delete_group",
    "get_group",
    "get_group_by_name",
    "list_groups",
    "list_groups_of_organization",
    "lock",
    "rename",
    "update_group",
]
_NOUN = "group"
MOST_IDS = 1000


async def create_group(db: Database, *, subject: Subject, organization: str, request: CreateGroupRequest) -> Group:
    """Make a group. Needs group:create. Raises 400 naming the field, 409 for a taken name."""
    async with db.transaction() as conn:
        place = await resolve_organization(conn, subject, organization)
        require(subject, Action.CREATE, group_object(place.id), noun=_NOUN)
        group = await create(
            conn,
            actor_id=subject.id,
            organization_id=place.id,
            name=request.name,
            display_name=request.display_name,
            avatar_url=request.avatar_url,
            quota_allowance=request.quota_allowance,
        )
        return await _view(conn, subject, group.id)


async def list_groups(
    db: Database,
    *,
    subject: Subject,
    organization: str = "",
    has_member: str = "",
    group_ids: Sequence[str] = (),
    query: str = "",
    page: Page | None = None,
) -> list[Group]:
    """Return the groups of all organizations that `subject` may read, by name; all of them without a page.

    The filters narrow it: an organization, somebody who is in them (as far as `subject` may see who is), ids, and a part of
    name or display name. Raises 400 for a filter that names nothing. The number of queries does not depend on the groups.
    """
    ids = _parse_ids(group_ids)
    async with db.connection() as conn:
        organization_id = await _filter_organization(conn, subject, organization) if organization else None
        if has_member:
            held = set(await _list_ids_of(conn, subject, has_member))
            ids = sorted(held if ids is None else held.intersection(ids))
        return await _list(conn, subject, organization_id, ids=ids, query=query, page=page)


async def list_groups_of_organization(
    db: Database, *, subject: Subject, organization: str, query: str = "", page: Page | None = None
) -> list[Group]:
    """Return an organization's groups that `subject` may read, by name."""
    async with db.connection() as conn:
        place = await resolve_organization(conn, subject, organization)
        return await _list(conn, subject, place.id, ids=None, query=query, page=page)


async def get_group(db: Database, *, subject: Subject, group_id: UUID) -> Group:
    """Return a group with all its members. Members of it may read it, and holders of group:read."""
    async with db.connection() as conn:
        _require(subject, Action.READ, await queries.find_group(conn, group_id))
        return await _view(conn, subject, group_id)


async def get_group_by_name(db: Database, *, subject: Subject, organization: str, name: str) -> Group:
    """Return an organization's group by its name, whatever the case."""
    async with db.connection() as conn:
        place = await resolve_organization(conn, subject, organization)
        found = await queries.find_group_by_name(conn, place.id, name) if is_storable(name) else None
        return await _view(conn, subject, _require(subject, Action.READ, found).id)


async def update_group(db: Database, *, subject: Subject, group_id: UUID, request: PatchGroupRequest) -> Group:
    """Change a group, in all points or in none. Needs group:update. Raises as `group_changes.change`."""
    wanted = GroupChange(
        name=request.name or None,
        display_name=request.display_name,
        avatar_url=request.avatar_url,
        quota_allowance=request.quota_allowance,
        add_users=tuple(request.add_users or ()),
        remove_users=tuple(request.remove_users or ()),
    )

    async def work(conn: Connection) -> Group:
        found = await queries.lock_group(conn, group_id)
        attempt_group(subject.id, AuditAction.WRITE, found)
        group = _require(subject, Action.UPDATE, found)
        await change(conn, actor_id=subject.id, group=group, wanted=wanted)
        return await _view(conn, subject, group_id)

    # Two changes may want the same people in another order; the one that loses runs again.
    return await db.run(work, isolation="read_committed")


async def delete_group(db: Database, *, subject: Subject, group_id: UUID) -> None:
    """Delete a group. Needs group:delete."""

    async def work(conn: Connection) -> None:
        found = await queries.lock_group(conn, group_id)
        attempt_group(subject.id, AuditAction.DELETE, found)
        group = _require(subject, Action.DELETE, found)
        await group_changes.delete(conn, actor_id=subject.id, group=group)

    await db.run(work, isolation="read_committed")


def _require(subject: Subject, action: Action, group: GroupRow | None) -> GroupRow:
    if group is None:
        # Nothing to decide about; unknown and unreadable ones stay alike.
        is_allowed(subject, Action.READ, Object(ResourceType.GROUP))
        raise GroupNotFound
    require(subject, action, group_object(group.organization_id, group.id), noun=_NOUN)
    return group


async def _view(conn: Connection, subject: Subject, group_id: UUID) -> Group:
    row = await queries.get_group_view(conn, group_id)
    if row is None:
        raise GroupNotFound
    return (await group_views(conn, subject, [row], most=None))[0]


async def _list(
    conn: Connection,
    subject: Subject,
    organization_id: UUID | None,
    *,
    ids: Sequence[UUID] | None,
    query: str,
    page: Page | None,
) -> list[Group]:
    if not is_storable(query):
        raise invalid_field("q", "The search holds characters that no name has.")
    wanted = GroupFilter(
        organization_id=organization_id,
        ids=ids,
        text=query.strip() or None,
        limit=page.limit if page else None,
        offset=page.offset if page else 0,
    )
    return await list_visible(conn, subject, wanted)


def _parse_ids(texts: Sequence[str]) -> list[UUID] | None:
    words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    if len(words) > MOST_IDS:
        raise invalid_field("group_ids", f"Ask for at most {MOST_IDS} groups at once.")
    try:
        return [UUID(word) for word in words] or None
    except ValueError:
        raise invalid_field("group_ids", "Give ids of groups, with commas between them.") from None


async def _filter_organization(conn: Connection, subject: Subject, value: str) -> UUID:
    try:
        return (await resolve_organization(conn, subject, value)).id
    except NotFound as error:
        raise invalid_field("organization", error.message) from error


async def _list_ids_of(conn: Connection, subject: Subject, value: str) -> list[UUID]:
    try:
        user = await resolve_owner(conn, subject, value)
    except NotFound as error:
        raise invalid_field("has_member", "There is no such user, or you cannot see the user.") from error
    visible = visible_members(subject, first_parameter=queries.FIRST_PARAMETER_OF_MEMBER)
    return [] if visible.is_never else await queries.list_group_ids_of_member(conn, user.user_id, visible)
