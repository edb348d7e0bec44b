"""Reading and changing who may use or administer a template."""

from uuid import UUID

import msgspec

from homeport.audit.service import record
from homeport.audit.types import AuditAction
from homeport.database import Connection, Database
from homeport.identity.schemas import ReducedUser
from homeport.identity.service.views import site_roles
from homeport.kit import clock
from homeport.kit.errors import BadRequest
from homeport.rbac import Action, Subject
from homeport.templates.queries import access_lists as queries
from homeport.templates.queries import templates as template_queries
from homeport.templates.rules.access_lists import apply_roles, find_unknown, role_of
from homeport.templates.schemas import TemplateACL, TemplateGroup, TemplateUser, UpdateTemplateACL
from homeport.templates.service import access
from homeport.templates.service.templates import resource_of
from homeport.templates.types import TemplateRow, TemplateUpdated

_SHOWN_MEMBERS = 100


async def read_acl(conn: Connection, *, subject: Subject, template_id: UUID) -> TemplateACL:
    """Return the users and groups in the template's list; those that are gone from the deployment are left out."""
    template = await access.get_template(conn, subject, template_id)
    users = await queries.list_users(conn, _ids(template.user_acl))
    groups = await queries.list_groups(conn, _ids(template.group_acl), template.organization_id)
    members: dict[UUID, list[ReducedUser]] = {}
    for member in await queries.list_members(conn, [group.id for group in groups], limit=_SHOWN_MEMBERS):
        reduced = msgspec.convert(member, ReducedUser, from_attributes=True)
        members.setdefault(member.group_id, []).append(reduced)
    return TemplateACL(
        users=[_user(entry, template) for entry in users],
        group=[_group(entry, template, members.get(entry.id, [])) for entry in groups],
    )


async def update_acl(db: Database, *, subject: Subject, template_id: UUID, request: UpdateTemplateACL) -> None:
    """Set roles. Raises 400 with a field for each user or group that does not exist."""
    async with db.transaction() as conn:
        before = await access.lock_template(conn, subject, template_id, Action.UPDATE)
        user_roles, group_roles = request.user_perms or {}, request.group_perms or {}
        users = {entry.id for entry in await queries.list_users(conn, sorted(user_roles))}
        groups = {entry.id for entry in await queries.list_groups(conn, sorted(group_roles), before.organization_id)}
        errors = find_unknown(user_roles, users, "user_perms", "user")
        errors += find_unknown(group_roles, groups, "group_perms", "group")
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


def _group(entry: queries.GroupEntry, template: TemplateRow, members: list[ReducedUser]) -> TemplateGroup:
    return TemplateGroup(
        id=entry.id,
        name=entry.name,
        display_name=entry.display_name,
        organization_id=entry.organization_id,
        organization_name=entry.organization_name,
        organization_display_name=entry.organization_display_name,
        members=members,
        total_member_count=entry.total_member_count,
        avatar_url=entry.avatar_url,
        quota_allowance=entry.quota_allowance,
        source=entry.source,
        role=role_of(template.group_acl[str(entry.id)]),
    )
