"""Judges a build's values by a form that was evaluated: what could not be is left for Terraform to judge. Pure."""

from collections.abc import Collection, Mapping

import msgspec

from homeport.kit.errors import FieldError
from homeport.templates.rules.dynamic import Evaluated
from homeport.templates.rules.parameters import validate_parameters
from homeport.templates.types import ParameterRow


def judge_values(
    found: Evaluated,
    requested: Mapping[str, str],
    previous: Mapping[str, str],
    *,
    is_first_build: bool,
    only: Collection[str] | None = None,
) -> list[FieldError]:
    """Return what is wrong with a build's values, as `validate_parameters` does; with `only`, of these parameters alone.

    Where a form could not be evaluated, no value is refused that Terraform might take. What changes from build to build is judged
    all the same: of that Terraform knows nothing.
    """
    known = {row.name for row in found.rows}
    rows = [
        _lenient(row) if row.name in found.unsure else row for row in found.rows if only is None or row.name in only
    ]
    judged = {name: value for name, value in requested.items() if name in known or not found.may_have(name)}
    return validate_parameters(rows, judged, previous, is_first_build=is_first_build)


def left_to_terraform(
    found: Evaluated, values: Mapping[str, str], requested: Mapping[str, str], previous: Mapping[str, str]
) -> dict[str, str]:
    """Return a build's values without the defaults that Terraform alone knows, and with those of parameters that it alone knows."""
    known = {row.name for row in found.rows}
    carried = {name: value for name, value in previous.items() if name not in known and found.may_have(name)}
    given = {name: value for name, value in requested.items() if name not in known and found.may_have(name)}
    sure = {
        name: value
        for name, value in values.items()
        if name not in found.unsure or name in requested or previous.get(name) == value
    }
    return {**sure, **carried, **given}


def _lenient(row: ParameterRow) -> ParameterRow:
    return msgspec.structs.replace(
        row, options=[], validation_regex="", validation_min=None, validation_max=None, required=False
    )
