"""A template's parameters as fields of a form, and the form's fields as values. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from homeport.templates.schemas import TemplateVersionParameter
from homeport.web.forms import Form

PREFIX = "parameter."
_MOST_RADIOS = 6
_NUMBERED = {"number"}
_LIST = msgspec.json.Decoder(list[str])


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter as it is asked for. `kind` names the control; `values` are the chosen ones of a list."""

    id: str
    name: str
    parameter: str
    label: str
    description: str
    kind: str
    value: str
    values: list[str]
    options: list[Any]
    least: int | None
    greatest: int | None
    is_required: bool
    is_locked: bool
    is_ephemeral: bool
    is_immutable: bool
    is_preset: bool
    is_monotonic: str
    problem: str


def build_fields(
    parameters: Sequence[TemplateVersionParameter],
    *,
    values: Mapping[str, str],
    problems: Mapping[str, str],
    is_first_build: bool,
    preset: Mapping[str, str] | None = None,
) -> list[Field]:
    """Return the fields of a form. `values` and `problems` are by the parameter's name; absent values are the default.

    What a preset sets is shown and cannot be changed.
    """
    fixed = preset or {}
    fields = [
        _field(number, parameter, {**values, **fixed}, problems.get(parameter.name, ""), is_first_build)
        for number, parameter in enumerate(parameters)
    ]
    return [
        msgspec.structs.replace(field, is_locked=True, is_preset=True) if field.parameter in fixed else field
        for field in fields
    ]


def read_values(parameters: Sequence[TemplateVersionParameter], form: Form, *, is_first_build: bool) -> dict[str, str]:
    """Return the values that a form asks for. A number or choice that was left empty is left to its default."""
    found: dict[str, str] = {}
    for parameter in parameters:
        name = f"{PREFIX}{parameter.name}"
        if not is_first_build and not parameter.mutable:
            continue
        kind = _kind(parameter)
        if kind in {"checkbox", "switch"}:
            found[parameter.name] = "true" if form.get(name) == "true" else "false"
        elif kind == "checks":
            found[parameter.name] = _encode([value for value in form.all_of(name) if value])
        elif kind == "list":
            lines = [line.strip() for line in form.get(name, "").splitlines()]
            found[parameter.name] = _encode([line for line in lines if line])
        elif name in form:
            value = form[name] if parameter.type == "string" else form[name].strip()
            is_left_out = value == "" and (parameter.required or parameter.type != "string" or parameter.options)
            if not is_left_out:
                found[parameter.name] = value
    return found


def _field(
    number: int, parameter: TemplateVersionParameter, values: Mapping[str, str], problem: str, is_first_build: bool
) -> Field:
    value = values.get(parameter.name, parameter.default_value)
    kind = _kind(parameter)
    items = _items(value)
    return Field(
        id=f"parameter-{number}",
        name=f"{PREFIX}{parameter.name}",
        parameter=parameter.name,
        label=parameter.display_name or parameter.name,
        description=parameter.description,
        kind=kind,
        value="\n".join(items) if kind == "list" else value,
        values=items,
        options=list(parameter.options),
        least=parameter.validation_min if parameter.type in _NUMBERED else None,
        greatest=parameter.validation_max if parameter.type in _NUMBERED else None,
        is_required=parameter.required,
        is_locked=not is_first_build and not parameter.mutable,
        is_ephemeral=parameter.ephemeral,
        is_immutable=not parameter.mutable,
        is_preset=False,
        is_monotonic=parameter.validation_monotonic,
        problem=problem,
    )


def _kind(parameter: TemplateVersionParameter) -> str:
    wanted = parameter.form_type
    if parameter.options:
        if parameter.type == "list(string)" and wanted != "radio":
            return "checks"
        # An option is a whole value here, that of a list too.
        is_short = len(parameter.options) <= _MOST_RADIOS
        return "select" if wanted == "dropdown" or not is_short else "radio"
    if parameter.type == "bool":
        return "switch" if wanted == "switch" else "checkbox"
    if parameter.type == "list(string)":
        return "list"
    if parameter.type == "number":
        has_ends = parameter.validation_min is not None and parameter.validation_max is not None
        return "slider" if wanted == "slider" and has_ends else "number"
    return "textarea" if wanted == "textarea" else "text"


def _items(value: str) -> list[str]:
    try:
        return _LIST.decode(value.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return []


def _encode(items: list[str]) -> str:
    return msgspec.json.encode(items).decode()
