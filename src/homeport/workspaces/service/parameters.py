"""The values that a build is given, held against what the template's version declares."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from homeport.database import Connection
from homeport.kit.errors import invalid_field
from homeport.kit.ids import NIL_ID
from homeport.rbac import Object, ResourceType
from homeport.templates.rules import validate_parameters
from homeport.templates.service import version_parameters
from homeport.workspaces.errors import InvalidParameters
from homeport.workspaces.queries.templates import TemplateFacts
from homeport.workspaces.rules.parameters import resolve_values
from homeport.workspaces.schemas import WorkspaceBuildParameter
from homeport.workspaces.types import Transition

_MOST_VALUES = 1000
_LONGEST_VALUE = 65_536


def read_values(given: Sequence[WorkspaceBuildParameter], field: str = "rich_parameter_values") -> dict[str, str]:
    """Return values by name. Raises 400 for a name given twice, and for what cannot be stored."""
    values: dict[str, str] = {}
    for parameter in given:
        if parameter.name in values:
            raise invalid_field(field, f"The parameter '{parameter.name[:64]}' is given twice.")
        if "\x00" in parameter.name or "\x00" in parameter.value or len(parameter.value) > _LONGEST_VALUE:
            raise invalid_field(field, f"The value of '{parameter.name[:64]}' holds NUL or is too long.")
        values[parameter.name] = parameter.value
    if len(values) > _MOST_VALUES:
        raise invalid_field(field, f"Give at most {_MOST_VALUES} parameters.")
    return values


def refuse_preset(preset_id: UUID | None) -> None:
    """Raise 400 for a preset: no template version declares any."""
    if preset_id is not None and preset_id != NIL_ID:
        raise invalid_field("template_version_preset_id", "The template version does not have this preset.")


async def values_for_build(
    conn: Connection,
    *,
    version_id: UUID,
    transition: Transition,
    requested: Mapping[str, str],
    previous: Mapping[str, str],
    is_first_build: bool,
) -> dict[str, str]:
    """Return what the build gets. Raises InvalidParameters.

    A stop or delete is never held up by values that were fine once: only those that it is given now are looked at.
    """
    declared = await version_parameters(conn, version_id)
    looked_at = declared if transition == "start" else [each for each in declared if each.name in requested]
    wrong = validate_parameters(looked_at, requested, previous, is_first_build=is_first_build)
    if wrong:
        raise InvalidParameters(wrong)
    return resolve_values(declared, requested, previous)


def template_object(template: TemplateFacts) -> Object:
    """Return what is decided upon when a template is used or changed."""
    return Object(
        ResourceType.TEMPLATE,
        template.id,
        organization_id=template.organization_id,
        user_acl=template.user_acl,
        group_acl=template.group_acl,
    )
