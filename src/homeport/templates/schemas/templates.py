"""Wire shapes of templates (spec: api-models, Template)."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.templates.types import CorsBehavior, SharingLevel


class TransitionStats(msgspec.Struct, frozen=True):
    """How long builds of one transition took lately, in milliseconds; null without any."""

    p50: int | None = None
    p95: int | None = None


class TemplateAutostopRequirement(msgspec.Struct, frozen=True):
    """On which days, every how many weeks, workspaces must stop."""

    days_of_week: list[str] = []
    weeks: int = 0


class TemplateAutostartRequirement(msgspec.Struct, frozen=True):
    """On which days workspaces may start by themselves."""

    days_of_week: list[str] = []


class Template(msgspec.Struct, kw_only=True):
    """A template. `active_user_count` is -1 while it is not known."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    organization_id: UUID
    organization_name: str
    organization_display_name: str
    organization_icon: str
    name: str
    display_name: str
    provisioner: str
    active_version_id: UUID
    active_user_count: int
    build_time_stats: dict[str, TransitionStats]
    description: str
    deprecated: bool
    deprecation_message: str
    icon: str
    default_ttl_ms: int
    activity_bump_ms: int
    autostop_requirement: TemplateAutostopRequirement
    autostart_requirement: TemplateAutostartRequirement
    created_by_id: UUID
    created_by_name: str
    allow_user_autostart: bool
    allow_user_autostop: bool
    allow_user_cancel_workspace_jobs: bool
    failure_ttl_ms: int
    time_til_dormant_ms: int
    time_til_dormant_autodelete_ms: int
    require_active_version: bool
    max_port_share_level: SharingLevel
    cors_behavior: CorsBehavior
    use_classic_parameter_flow: bool


class CreateTemplateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A new template, made of an imported version that belongs to none."""

    name: str
    template_version_id: UUID
    display_name: str = ""
    description: str = ""
    icon: str = ""
    default_ttl_ms: int | None = None
    activity_bump_ms: int | None = None
    autostop_requirement: TemplateAutostopRequirement | None = None
    autostart_requirement: TemplateAutostartRequirement | None = None
    allow_user_cancel_workspace_jobs: bool | None = None
    allow_user_autostart: bool | None = None
    allow_user_autostop: bool | None = None
    failure_ttl_ms: int | None = None
    dormant_ttl_ms: int | None = None
    delete_ttl_ms: int | None = None
    disable_everyone_group_access: bool = False
    require_active_version: bool = False
    max_port_share_level: SharingLevel | None = None
    template_use_classic_parameter_flow: bool | None = None
    cors_behavior: CorsBehavior | None = None


class UpdateTemplateMeta(msgspec.Struct, frozen=True, kw_only=True):
    """New settings; what is absent or null stays as it is."""

    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    icon: str | None = None
    default_ttl_ms: int | None = None
    activity_bump_ms: int | None = None
    autostop_requirement: TemplateAutostopRequirement | None = None
    autostart_requirement: TemplateAutostartRequirement | None = None
    allow_user_autostart: bool | None = None
    allow_user_autostop: bool | None = None
    allow_user_cancel_workspace_jobs: bool | None = None
    failure_ttl_ms: int | None = None
    time_til_dormant_ms: int | None = None
    time_til_dormant_autodelete_ms: int | None = None
    update_workspace_last_used_at: bool = False
    update_workspace_dormant_at: bool = False
    require_active_version: bool | None = None
    deprecation_message: str | None = None
    disable_everyone_group_access: bool | None = None
    max_port_share_level: SharingLevel | None = None
    cors_behavior: CorsBehavior | None = None
    use_classic_parameter_flow: bool | None = None


class UpdateActiveTemplateVersion(msgspec.Struct, frozen=True):
    """The version that new workspaces get."""

    id: UUID


class TemplateExample(msgspec.Struct, frozen=True):
    """A template that comes with the server."""

    id: str
    url: str
    name: str
    description: str
    icon: str
    tags: list[str]
    markdown: str
