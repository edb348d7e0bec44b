"""Finding templates and versions for a subject. A version is read through its template (spec: authorization-and-data 8, 9)."""

from uuid import UUID

import msgspec

from homeport.audit import AuditAction, AuditResource, attempt
from homeport.database import Connection
from homeport.files.types import Reach
from homeport.organizations.service import resolve_organization
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, require
from homeport.templates.errors import TemplateNotFound, VersionNotFound
from homeport.templates.queries import templates as queries
from homeport.templates.queries import versions as version_queries
from homeport.templates.types import TEMPLATE_AUDIT, VERSION_AUDIT, TemplateRow, VersionRow

# What a request is about that needs the right to do this; what only reads is about nothing.
_ATTEMPTS = {Action.UPDATE: AuditAction.WRITE, Action.DELETE: AuditAction.DELETE}


class ReadVersion(msgspec.Struct, frozen=True):
    """A version that the subject may read, with its template (None: it has none yet, or that is deleted)."""

    version: VersionRow
    template: TemplateRow | None


def template_object(template: TemplateRow) -> Object:
    """Return what is decided upon for a template and its versions."""
    return Object(
        ResourceType.TEMPLATE,
        id=template.id,
        organization_id=template.organization_id,
        user_acl=template.user_acl,
        group_acl=template.group_acl,
        name=template.name,
    )


def organization_object(organization_id: UUID) -> Object:
    """Return what is decided upon for templates to be made, and for versions without template."""
    return Object(ResourceType.TEMPLATE, organization_id=organization_id)


async def get_template(
    conn: Connection, subject: Subject, template_id: UUID, action: Action = Action.READ
) -> TemplateRow:
    """Return a living template on which the subject may do `action`: 404 when unreadable, 403 when only readable."""
    return _require(subject, action, await queries.find_template(conn, template_id))


async def lock_template(conn: Connection, subject: Subject, template_id: UUID, action: Action) -> TemplateRow:
    """Like `get_template`, holding the row until the transaction ends: the request is about this template."""
    template = await queries.lock_template(conn, template_id)
    if template is not None and action in _ATTEMPTS:
        resource = AuditResource(template.id, template.name, template.organization_id, template.icon)
        attempt(TEMPLATE_AUDIT, subject_id=subject.id, action=_ATTEMPTS[action], resource=resource)
    return _require(subject, action, template)


async def get_template_by_name(conn: Connection, subject: Subject, organization: str, name: str) -> TemplateRow:
    """Return an organization's living template by its name."""
    organization_id = (await resolve_organization(conn, subject, organization)).id
    return _require(subject, Action.READ, await queries.find_template_by_name(conn, organization_id, name))


async def get_version(
    conn: Connection, subject: Subject, version_id: UUID, action: Action = Action.READ
) -> ReadVersion:
    """Return a version on whose template the subject may do `action`; one without template belongs to its organization."""
    return await _require_version(conn, subject, action, await version_queries.find_version(conn, version_id))


async def lock_version(conn: Connection, subject: Subject, version_id: UUID, action: Action) -> ReadVersion:
    """Like `get_version`, holding the version's row until the transaction ends: the request is about this version."""
    version = await version_queries.lock_version(conn, version_id)
    if version is not None and action in _ATTEMPTS:
        attempt_version(subject, version)
    return await _require_version(conn, subject, action, version)


def attempt_version(subject: Subject, version: VersionRow) -> None:
    """Say that the request is about a change of this version, should it fail."""
    resource = AuditResource(version.id, version.name, version.organization_id)
    attempt(VERSION_AUDIT, subject_id=subject.id, action=AuditAction.WRITE, resource=resource)


async def get_version_by_name(conn: Connection, subject: Subject, template: TemplateRow, name: str) -> ReadVersion:
    """Return a template's version by its name. The template has been read for the subject."""
    version = await version_queries.find_version_by_name(conn, template.id, name)
    require(subject, Action.READ, template_object(template), noun="template")
    if version is None:
        raise VersionNotFound
    return ReadVersion(version, template)


async def reach_file(conn: Connection, subject: Subject, file_id: UUID) -> Reach:
    """Say how far a subject reaches a file through templates: whoever may update one may read its source."""
    reach: Reach = "unknown"
    uses = await version_queries.list_users_of_file(conn, file_id)
    ids = [use.template_id for use in uses if use.template_id is not None]
    targets = [template_object(row) for row in await queries.list_templates_by_ids(conn, ids)]
    targets += [organization_object(use.organization_id) for use in uses if use.template_id is None]
    for target in targets:
        if is_allowed(subject, Action.UPDATE, target):
            return "allowed"
        if is_allowed(subject, Action.READ, target):
            reach = "visible"
    return reach


def _require(subject: Subject, action: Action, template: TemplateRow | None) -> TemplateRow:
    if template is None:
        # Nothing to decide about; unknown and unreadable ones stay alike.
        is_allowed(subject, Action.READ, Object(ResourceType.TEMPLATE))
        raise TemplateNotFound
    require(subject, action, template_object(template), noun="template")
    return template


async def _require_version(
    conn: Connection, subject: Subject, action: Action, version: VersionRow | None
) -> ReadVersion:
    if version is None:
        is_allowed(subject, Action.READ, Object(ResourceType.TEMPLATE))
        raise VersionNotFound
    if version.template_id is None:
        require(subject, action, organization_object(version.organization_id), noun="template version")
        return ReadVersion(version, None)
    # Also of a deleted template: builds of the past still show their version.
    template = (await queries.list_templates_by_ids(conn, [version.template_id]))[0]
    require(subject, action, template_object(template), noun="template version")
    return ReadVersion(version, None if template.deleted else template)
