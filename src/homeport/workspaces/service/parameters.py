"""The values that a build is given, held against what the template's version declares."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.kit.crypto import Cipher
from homeport.kit.errors import invalid_field
from homeport.kit.ids import NIL_ID
from homeport.rbac import Object, ResourceType
from homeport.templates.rules import find_match, judge_values, left_to_terraform
from homeport.templates.service import evaluate_facts, version_form, version_presets
from homeport.templates.types import VersionPreset
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


def read_preset(preset_id: UUID | None) -> UUID | None:
    """Return the id of a preset that a request names; the nil id names none."""
    return None if preset_id == NIL_ID else preset_id


class BuildValues(msgspec.Struct, frozen=True):
    """What a build gets: its values, and the preset whose values these are."""

    values: dict[str, str]
    preset_id: UUID | None


async def values_for_build(
    conn: Connection,
    cipher: Cipher,
    *,
    version_id: UUID,
    owner_id: UUID,
    transition: Transition,
    requested: Mapping[str, str],
    previous: Mapping[str, str],
    is_first_build: bool,
    preset_id: UUID | None = None,
) -> BuildValues:
    """Return what the build gets. Raises 400 for a preset of another version, and InvalidParameters.

    Which parameters there are may depend on the values and the owner.

    The values of a preset go before those of the request; what it says of parameters that there are not is passed over. A start
    without a preset has the one whose values it gets. A stop or delete is never held up by values that were fine once: only
    those that it is given now are looked at.
    """
    form = await version_form(conn, cipher, version_id)
    is_start = transition == "start"
    presets = await version_presets(conn, version_id) if is_start or preset_id is not None else []
    chosen = _chosen(presets, preset_id)
    fixed = {} if chosen is None else chosen.values
    wanted = {**requested, **fixed}
    found = await evaluate_facts(conn, form, owner_id=owner_id, requested=wanted, previous=previous)
    known = {parameter.name for parameter in found.rows}
    requested = {
        **requested,
        **{name: value for name, value in fixed.items() if name in known or found.may_have(name)},
    }
    only = None if is_start else set(requested)
    wrong = judge_values(found, requested, previous, is_first_build=is_first_build, only=only)
    if wrong:
        raise InvalidParameters(wrong)
    values = left_to_terraform(found, resolve_values(found.rows, requested, previous), requested, previous)
    had = chosen or find_match(presets, values)
    return BuildValues(values, None if had is None else had.preset.id)


def _chosen(presets: Sequence[VersionPreset], preset_id: UUID | None) -> VersionPreset | None:
    if preset_id is None:
        return None
    for each in presets:
        if each.preset.id == preset_id:
            return each
    raise invalid_field("template_version_preset_id", "The template version does not have this preset.")


def template_object(template: TemplateFacts) -> Object:
    """Return what is decided upon when a template is used or changed."""
    return Object(
        ResourceType.TEMPLATE,
        template.id,
        organization_id=template.organization_id,
        user_acl=template.user_acl,
        group_acl=template.group_acl,
    )
