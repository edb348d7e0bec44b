"""Groups of one organization that an identity provider makes, reads, changes and deletes."""

from typing import Any
from uuid import UUID

from homeport.audit import AuditAction, AuditResource, attempt
from homeport.config import Settings
from homeport.database import Connection, Database, UniqueViolation
from homeport.kit import clock
from homeport.kit.ids import NIL_ID
from homeport.organizations.errors import GroupNameTaken, GroupNotFound
from homeport.organizations.rules import group_object
from homeport.organizations.rules.naming import name_candidates
from homeport.organizations.service import group_changes
from homeport.organizations.service.placing import ensure_members
from homeport.organizations.types import GroupChange, GroupRow
from homeport.rbac import Action, Subject, require
from homeport.scim.errors import invalid_value, not_unique, unknown
from homeport.scim.queries import people as people_queries
from homeport.scim.queries import teams as queries
from homeport.scim.queries.filters import TEAMS, condition, order
from homeport.scim.rules.resources import group_resource, list_answer, names_of
from homeport.scim.rules.teams import steps_of, wanted_team
from homeport.scim.service.places import organization_id, read_id, require_version, suffixes, taken
from homeport.scim.service.trail import record_team
from homeport.scim.types import Document, Operation, Query, Shape, TeamChange, TeamRow

KIND = "Group"
_NOUN = "group"
_SHOWN_IDS = 5
Resource = dict[str, Any]


async def get_group(db: Database, settings: Settings, *, subject: Subject, id: str, shape: Shape) -> Resource:
    """Return a group; its members are read only where somebody asks for them."""
    group_id = read_id(KIND, id)
    async with db.connection() as conn:
        place = await organization_id(conn, subject, settings)
        require(subject, Action.READ, group_object(place, group_id), noun=_NOUN)
        row = await _found(conn, place, group_id)
        return await _resource(conn, settings, row, shape)


async def list_groups(db: Database, settings: Settings, *, subject: Subject, query: Query) -> Resource:
    """Return a page of the groups that match, oldest first where no other order is asked for."""
    sql, arguments = condition(query.filter, TEAMS, first_parameter=queries.FIRST_PARAMETER)
    ordered = order(query.sort_by, TEAMS, is_descending=query.is_descending, default=queries.BY_AGE)
    async with db.transaction(isolation="repeatable_read", read_only=True) as conn:
        place = await organization_id(conn, subject, settings)
        require(subject, Action.READ, group_object(place), noun=_NOUN)
        total = await queries.count_teams(conn, place, condition=sql, arguments=arguments)
        rows = []
        if query.count and query.start <= total:
            rows = await queries.list_teams(
                conn,
                place,
                condition=sql,
                arguments=arguments,
                order=ordered,
                limit=query.count,
                offset=query.start - 1,
            )
        has_members = bool(rows) and query.shape.has("members")
        members = await queries.list_members(conn, [row.id for row in rows]) if has_members else []
    found = names_of(members, "group_id")
    resources = [
        group_resource(row, found.get(row.id, []) if has_members else None, url=settings.access_url, shape=query.shape)
        for row in rows
    ]
    return list_answer(resources, total=total, start=query.start)


async def create_group(
    db: Database, settings: Settings, *, subject: Subject, document: Document, shape: Shape
) -> Resource:
    """Make a group in the provider's organization. Raises uniqueness for a displayName or externalId in use."""
    wanted = wanted_team(document)
    assert wanted.display_name is not None
    async with db.transaction() as conn:
        place = await organization_id(conn, subject, settings)
        resource = AuditResource(NIL_ID, wanted.display_name, organization_id=place)
        attempt("group", subject_id=subject.id, action=AuditAction.CREATE, resource=resource)
        require(subject, Action.CREATE, group_object(place), noun=_NOUN)
        await _claim_name(conn, place, wanted.display_name, NIL_ID)
        group = await _insert(conn, subject, place, wanted.display_name)
        await _keep(conn, group.id, wanted.external_id or "")
        members = wanted.members or ()
        await _require_people(conn, subject, place, members)
        if members:
            await group_changes.add_members(
                conn, actor_id=subject.id, group=group, user_ids=members, is_idempotent=True
            )
        return await _resource(conn, settings, await _found(conn, place, group.id), shape)


async def replace_group(
    db: Database, settings: Settings, *, subject: Subject, id: str, document: Document, shape: Shape, if_match: str = ""
) -> Resource:
    """Let a group be what a document says, with these members and no others."""
    found = await _change(db, settings, subject, id, [wanted_team(document)], shape, if_match)
    assert found is not None
    return found


async def patch_group(
    db: Database,
    settings: Settings,
    *,
    subject: Subject,
    id: str,
    operations: list[Operation],
    shape: Shape,
    if_match: str = "",
) -> Resource | None:
    """Do all operations on a group, or none. The group is returned where something of it was asked for in particular.

    Providers add people one by one, and nobody wants to hear of ten thousand each time.
    """
    shown = shape if shape.is_asked else None
    return await _change(db, settings, subject, id, steps_of(operations, id=id.lower()), shown, if_match)


async def delete_group(db: Database, settings: Settings, *, subject: Subject, id: str, if_match: str = "") -> None:
    """Delete a group; it leaves the access lists of templates as well."""
    group_id = read_id(KIND, id)
    try:
        async with db.transaction() as conn:
            place, group = await _hold(conn, settings, subject, group_id, if_match, AuditAction.DELETE)
            require(subject, Action.DELETE, group_object(place, group_id), noun=_NOUN)
            await group_changes.delete(conn, actor_id=subject.id, group=group)
    except GroupNotFound as error:
        raise unknown(KIND, id) from error


