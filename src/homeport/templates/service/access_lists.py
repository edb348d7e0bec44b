"""Reading and changing who may use or administer a template (spec: authorization-and-data 16)."""

from uuid import UUID

import msgspec

from homeport.audit import AuditAction, record
from homeport.database import Connection, Database
from homeport.identity.rules import user_object
from homeport.identity.schemas import ReducedUser
from homeport.identity.service.views import site_roles
from homeport.kit import clock
from homeport.kit.errors import BadRequest, invalid_field
from homeport.kit.http import Page
from homeport.kit.names import is_storable
from homeport.organizations.schemas import Group
from homeport.organizations.service.group_views import list_groups
from homeport.organizations.types import GroupFilter
from homeport.rbac import Action, ResourceType, Subject, filter_allowed, is_allowed, predicate
from homeport.templates.queries import access_lists as queries
from homeport.templates.queries import templates as template_queries
from homeport.templates.rules.access_lists import apply_roles, find_unknown, role_of
from homeport.templates.schemas import ACLAvailable, TemplateACL, TemplateGroup, TemplateUser, UpdateTemplateACL
from homeport.templates.service import access
from homeport.templates.service.templates import resource_of
from homeport.templates.types import TemplateRow, TemplateUpdated


async def read_acl(conn: Connection, *, subject: Subject, template_id: UUID) -> TemplateACL:
    """Return the users and groups in the template's list; those that are gone from the deployment are left out.

    Who may update the template sees all of them, others those whom they may read anyway.
    """
    template = await access.get_template(conn, subject, template_id)
    has_all = is_allowed(subject, Action.UPDATE, access.template_object(template))
    users = await queries.list_users(conn, _ids(template.user_acl))
    if not has_all:
        users = filter_allowed(subject, Action.READ, users, lambda entry: user_object(entry.id))
    named = GroupFilter(organization_id=template.organization_id, ids=_ids(template.group_acl))
    groups = await list_groups(conn, subject, named, has_all=has_all)
    return TemplateACL(
        users=[_user(entry, template) for entry in users], group=[_group(entry, template) for entry in groups]
    )


async def update_acl(db: Database, *, subject: Subject, template_id: UUID, request: UpdateTemplateACL) -> None:
    """Set roles. Raises 400 with a field for each user or group that does not exist."""
    user_roles, group_roles = request.user_perms or {}, request.group_perms or {}
    async with db.transaction() as conn:
        # Before the template, as deletions do: they hold the user or group, and then take it out of templates.
        users = await queries.hold_users(conn, user_roles)
        groups = await queries.hold_groups(conn, group_roles)
        before = await access.lock_template(conn, subject, template_id, Action.UPDATE)
        own = {group_id for group_id, place in groups.items() if place == before.organization_id}
        errors = find_unknown(user_roles, users, "user_perms", "user", "deployment")
        errors += find_unknown(group_roles, own, "group_perms", "group", "organization")
        if errors:
            raise BadRequest("The access list cannot be changed like this.", validations=errors)
        after = msgspec.structs.replace(
            before,
            user_acl=apply_roles(before.user_acl, user_roles),
            group_acl=apply_roles(before.group_acl, group_roles),
        )
        if after == before:
            return
        after = await template_queries.update_template(conn, after, clock.now())
        await record(
            conn,
            subject_id=subject.id,
            action=AuditAction.WRITE,
            resource=resource_of(after),
            before=before,
            after=after,
        )
        await conn.emit(TemplateUpdated(before=before, after=after))


async def list_available(
    conn: Connection, *, subject: Subject, template_id: UUID, query: str, page: Page
) -> ACLAvailable:
    """Return whom the list could name: people, and groups of the template's organization. Needs template:update.

    People are the members of the organization, and beyond it those whom the asker may read. A fixed number of queries, whatever there is.
    """
    template = await access.get_template(conn, subject, template_id, Action.UPDATE)
    if not is_storable(query):
        raise invalid_field("q", "The search holds characters that no name has.")
    text = query.strip() or None
    readable = predicate(
        subject, Action.READ, ResourceType.USER, queries.USER_COLUMNS, first_parameter=queries.FIRST_PARAMETER
    )
    users = await queries.list_available_users(
        conn,
        template.organization_id,
        text=text,
        limit=page.limit,
        offset=page.offset,
        predicate=readable.sql,
        arguments=readable.args,
    )
    wanted = GroupFilter(organization_id=template.organization_id, text=text, limit=page.limit, offset=page.offset)
    return ACLAvailable(
        users=[msgspec.convert(entry, ReducedUser, from_attributes=True) for entry in users],
        groups=await list_groups(conn, subject, wanted, has_all=True),
    )


def _ids(acl: dict[str, list[str]]) -> list[UUID]:
    return [UUID(key) for key in acl]


def _user(entry: queries.UserEntry, template: TemplateRow) -> TemplateUser:
    return TemplateUser(
        id=entry.id,
        username=entry.username,
        name=entry.name,
        email=entry.email,
        avatar_url=entry.avatar_url,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
        last_seen_at=entry.last_seen_at,
        status=entry.status,
        login_type=entry.login_type,
        organization_ids=entry.organization_ids,
        roles=site_roles(entry.role_names),
        role=role_of(template.user_acl[str(entry.id)]),
    )


def _group(entry: Group, template: TemplateRow) -> TemplateGroup:
    return TemplateGroup(**msgspec.structs.asdict(entry), role=role_of(template.group_acl[str(entry.id)]))
