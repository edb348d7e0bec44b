"""Reads what a template asks for: parameters of each workspace, and variables of the template itself."""

import json
import re
from collections.abc import Sequence

from homeport_provisioner.template.tables import Cell, Table
from homeport_sdk.provisioner_protocol import Option, Parameter, Variable

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_FORMS = {
    "string": ("input", "textarea", "radio", "dropdown"),
    "number": ("input", "slider", "radio", "dropdown"),
    "bool": ("checkbox", "switch", "radio"),
    "list(string)": ("tag-select", "multi-select", "radio"),
}
_INT64 = 2**63 - 1


def read_variable_list(cells: Sequence[Cell]) -> list[Variable]:
    """Read the list `variables`. Without a default a variable is required, unless it says otherwise."""
    found: list[Variable] = []
    for cell in cells:
        row = Table(cell)
        kind = row.choice("type", ("string", "number", "bool"))
        default = row.find("default")
        value = default.plain() if default else ""
        if default is not None:
            _check_value(default, kind, value)
        is_required = row.flag("required", default=default is None)
        if is_required and default is not None:
            cell.wrong("is required and has a default; drop one of the two")
        found.append(
            Variable(
                name=_read_name(row, [variable.name for variable in found]),
                type=kind,  # type: ignore[arg-type]
                description=row.text("description"),
                default_value=value,
                required=is_required,
                sensitive=row.flag("sensitive"),
            )
        )
        row.finish()
    return found


def read_parameters(cells: Sequence[Cell]) -> list[Parameter]:
    """Read the list `parameters`. Without a default a parameter is required. The order in the file is the order in the form."""
    found: list[Parameter] = []
    for number, cell in enumerate(cells):
        found.append(_read_parameter(cell, number, [parameter.name for parameter in found]))
    return found


def _read_parameter(cell: Cell, number: int, taken: Sequence[str]) -> Parameter:
    row = Table(cell)
    kind = row.choice("type", tuple(_FORMS))
    default = row.find("default")
    parameter = Parameter(
        name=_read_name(row, taken),
        type=kind,  # type: ignore[arg-type]
        display_name=row.text("display_name", most=256),
        description=row.text("description"),
        mutable=row.flag("mutable", default=True),
        ephemeral=row.flag("ephemeral"),
        icon=row.text("icon", most=256),
        order=row.integer("order", number, least=-(2**31)),
        default_value=_read_default(default, kind) if default else "",
        required=row.flag("required", default=default is None),
        options=_read_options(row, kind),
    )
    parameter.form_type = _read_form(row, parameter)
    _read_validation(row, parameter)
    if parameter.required and default is not None:
        cell.wrong("is required and has a default; drop one of the two")
    if parameter.ephemeral and (parameter.required or not parameter.mutable):
        cell.wrong("is ephemeral: it needs a default and must be mutable, because every build resets it")
    if default is not None:
        _check_default(default, parameter)
    row.finish()
    return parameter


def _read_name(row: Table, taken: Sequence[str]) -> str:
    cell = row.need("name")
    if cell is None:
        return ""
    name = cell.text(most=64)
    if name and not _NAME.fullmatch(name):
        cell.wrong("must begin with a letter and hold letters, digits, and single _ or - between them")
    if name in taken:
        cell.wrong(f"'{name}' is taken; every name may stand once")
    return name


def _read_default(cell: Cell, kind: str) -> str:
    if kind == "list(string)" and cell.kind == "seq":
        return json.dumps([item.plain() for item in cell.cells()], ensure_ascii=False)
    return cell.plain()


def _read_options(row: Table, kind: str) -> list[Option]:
    options: list[Option] = []
    for cell in row.cells("options"):
        if cell.kind == "map":
            item = Table(cell)
            value_cell = item.need("value")
            value = value_cell.plain() if value_cell else ""
            name = item.find("name")
            option = Option(
                name=name.plain(most=256) if name else value,
                value=value,
                description=item.text("description"),
                icon=item.text("icon", most=256),
            )
            item.finish()
        else:
            option = Option(name=cell.plain(most=256), value=cell.plain())
        if kind != "list(string)":
            _check_value(cell, kind, option.value)
        if option.value in {other.value for other in options} or option.name in {other.name for other in options}:
            cell.wrong(f"'{option.name}' stands here twice; keep one")
        options.append(option)
    if options and kind == "bool":
        row.cell.wrong("is true or false by itself; drop its options, or make it a string")
    return options


def _read_form(row: Table, parameter: Parameter) -> str:
    forms = _FORMS[parameter.type]
    cell = row.find("form_type")
    if cell is not None:
        return cell.choice(forms)
    if parameter.options:
        return "multi-select" if parameter.type == "list(string)" else "radio"
    return forms[0]


def _read_validation(row: Table, parameter: Parameter) -> None:
    cell = row.find("validation")
    if cell is None:
        return
    table = Table(cell)
    parameter.validation_error = table.text("error", most=1024)
    regex = table.find("regex")
    if regex is not None:
        parameter.validation_regex = regex.text(most=1024)
        try:
            re.compile(parameter.validation_regex)
        except (re.error, RecursionError, OverflowError) as error:
            regex.wrong(f"is no regular expression: {error}")
            parameter.validation_regex = ""
        if parameter.type != "string":
            regex.wrong(f"is for strings; this is a {parameter.type}")
    low, high, monotonic = table.find("min"), table.find("max"), table.find("monotonic")
    parameter.validation_min = low.integer(least=-_INT64, most=_INT64) if low else None
    parameter.validation_max = high.integer(least=-_INT64, most=_INT64) if high else None
    if monotonic is not None:
        parameter.validation_monotonic = monotonic.choice(("increasing", "decreasing"))  # type: ignore[assignment]
    for bound in (low, high, monotonic):
        if bound is not None and parameter.type != "number":
            bound.wrong(f"is for numbers; this is a {parameter.type}")
    if low and high and (parameter.validation_min or 0) > (parameter.validation_max or 0):
        cell.wrong("min is greater than max; swap them")
    table.finish()


def _check_value(cell: Cell, kind: str, value: str) -> None:
    if kind == "number" and not _NUMBER.fullmatch(value):
        cell.wrong(f"must be a number, not '{value[:100]}'")
    if kind == "bool" and value not in {"true", "false"}:
        cell.wrong(f"must be true or false, not '{value[:100]}'")


def _check_default(cell: Cell, parameter: Parameter) -> None:
    """A default must pass what the parameter asks of everybody's values. The regex is not run: it may take for ever."""
    value = parameter.default_value
    if parameter.type == "list(string)":
        _check_list(cell, parameter)
        return
    _check_value(cell, parameter.type, value)
    if parameter.options and value not in {option.value for option in parameter.options}:
        cell.wrong(f"'{value[:100]}' is none of the options")
    if parameter.type == "number" and _NUMBER.fullmatch(value):
        low, high = parameter.validation_min, parameter.validation_max
        if (low is not None and float(value) < low) or (high is not None and float(value) > high):
            cell.wrong(f"{value} is outside of the parameter's own min and max")


def _check_list(cell: Cell, parameter: Parameter) -> None:
    try:
        items = json.loads(parameter.default_value)
    except ValueError:
        items = None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        cell.wrong("must be a list of texts")
        return
    allowed = {option.value for option in parameter.options}
    for item in items:
        if allowed and item not in allowed:
            cell.wrong(f"'{item[:100]}' is none of the options")