async def _change(
    db: Database,
    settings: Settings,
    subject: Subject,
    id: str,
    steps: list[TeamChange],
    shape: Shape | None,
    if_match: str,
) -> Resource | None:
    group_id = read_id(KIND, id)
    try:
        async with db.transaction() as conn:
            place, group = await _hold(conn, settings, subject, group_id, if_match, AuditAction.WRITE)
            require(subject, Action.UPDATE, group_object(place, group_id), noun=_NOUN)
            before = await _found(conn, place, group_id)
            await _write(conn, subject, group, before, steps)
            return await _resource(conn, settings, await _found(conn, place, group_id), shape) if shape else None
    except GroupNotFound as error:
        raise unknown(KIND, id) from error


async def _write(conn: Connection, subject: Subject, group: GroupRow, before: TeamRow, steps: list[TeamChange]) -> None:
    place = group.organization_id
    name = next((step.display_name for step in reversed(steps) if step.display_name is not None), before.display_name)
    external_id = next(
        (step.external_id for step in reversed(steps) if step.external_id is not None), before.external_id
    )
    if name != before.display_name:
        await _claim_name(conn, place, name, group.id)
    added, removed = await _members(conn, group.id, steps)
    await _require_people(conn, subject, place, added)
    await group_changes.change(
        conn,
        actor_id=subject.id,
        group=group,
        wanted=GroupChange(
            display_name=None if name == before.display_name else name,
            add_users=tuple(sorted(added)),
            remove_users=tuple(sorted(removed)),
            is_idempotent=True,
        ),
    )
    if external_id != before.external_id:
        await _keep(conn, group.id, external_id)
        await record_team(conn, subject.id, group, before=before, after=await _found(conn, place, group.id))


async def _members(conn: Connection, group_id: UUID, steps: list[TeamChange]) -> tuple[set[UUID], set[UUID]]:
    """Return whom the steps add and remove in the end. Who is there is read only for a step that replaces."""
    added, removed = set[UUID](), set[UUID]()
    present: set[UUID] | None = None
    for step in steps:
        if step.members is None:
            continue
        named = set(step.members)
        if step.kind == "replace":
            if present is None:
                present = {one.user_id for one in await queries.list_members(conn, [group_id])}
            added, removed = named, (present | added) - named
        elif step.kind == "add":
            added, removed = added | named, removed - named
        else:
            added, removed = added - named, removed | named
    return added, removed


async def _require_people(conn: Connection, subject: Subject, place: UUID, user_ids: Any) -> None:
    """Let people belong to the organization, as a group's members do. Raises invalidValue for ids of nobody."""
    wanted = set(user_ids)
    if not wanted:
        return
    missing = sorted(wanted - await people_queries.list_live_ids(conn, wanted))
    if missing:
        shown = ", ".join(str(one) for one in missing[:_SHOWN_IDS])
        raise invalid_value(f"members: {len(missing)} of them are no users here: {shown}.")
    await ensure_members(conn, subject=subject, organization_id=place, user_ids=wanted)


async def _hold(
    conn: Connection, settings: Settings, subject: Subject, group_id: UUID, if_match: str, action: AuditAction
) -> tuple[UUID, GroupRow]:
    """Return the organization and the group, held until the transaction ends."""
    place = await organization_id(conn, subject, settings)
    group = await group_changes.lock(conn, group_id)
    if group.organization_id != place or group.is_everyone:
        raise GroupNotFound
    resource = AuditResource(group.id, group.name, organization_id=place)
    attempt("group", subject_id=subject.id, action=action, resource=resource)
    if if_match:
        row = await _found(conn, place, group_id)
        shown = group_resource(row, await queries.list_members(conn, [group_id]), url="", shape=Shape())
        require_version(if_match, shown["meta"]["version"])
    return place, group


async def _insert(conn: Connection, subject: Subject, place: UUID, display_name: str) -> GroupRow:
    """Insert the group under the first name that is free."""
    for name in name_candidates(display_name, suffixes()):
        try:
            return await group_changes.create(
                conn,
                actor_id=subject.id,
                organization_id=place,
                name=name,
                display_name=display_name,
                source="oidc",
            )
        except GroupNameTaken:
            continue
    raise not_unique("Every name that could be made from this displayName is in use; try again.")


async def _claim_name(conn: Connection, place: UUID, display_name: str, except_id: UUID) -> None:
    """Let no other group of the organization be shown under a name. Raises uniqueness: providers find groups by it."""
    await conn.lock(f"scim:groups:{place}")
    if await queries.is_name_taken(conn, place, display_name, except_id):
        raise not_unique('Another group has this displayName. Search for displayName eq "…" and update the one found.')


async def _keep(conn: Connection, group_id: UUID, external_id: str) -> None:
    try:
        async with conn.savepoint():
            await queries.keep_team(conn, group_id, external_id, clock.now())
    except UniqueViolation as error:
        raise taken(error) from error


async def _found(conn: Connection, place: UUID, group_id: UUID) -> TeamRow:
    found = await queries.find_team(conn, place, group_id)
    if found is None:
        raise unknown(KIND, str(group_id))
    return found


async def _resource(conn: Connection, settings: Settings, row: TeamRow, shape: Shape) -> Resource:
    members = await queries.list_members(conn, [row.id]) if shape.has("members") else None
    return group_resource(row, members, url=settings.access_url, shape=shape)
