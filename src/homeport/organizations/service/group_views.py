"""Groups as the wire shows them: any number of them by two queries for all their members."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from homeport.database import Connection
from homeport.identity.schemas import ReducedUser
from homeport.organizations.queries import groups as queries
from homeport.organizations.schemas import Group
from homeport.organizations.types import GroupFilter, GroupMembers, GroupViewRow
from homeport.rbac import Action, Predicate, ResourceType, Subject, predicate

# So many members of each group a list shows; the whole group shows all.
MOST_LISTED = 100


async def list_groups(
    conn: Connection, subject: Subject, wanted: GroupFilter, *, has_all: bool = False, most: int | None = MOST_LISTED
) -> list[Group]:
    """Return the groups that a filter lets pass and `subject` may read, by name: three queries.

    `has_all`: the caller knows that `subject` is to see all of them, because of what stands above them.
    """
    visible = Predicate("TRUE") if has_all else visible_groups(subject, first_parameter=queries.FIRST_PARAMETER)
    if visible.is_never:
        return []
    rows = await queries.list_group_views(conn, wanted, predicate=visible.sql, arguments=visible.args)
    return await group_views(conn, subject, rows, most=most)


async def group_views(
    conn: Connection, subject: Subject, rows: Sequence[GroupViewRow], *, most: int | None = MOST_LISTED
) -> list[Group]:
    """Return groups in the order given, each with its first members that `subject` may see (None: with all of them).

    The caller has authorized the reader of the groups.
    """
    visible = visible_members(subject, first_parameter=queries.FIRST_MEMBER_PARAMETER)
    members = await queries.list_members(conn, [row.id for row in rows], visible, limit=most) if rows else {}
    ids = {user_id for found in members.values() for user_id in found.user_ids}
    # One object for each person, however many groups show it.
    people = {person.id: person for person in await queries.list_people(conn, ids)} if ids else {}
    return [_view(row, members.get(row.id), people) for row in rows]


def visible_members(subject: Subject, *, first_parameter: int) -> Predicate:
    """Return the condition for memberships that `subject` may see, on alias `e` of the view."""
    return predicate(
        subject, Action.READ, ResourceType.GROUP_MEMBER, queries.MEMBER_COLUMNS, first_parameter=first_parameter
    )


def visible_groups(subject: Subject, *, first_parameter: int) -> Predicate:
    """Return the condition for groups that `subject` may read, on alias `g`."""
    return predicate(subject, Action.READ, ResourceType.GROUP, queries.GROUP_COLUMNS, first_parameter=first_parameter)


def _view(row: GroupViewRow, members: GroupMembers | None, people: Mapping[UUID, ReducedUser]) -> Group:
    shown = members.user_ids if members else ()
    return Group(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        organization_id=row.organization_id,
        organization_name=row.organization_name,
        organization_display_name=row.organization_display_name,
        members=[people[user_id] for user_id in shown if user_id in people],
        total_member_count=members.total if members else 0,
        avatar_url=row.avatar_url,
        quota_allowance=row.quota_allowance,
        source=row.source,
    )
