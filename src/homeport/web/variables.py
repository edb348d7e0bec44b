"""A template's variables as fields of a form, and the form's fields as values. Pure."""

from collections.abc import Sequence

import msgspec

from homeport.templates.schemas import TemplateVersionVariable, VariableValue
from homeport.web.forms import Form

PREFIX = "variable."


class VariableField(msgspec.Struct, frozen=True, kw_only=True):
    """One variable as it is asked for. A sensitive value is never shown: left empty it stays what it is."""

    id: str
    name: str
    label: str
    description: str
    value: str
    default: str
    is_sensitive: bool
    has_value: bool
    is_required: bool


def variable_fields(variables: Sequence[TemplateVersionVariable]) -> list[VariableField]:
    """Return the fields of a form."""
    return [
        VariableField(
            id=f"variable-{number}",
            name=f"{PREFIX}{variable.name}",
            label=variable.name,
            description=variable.description,
            value="" if variable.sensitive or variable.value == variable.default_value else variable.value,
            default="" if variable.sensitive else variable.default_value,
            is_sensitive=variable.sensitive,
            has_value=variable.sensitive and bool(variable.value),
            is_required=variable.required,
        )
        for number, variable in enumerate(variables)
    ]


class SentValues(msgspec.Struct, frozen=True):
    """What a form asks for: values, and the names of variables that shall have their default again."""

    given: list[VariableValue]
    cleared: list[str]


def sent_values(variables: Sequence[TemplateVersionVariable], form: Form) -> SentValues:
    """Return what a form asks for. What is left empty falls back to its default; a sensitive one stays as it is."""
    sent = {variable.name: form.get(f"{PREFIX}{variable.name}", "") for variable in variables}
    return SentValues(
        [VariableValue(name=name, value=value) for name, value in sent.items() if value],
        [variable.name for variable in variables if not variable.sensitive and not sent[variable.name]],
    )
