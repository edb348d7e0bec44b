"""Variables that a template declares, and their values as Terraform takes them. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from homeport_provisioner.engine import EngineFailure, Variables
from homeport_provisioner.terraform.masking import leaves
from homeport_provisioner.terraform.source import Source, values_of
from homeport_sdk.hcl import Block, Expression, NotLiteral, literal
from homeport_sdk.provisioner_protocol import Variable, VariableType

_PRIMITIVES: dict[str, VariableType] = {"string": "string", "number": "number", "bool": "bool"}
_MOST_NAME = 64


def declared_variables(source: Source) -> list[Variable]:
    """Return the variables that the top folder declares, with defaults, overrides and what the template's *.tfvars say.

    Types other than text, number and bool are given as JSON, and so is their default.
    """
    found: dict[str, dict[str, Any]] = {}
    for bodies in (source.bodies, source.overrides):
        for name, body in bodies:
            for block in body.blocks:
                if block.type == "variable" and len(block.labels) == 1:
                    known = found.setdefault(block.labels[0], {})
                    known.update(_facts(block, name))
    return [_variable(name, facts, source.values) for name, facts in found.items()]


def _facts(block: Block, file: str) -> dict[str, Any]:
    label = block.labels[0]
    if len(label) > _MOST_NAME:
        raise EngineFailure(f"{file}:{block.line}: variable names have at most {_MOST_NAME} characters.")
    facts = values_of(block.body)
    declared = block.body.attributes.get("type")
    if declared is not None:
        facts["type"] = declared.text.strip('"')
    if "default" in block.body.attributes and "default" not in facts:
        line = block.body.attributes["default"].line
        raise EngineFailure(f"{file}:{line}: the default of the variable '{label}' must be a plain value.")
    return facts


def _variable(name: str, facts: dict[str, Any], given: dict[str, Any]) -> Variable:
    has_default = "default" in facts or name in given
    return Variable(
        name=name,
        type=_PRIMITIVES.get(str(facts.get("type", "")).strip(), "string"),
        description=str(facts.get("description") or "").strip(),
        default_value=_text(given.get(name, facts.get("default"))),
        required=not has_default,
        sensitive=facts.get("sensitive") is True,
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def values_file(source: Source, variables: Variables) -> bytes:
    """Return the values that differ from the template's own, as a *.tfvars.json. Raises EngineFailure for what is no value of its type."""
    types = _declared_types(source)
    values = {}
    for variable in declared_variables(source):
        known = variables.get(variable.name)
        if known is not None and (variable.required or known.value != variable.default_value):
            values[variable.name] = _typed(variable, types.get(variable.name, ""), known.value)
    return json.dumps(values, ensure_ascii=False).encode()


def ephemeral_file(source: Source, variables: Variables) -> bytes | None:
    """Return the values that no plan holds, as `values_file` has them; None where there are none. An apply has to be told them again."""
    given = json.loads(values_file(source, variables))
    bodies = [body for _, body in (*source.bodies, *source.overrides)]
    ephemeral = {
        block.labels[0]: given[block.labels[0]]
        for body in bodies
        for block in body.blocks
        if block.type == "variable" and block.labels[:1] and block.labels[0] in given
        if values_of(block.body).get("ephemeral") is True
    }
    return json.dumps(ephemeral, ensure_ascii=False).encode() if ephemeral else None


def secrets_of(variables: Variables) -> Iterator[str]:
    """Return what must not be shown of the values: sensitive ones, and each text inside of a sensitive list, map or object."""
    for variable in variables.values():
        if variable.sensitive:
            yield variable.value
            yield from leaves(_structure(variable.value))


def _structure(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return literal(Expression(text.strip(), 1))
    except NotLiteral:
        return None


def _declared_types(source: Source) -> dict[str, str]:
    types: dict[str, str] = {}
    for bodies in (source.bodies, source.overrides):
        for _, body in bodies:
            for block in body.blocks:
                if block.type == "variable" and len(block.labels) == 1:
                    declared = block.body.attributes.get("type")
                    text = declared.text if declared else str(block.body.values.get("type", ""))
                    types[block.labels[0]] = text.strip('"').strip() or types.get(block.labels[0], "")
    return types


def _typed(variable: Variable, declared: str, text: str) -> Any:
    if declared == "string" or not declared:
        return text
    if declared == "bool":
        return text == "true"
    if declared == "number" and not text:
        return None
    try:
        # Numbers keep every digit that was given.
        return json.loads(text) if declared != "number" else _number(text)
    except (ValueError, RecursionError):
        pass
    try:
        return literal(Expression(text.strip(), 1))
    except NotLiteral as error:
        if declared == "any":
            return text
        shown = "its value" if variable.sensitive else f"'{text[:100]}'"
        raise EngineFailure(
            f"The variable {variable.name} is of the type {' '.join(declared.split())}: give it as JSON; {shown} is none."
        ) from error


def _number(text: str) -> Any:
    number = json.loads(text)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(text)
    return number if isinstance(number, int) else text
