"""From requests to a template's row: every setting checked, absent ones left as they are."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from homeport.kit.ids import new_id
from homeport.kit.names import validate_display_name, validate_name, validate_text
from homeport.templates.rules import settings
from homeport.templates.rules.access_lists import USE
from homeport.templates.schemas import CreateTemplateRequest, UpdateTemplateMeta
from homeport.templates.types import TemplateRow

_MAX_ICON = 256
_MAX_DEPRECATION = 1024
_DEFAULT_TTL = timedelta(days=7)

# Field of the wire to (column, most milliseconds).
_DURATIONS = {
    "default_ttl_ms": ("default_ttl", settings.MAX_TTL_MS),
    "activity_bump_ms": ("activity_bump", settings.MAX_TTL_MS),
    "failure_ttl_ms": ("failure_ttl", settings.MAX_MS),
    "time_til_dormant_ms": ("time_til_dormant", settings.MAX_MS),
    "time_til_dormant_autodelete_ms": ("time_til_dormant_autodelete", settings.MAX_MS),
    "dormant_ttl_ms": ("time_til_dormant", settings.MAX_MS),
    "delete_ttl_ms": ("time_til_dormant_autodelete", settings.MAX_MS),
}
_COPIED = {
    "allow_user_autostart": "allow_user_autostart",
    "allow_user_autostop": "allow_user_autostop",
    "allow_user_cancel_workspace_jobs": "allow_user_cancel_workspace_jobs",
    "require_active_version": "require_active_version",
    "max_port_share_level": "max_port_sharing_level",
    "cors_behavior": "cors_behavior",
    "use_classic_parameter_flow": "use_classic_parameter_flow",
    "template_use_classic_parameter_flow": "use_classic_parameter_flow",
}


def new_template(
    request: CreateTemplateRequest, *, organization_id: UUID, provisioner: str, creator_id: UUID, now: datetime
) -> TemplateRow:
    """Return the row of a new template. Raises 400 for a setting that is not valid."""
    everyone = {} if request.disable_everyone_group_access else {str(organization_id): list(USE)}
    blank = TemplateRow(
        id=new_id(),
        organization_id=organization_id,
        name=request.name,
        display_name="",
        description="",
        icon="",
        provisioner=provisioner,
        active_version_id=request.template_version_id,
        created_by=creator_id,
        default_ttl=_nanoseconds(_DEFAULT_TTL),
        activity_bump=_nanoseconds(settings.DEFAULT_BUMP),
        failure_ttl=0,
        time_til_dormant=0,
        time_til_dormant_autodelete=0,
        autostop_requirement_days_of_week=0,
        autostop_requirement_weeks=0,
        autostart_block_days_of_week=0,
        allow_user_autostart=True,
        allow_user_autostop=True,
        allow_user_cancel_workspace_jobs=True,
        require_active_version=False,
        deprecated="",
        max_port_sharing_level="owner",
        use_classic_parameter_flow=False,
        cors_behavior="simple",
        user_acl={},
        group_acl=everyone,
        deleted=False,
        created_at=now,
        updated_at=now,
    )
    return msgspec.structs.replace(blank, **_changes(request))


def changed_template(template: TemplateRow, request: UpdateTemplateMeta) -> TemplateRow:
    """Return the row with the request's settings. Raises 400 for a setting that is not valid."""
    changes = _changes(request)
    everyone = str(template.organization_id)
    if request.disable_everyone_group_access is True:
        changes["group_acl"] = {key: actions for key, actions in template.group_acl.items() if key != everyone}
    elif request.disable_everyone_group_access is False and everyone not in template.group_acl:
        changes["group_acl"] = {**template.group_acl, everyone: list(USE)}
    return msgspec.structs.replace(template, **changes)


def _changes(request: CreateTemplateRequest | UpdateTemplateMeta) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    given = {name: value for name in request.__struct_fields__ if (value := getattr(request, name)) is not None}
    for field, (column, most) in _DURATIONS.items():
        if field in given:
            changes[column] = settings.nanoseconds(given[field], field, most=most)
    changes |= {column: given[field] for field, column in _COPIED.items() if field in given}
    if request.autostop_requirement is not None:
        days, weeks = request.autostop_requirement.days_of_week, request.autostop_requirement.weeks
        changes["autostop_requirement_days_of_week"] = settings.day_bits(days, "autostop_requirement.days_of_week")
        changes["autostop_requirement_weeks"] = settings.validate_weeks(weeks)
    if request.autostart_requirement is not None:
        allowed = settings.day_bits(request.autostart_requirement.days_of_week, "autostart_requirement.days_of_week")
        changes["autostart_block_days_of_week"] = settings.ALL_DAYS & ~allowed
    return changes | _texts(given)


def _texts(given: dict[str, Any]) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    if "name" in given:
        texts["name"] = validate_name(given["name"])
    if "display_name" in given:
        texts["display_name"] = validate_display_name(given["display_name"])
    if "description" in given:
        texts["description"] = settings.validate_description(given["description"])
    if "icon" in given:
        texts["icon"] = validate_text(given["icon"], "icon", most=_MAX_ICON)
    if "deprecation_message" in given:
        texts["deprecated"] = validate_text(given["deprecation_message"], "deprecation_message", most=_MAX_DEPRECATION)
    return texts


def _nanoseconds(duration: timedelta) -> int:
    return int(duration.total_seconds()) * 1_000_000_000
