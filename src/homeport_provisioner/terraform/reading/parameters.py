"""What a template asks for: parameters, presets, accounts elsewhere, tags. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform.reading.items import Item, blocks_of, flag_of, number_of, text_of
from homeport_sdk.provisioner_protocol import (
    ExternalAuth,
    NamedValue,
    Option,
    Parameter,
    ParameterType,
    Prebuilds,
    PrebuildSchedule,
    Preset,
    Styling,
)

_TYPES = ("string", "number", "bool", "list(string)")
_INT64 = 2**63


def read_parameters(items: Iterable[Item]) -> list[Parameter]:
    """Return the parameters by their order, then by name. Raises EngineFailure where two have one name."""
    found: dict[str, Parameter] = {}
    places: dict[str, str] = {}
    for item in _data(items, "coder_parameter"):
        name = item.text("name")
        if name in found:
            raise EngineFailure(f"{item.address}: the parameter '{name}' is declared by {places[name]} already.")
        found[name] = _parameter(item, name)
        places[name] = item.address
    return sorted(found.values(), key=lambda parameter: (parameter.order, parameter.name))


def is_secret(item: Item) -> bool:
    """Whether what people enter for a parameter is hidden while they do."""
    return item.type == "coder_parameter" and bool(_styling(item).mask_input)


def read_presets(items: Iterable[Item], parameters: Iterable[Parameter], warnings: list[str]) -> list[Preset]:
    """Return the presets. Raises EngineFailure where two have one name, or more than one is the default."""
    names = {parameter.name for parameter in parameters}
    found: dict[str, Preset] = {}
    for item in _data(items, "coder_workspace_preset"):
        preset = _preset(item)
        if preset.name in found:
            raise EngineFailure(f"{item.address}: there are two presets with the name '{preset.name}'.")
        found[preset.name] = preset
        unknown = [each.name for each in preset.parameters if each.name not in names]
        if unknown:
            warnings.append(f"The preset '{preset.name}' sets parameters that there are not: {', '.join(unknown)}.")
    defaults = [preset.name for preset in found.values() if preset.default]
    if len(defaults) > 1:
        raise EngineFailure(f"Only one preset can be the default; these are: {', '.join(sorted(defaults))}.")
    return list(found.values())


def read_external_auth(items: Iterable[Item]) -> list[ExternalAuth]:
    """Return the accounts elsewhere that are wanted; one that is needed in one place is needed."""
    found: dict[str, ExternalAuth] = {}
    for item in _data(items, "coder_external_auth"):
        wanted = ExternalAuth(id=item.text("id"), optional=item.flag("optional"))
        known = found.get(wanted.id)
        if known is None or known.optional:
            found[wanted.id] = wanted
    return list(found.values())


def read_tags(items: Iterable[Item]) -> dict[str, str]:
    """Return the tags that a provisioner must have for workspaces of this template."""
    tags: dict[str, str] = {}
    for item in _data(items, "coder_workspace_tags"):
        tags |= item.texts("tags")
    return tags


def _data(items: Iterable[Item], type: str) -> list[Item]:
    return [item for item in items if item.is_data and item.type == type]


def _parameter(item: Item, name: str) -> Parameter:
    kind = item.text("type", "string")
    if kind not in _TYPES:
        raise EngineFailure(f"{item.address}: a parameter's type is one of {', '.join(_TYPES)}; not '{kind}'.")
    checks = item.blocks("validation")
    check = checks[0] if checks else {}
    monotonic = text_of(check, "monotonic")
    return Parameter(
        name=name,
        type=cast(ParameterType, kind),
        display_name=item.text("display_name"),
        description=item.text("description"),
        form_type=item.text("form_type"),
        mutable=item.flag("mutable"),
        default_value=item.text("default"),
        icon=item.text("icon"),
        options=[_option(block) for block in item.blocks("option")],
        validation_regex=text_of(check, "regex"),
        validation_min=_bound(item, check, "min") if kind == "number" else None,
        validation_max=_bound(item, check, "max") if kind == "number" else None,
        validation_monotonic=monotonic if monotonic in {"increasing", "decreasing"} else "",  # type: ignore[arg-type]
        validation_error=text_of(check, "error"),
        required=not item.flag("optional"),
        ephemeral=item.flag("ephemeral"),
        order=item.number("order"),
        styling=_styling(item),
    )


def _styling(item: Item) -> Styling:
    text = item.text("styling", "{}")
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"), type=Styling)
    except msgspec.MsgspecError as error:
        raise EngineFailure(
            f"{item.address}: styling is an object in JSON, as jsonencode() makes it: {error}."
        ) from error


def _bound(item: Item, check: Mapping[str, Any], name: str) -> int | None:
    """Return a bound; a provider says 0 for one that is not set, and tells so beside it.

    Raises EngineFailure for what the API has no form for: cut to a whole number, it would let other values through.
    """
    if check.get(name) is None or flag_of(check, f"{name}_disabled"):
        return None
    bound = number_of(check, name)
    if bound != check[name] or not -_INT64 <= bound < _INT64:
        raise EngineFailure(
            f"{item.address}: validation: {name} is a whole number of at most 64 bits; not {check[name]}."
        )
    return bound


def _option(block: Mapping[str, Any]) -> Option:
    return Option(
        name=text_of(block, "name"),
        value=text_of(block, "value"),
        description=text_of(block, "description"),
        icon=text_of(block, "icon"),
    )


def _preset(item: Item) -> Preset:
    prebuilds = item.blocks("prebuilds")
    return Preset(
        name=item.text("name", item.name),
        description=item.text("description"),
        icon=item.text("icon"),
        default=item.flag("default"),
        parameters=[NamedValue(name=name, value=value) for name, value in item.texts("parameters").items()],
        prebuilds=_prebuilds(prebuilds[0]) if prebuilds else None,
    )


def _prebuilds(block: Mapping[str, Any]) -> Prebuilds:
    expiry = blocks_of(block, "expiration_policy")
    scheduling = blocks_of(block, "scheduling")
    plan = scheduling[0] if scheduling else {}
    return Prebuilds(
        instances=number_of(block, "instances"),
        ttl_seconds=number_of(expiry[0], "ttl") if expiry else 0,
        timezone=text_of(plan, "timezone"),
        schedules=[
            PrebuildSchedule(cron=text_of(entry, "cron"), instances=number_of(entry, "instances"))
            for entry in blocks_of(plan, "schedule")
        ],
    )
