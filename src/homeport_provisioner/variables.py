"""Values of a template's variables: what was given, else what the template says, each of its declared type. Pure."""

import re
from collections.abc import Iterable

from homeport_provisioner.engine import EngineFailure
from homeport_sdk.provisioner_protocol import Variable, VariableValue

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_BOOLEANS = {"true": "true", "1": "true", "false": "false", "0": "false"}


def resolve(declared: Iterable[Variable], given: Iterable[VariableValue]) -> dict[str, VariableValue]:
    """Return a value for each declared variable; what was given without being declared is left out.

    Raises EngineFailure for a value of the wrong type, and with REQUIRED_TEMPLATE_VARIABLES when required ones have no value.
    """
    by_name = {value.name: value for value in given}
    values: dict[str, VariableValue] = {}
    missing = []
    for variable in declared:
        known = by_name.get(variable.name)
        text = known.value if known else variable.default_value
        if variable.required and (known is None or not text):
            missing.append(variable.name)
        values[variable.name] = VariableValue(
            name=variable.name, value=_typed(variable, text), sensitive=variable.sensitive
        )
    if missing:
        names = ", ".join(missing)
        raise EngineFailure(
            f"The template requires values for these variables: {names}. Give each with --variable name=value.",
            code="REQUIRED_TEMPLATE_VARIABLES",
        )
    return values


def _typed(variable: Variable, text: str) -> str:
    if not text or variable.type == "string":
        return text
    shown = "its value" if variable.sensitive else f"'{text[:100]}'"
    if variable.type == "number":
        if not _NUMBER.fullmatch(text):
            raise EngineFailure(f"The variable {variable.name} is a number; {shown} is none.")
        return text
    if text.lower() not in _BOOLEANS:
        raise EngineFailure(f"The variable {variable.name} is true or false; {shown} is neither.")
    return _BOOLEANS[text.lower()]
