"""What the log shows of an entry: who, what, and where its object is found."""

from homeport.audit import rules
from homeport.audit.queries.connections import ConnectionView
from homeport.audit.queries.entries import EntryRow
from homeport.audit.schemas import (
    AuditLog,
    AuditLogOrganization,
    AuditLogUser,
    ConnectionLog,
    ConnectionLogSSHInfo,
    ConnectionLogWebInfo,
)
from homeport.kit.ids import NIL_ID


def entry_view(entry: EntryRow) -> AuditLog:
    """Return an entry as clients get it."""
    return AuditLog(
        id=entry.id,
        request_id=entry.request_id,
        time=entry.time,
        ip=entry.ip,
        user_agent=entry.user_agent,
        resource_type=entry.resource_type,
        resource_id=entry.resource_id,
        resource_target=entry.resource_target,
        resource_icon=entry.resource_icon,
        action=entry.action,
        diff=entry.diff,
        status_code=entry.status_code,
        additional_fields=entry.additional_fields,
        description=rules.describe(entry.action, entry.resource_type, entry.resource_target, entry.status_code),
        resource_link="" if entry.is_deleted else _link(entry),
        is_deleted=entry.is_deleted,
        organization_id=entry.organization_id,
        organization=_organization(entry),
        user=_user(entry),
    )


def connection_view(row: ConnectionView) -> ConnectionLog:
    """Return a connection as clients get it: those of the web with what was asked for, the others with their end."""
    web, ssh = None, None
    if row.type in {"workspace_app", "port_forwarding"}:
        web = ConnectionLogWebInfo(row.user_agent, row.slug_or_port, row.status_code or 0, _user(row))
    elif row.connection_id is not None:
        ssh = ConnectionLogSSHInfo(
            row.connection_id, row.disconnect_time, row.disconnect_reason, row.exit_code, row.user_agent, _user(row)
        )
    return ConnectionLog(
        id=row.id,
        connect_time=row.connect_time,
        organization=AuditLogOrganization(
            row.organization_id, row.organization_name, row.organization_display_name, row.organization_icon
        ),
        workspace_owner_id=row.workspace_owner_id,
        workspace_owner_username=row.workspace_owner_username,
        workspace_id=row.workspace_id,
        workspace_name=row.workspace_name,
        agent_name=row.agent_name,
        ip=row.ip,
        type=row.type,
        web_info=web,
        ssh_info=ssh,
    )


def _organization(entry: EntryRow) -> AuditLogOrganization | None:
    if entry.organization_id == NIL_ID or entry.organization_name is None:
        return None
    return AuditLogOrganization(
        entry.organization_id,
        entry.organization_name,
        entry.organization_display_name or "",
        entry.organization_icon or "",
    )


def _user(entry: EntryRow | ConnectionView) -> AuditLogUser | None:
    """Return who did it, also when the account is deleted by now; None for the server itself."""
    if entry.username is None:
        return None
    return AuditLogUser(
        entry.user_id,
        entry.username,
        entry.user_name or "",
        entry.email or "",
        entry.avatar_url or "",
        entry.user_status or "",
        entry.user_login_type or "",
        entry.user_created_at,
        entry.user_last_seen_at,
    )


def _link(entry: EntryRow) -> str:
    """Return the path of the page that shows the object, under the name that it has now; empty where there is none."""
    if entry.resource_type in {"workspace", "workspace_build"} and entry.workspace_owner:
        path = f"/@{entry.workspace_owner}/{entry.workspace_name}"
        number = entry.additional_fields.get("build_number")
        return f"{path}/builds/{number}" if entry.resource_type == "workspace_build" and number else path
    if entry.resource_type == "template" and entry.template_name:
        return f"/templates/{entry.template_name}"
    return ""
