"""Rows and events of templates. No I/O."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from homeport.audit.types import declare
from homeport.database.events import DomainEvent

SharingLevel = Literal["owner", "authenticated", "organization", "public"]
CorsBehavior = Literal["simple", "passthru"]
TemplateRole = Literal["admin", "use", ""]
ParameterType = Literal["string", "number", "bool", "list(string)"]


class TemplateColumns(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `templates` without its access lists, which lists do not show and which can name thousands of groups.

    Durations are nanoseconds; days of the week are bits, Monday first.
    """

    id: UUID
    organization_id: UUID
    name: str
    display_name: str
    description: str
    icon: str
    provisioner: str
    active_version_id: UUID
    created_by: UUID
    default_ttl: int
    activity_bump: int
    failure_ttl: int
    time_til_dormant: int
    time_til_dormant_autodelete: int
    autostop_requirement_days_of_week: int
    autostop_requirement_weeks: int
    autostart_block_days_of_week: int
    allow_user_autostart: bool
    allow_user_autostop: bool
    allow_user_cancel_workspace_jobs: bool
    require_active_version: bool
    deprecated: str
    max_port_sharing_level: SharingLevel
    use_classic_parameter_flow: bool
    cors_behavior: CorsBehavior
    deleted: bool
    created_at: datetime
    updated_at: datetime


class TemplateRow(TemplateColumns, frozen=True, kw_only=True):
    """A row of `templates`."""

    user_acl: dict[str, list[str]]
    group_acl: dict[str, list[str]]


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `template_versions`; `template_id` is None until a template is made of it."""

    id: UUID
    template_id: UUID | None
    organization_id: UUID
    name: str
    message: str
    readme: str
    job_id: UUID
    created_by: UUID
    archived: bool
    created_at: datetime
    updated_at: datetime


class ParameterRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `template_version_parameters`. Plain JSON: of options name, value, description and icon;
    of styling placeholder, disabled, label and mask_input, as far as they are given.
    """

    template_version_id: UUID
    name: str
    display_name: str
    description: str
    type: ParameterType
    form_type: str
    mutable: bool
    default_value: str
    icon: str
    options: list[dict[str, Any]]
    validation_regex: str
    validation_min: int | None
    validation_max: int | None
    validation_monotonic: str
    validation_error: str
    required: bool
    ephemeral: bool
    display_order: int
    styling: dict[str, Any]


class VariableRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `template_version_variables`; a value that was given but not yet declared, or is sensitive, is sealed."""

    template_version_id: UUID
    name: str
    description: str
    type: str
    value: str
    value_sealed: bytes | None
    default_value: str
    required: bool
    sensitive: bool


class PresetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `template_version_presets`. Schedules are plain JSON: cron, instances."""

    id: UUID
    template_version_id: UUID
    name: str
    description: str
    icon: str
    is_default: bool
    desired_instances: int | None
    ttl_seconds: int
    timezone: str
    schedules: list[dict[str, Any]]
    display_order: int


class PresetValueRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `template_version_preset_parameters`."""

    preset_id: UUID
    name: str
    value: str


class VersionPreset(msgspec.Struct, frozen=True, kw_only=True):
    """A preset with the values that it sets, those of unknown parameters among them."""

    preset: PresetRow
    values: dict[str, str]


class ExternalAuthRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `template_version_external_auth`."""

    template_version_id: UUID
    provider_id: str
    optional: bool
    display_order: int


class TemplateCreated(DomainEvent, frozen=True, kw_only=True):
    """template.created: a template was made of a version."""

    template: TemplateRow


class TemplateUpdated(DomainEvent, frozen=True, kw_only=True):
    """template.updated: settings or active version are others now.

    The two flags are wishes of whoever changed the settings: start counting idle time anew for all its workspaces.
    """

    before: TemplateRow
    after: TemplateRow
    should_reset_last_used: bool = False
    should_reset_dormant: bool = False


class TemplateDeleted(DomainEvent, frozen=True, kw_only=True):
    """template.deleted: nothing can be made of it any more; it had no workspaces."""

    template: TemplateRow


TEMPLATE_AUDIT = declare(
    "template",
    TemplateRow,
    tracked=tuple(
        field
        for field in TemplateRow.__struct_fields__
        if field not in {"organization_id", "deleted", "created_at", "updated_at"}
    ),
    ignored=("organization_id", "deleted", "created_at", "updated_at"),
)
VERSION_AUDIT = declare(
    "template_version",
    VersionRow,
    tracked=("id", "template_id", "name", "message", "readme", "created_by", "archived"),
    ignored=("organization_id", "job_id", "created_at", "updated_at"),
)
