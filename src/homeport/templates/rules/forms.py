"""A form of parameters as it is filled in: which values a build would get, and what is wrong with them."""

from collections.abc import Mapping

import msgspec

from homeport.templates.rules.dynamic import Evaluated
from homeport.templates.rules.judging import judge_values
from homeport.templates.schemas.forms import (
    DynamicParametersResponse,
    FriendlyDiagnostic,
    FriendlyDiagnosticExtra,
    NullHCLString,
    PreviewParameter,
    PreviewParameterOption,
    PreviewParameterStyling,
    PreviewParameterValidation,
)
from homeport.templates.types import ParameterRow

_PLAIN_FORMS = {"string": "input", "number": "input", "bool": "checkbox", "list(string)": "tag-select"}
_NO_VALUE = NullHCLString("", valid=False)


def fill_form(
    found: Evaluated,
    inputs: Mapping[str, str],
    previous: Mapping[str, str] | None,
    *,
    id: int,
) -> DynamicParametersResponse:
    """Return the form with these inputs. `previous` are the values of the last build of a workspace that there is already."""
    wrong = judge_values(found, inputs, previous or {}, is_first_build=previous is None)
    by_name = {problem.field: problem.detail for problem in wrong}
    known = {parameter.name for parameter in found.rows}
    return DynamicParametersResponse(
        id=id,
        diagnostics=[_unknown(name) for name in inputs if name not in known and not found.may_have(name)]
        + [_unevaluated(each) for each in found.problems],
        parameters=[_preview(each, inputs, previous or {}, by_name.get(each.name, "")) for each in found.rows],
    )


def form_type(parameter: ParameterRow) -> str:
    """Return how a parameter is entered: as its template says, else as fits its type."""
    return parameter.form_type or ("radio" if parameter.options else _PLAIN_FORMS[parameter.type])


def _preview(
    row: ParameterRow, inputs: Mapping[str, str], previous: Mapping[str, str], problem: str
) -> PreviewParameter:
    default = _NO_VALUE if row.required else NullHCLString(row.default_value, valid=True)
    carried = None if row.ephemeral else previous.get(row.name)
    given = inputs.get(row.name, carried)
    value = default if given is None else NullHCLString(given, valid=True)
    return PreviewParameter(
        name=row.name,
        display_name=row.display_name,
        description=row.description,
        type=row.type,
        form_type=form_type(row),
        styling=_styling(row, is_fixed=carried is not None and not row.mutable),
        mutable=row.mutable,
        default_value=default,
        icon=row.icon,
        options=[
            PreviewParameterOption(
                option["name"],
                option.get("description", ""),
                NullHCLString(option["value"], valid=True),
                option.get("icon", ""),
            )
            for option in row.options
        ],
        validations=_validations(row),
        required=row.required,
        order=row.display_order,
        ephemeral=row.ephemeral,
        value=value,
        diagnostics=[_problem(problem, is_missing=not value.valid)] if problem else [],
    )


def _styling(row: ParameterRow, *, is_fixed: bool) -> PreviewParameterStyling:
    styling = msgspec.convert(row.styling, PreviewParameterStyling)
    return msgspec.structs.replace(styling, disabled=True) if is_fixed else styling


def _validations(row: ParameterRow) -> list[PreviewParameterValidation]:
    bounds = (row.validation_min, row.validation_max)
    if not row.validation_regex and not row.validation_monotonic and bounds == (None, None):
        return []
    return [
        PreviewParameterValidation(
            validation_error=row.validation_error,
            validation_regex=row.validation_regex or None,
            validation_min=row.validation_min,
            validation_max=row.validation_max,
            validation_monotonic=row.validation_monotonic or None,
        )
    ]


def _problem(detail: str, *, is_missing: bool) -> FriendlyDiagnostic:
    return FriendlyDiagnostic(
        severity="error",
        summary="A value is missing." if is_missing else "This value is not possible.",
        detail=detail,
        extra=FriendlyDiagnosticExtra("required" if is_missing else ""),
    )


def _unknown(name: str) -> FriendlyDiagnostic:
    return FriendlyDiagnostic(
        severity="warning",
        summary="There is no such parameter.",
        detail=f"The template has no parameter '{name[:64]}'; its value is not used.",
        extra=FriendlyDiagnosticExtra(""),
    )


def _unevaluated(problem: str) -> FriendlyDiagnostic:
    return FriendlyDiagnostic(
        severity="warning",
        summary="This form does not follow what you enter in all of it.",
        detail=problem,
        extra=FriendlyDiagnosticExtra("incomplete_form"),
    )
