"""The words of audit: actions, what an entry is about, and the declaration of what an audited row shows."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec

from homeport.kit.ids import NIL_ID


class AuditAction(StrEnum):
    """What was done (spec: authorization-and-data 17, audit_action)."""

    CREATE = "create"
    WRITE = "write"
    DELETE = "delete"
    START = "start"
    STOP = "stop"
    LOGIN = "login"
    LOGOUT = "logout"
    REGISTER = "register"
    REQUEST_PASSWORD_RESET = "request_password_reset"
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    OPEN = "open"
    CLOSE = "close"


# What entries can be about: the reference's types, then those of Homeport alone.
RESOURCE_TYPES = (
    "template", "template_version", "user", "workspace", "workspace_build", "git_ssh_key", "api_key", "group", "license",
    "convert_login", "health_settings", "notifications_settings", "prebuilds_settings", "workspace_proxy", "organization",
    "oauth2_provider_app", "oauth2_provider_app_secret", "custom_role", "organization_member", "notification_template",
    "idp_sync_settings_organization", "idp_sync_settings_group", "idp_sync_settings_role", "workspace_agent",
    "workspace_app", "task",
    "oauth2_provider_app_code", "oauth2_provider_app_token", "oauth2_provider_token_family", "oauth2_provider_grant",
    "oauth2_provider_settings", "provisioner_key", "user_link",
)  # fmt: skip
BUILD_REASONS = (
    "initiator", "autostart", "autostop", "dormancy", "failedstop", "autodelete", "dashboard", "cli", "ssh_connection",
    "vscode_connection", "jetbrains_connection",
)  # fmt: skip
ConnectionType = Literal["ssh", "vscode", "jetbrains", "reconnecting_pty", "workspace_app", "port_forwarding"]


class AuditResource(msgspec.Struct, frozen=True):
    """The object of an entry: its id, the name that people know it by, its organization (nil: none) and icon."""

    id: UUID
    target: str
    organization_id: UUID = NIL_ID
    icon: str = ""


class Declaration(msgspec.Struct, frozen=True):
    """Which columns of one row type an entry shows (tracked), hides the values of (secret), or leaves out (ignored)."""

    resource_type: str
    row: type[Any]
    tracked: frozenset[str]
    secret: frozenset[str]


_declared: dict[type[Any], Declaration] = {}


def declare(
    resource_type: str,
    row: type[msgspec.Struct],
    *,
    tracked: tuple[str, ...] = (),
    secret: tuple[str, ...] = (),
    ignored: tuple[str, ...] = (),
) -> Declaration:
    """Declare every column of `row`, once, at import.

    A column that is missing, unknown or named twice raises TypeError, and so does an unknown resource type.

    So a new column cannot slip into the diffs, nor stay out of them, without a decision
    (spec: authorization-and-data 24).
    """
    if resource_type not in RESOURCE_TYPES:
        raise TypeError(f"'{resource_type}' is none of RESOURCE_TYPES, so nobody could search for it.")
    fields = set(row.__struct_fields__)
    named = [*tracked, *secret, *ignored]
    missing, unknown = fields - set(named), set(named) - fields
    twice = {name for name in named if named.count(name) > 1}
    if missing or unknown or twice:
        raise TypeError(
            f"The audit declaration of {row.__name__} does not fit its columns: "
            f"missing {sorted(missing)}, unknown {sorted(unknown)}, named twice {sorted(twice)}."
        )
    declaration = Declaration(resource_type, row, frozenset(tracked), frozenset(secret))
    _declared[row] = declaration
    return declaration


def declarations() -> list[Declaration]:
    """Return everything that was declared so far."""
    return list(_declared.values())


def declaration_of(row: type[Any]) -> Declaration:
    """Return the declaration of a row type; undeclared types raise TypeError."""
    try:
        return _declared[row]
    except KeyError:
        raise TypeError(f"{row.__name__} is recorded in audit but declares no columns; call audit.declare.") from None


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed search of the audit log; None means any. Times are aware; `text` begins an object's name."""

    action: str | None = None
    resource_type: str | None = None
    resource_id: UUID | None = None
    resource_target: str | None = None
    username: str | None = None
    email: str | None = None
    organization: str | None = None
    request_id: UUID | None = None
    date_from: datetime | None = None
    date_to: datetime | None = None
    build_reason: str | None = None
    text: str | None = None


class ConnectionSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed search of the connection log; None means any. Times are aware."""

    organization: str | None = None
    workspace_owner: str | None = None
    workspace_owner_email: str | None = None
    type: str | None = None
    username: str | None = None
    user_email: str | None = None
    connected_after: datetime | None = None
    connected_before: datetime | None = None
    workspace_id: UUID | None = None
    connection_id: UUID | None = None
    is_ongoing: bool | None = None


class ConnectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the connection log. `disconnect_time` is None while it lasts, and for what has no end of its own."""

    id: UUID
    connect_time: datetime
    organization_id: UUID
    workspace_owner_id: UUID
    workspace_id: UUID
    workspace_name: str
    agent_name: str
    type: ConnectionType
    ip: str
    user_id: UUID
    user_agent: str
    slug_or_port: str
    status_code: int | None
    connection_id: UUID | None
    disconnect_time: datetime | None
    disconnect_reason: str
    exit_code: int | None
    replica_id: UUID | None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody goes: the agent of a workspace."""

    organization_id: UUID
    workspace_owner_id: UUID
    workspace_id: UUID
    workspace_name: str
    agent_name: str
