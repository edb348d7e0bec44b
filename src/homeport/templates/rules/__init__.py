"""Pure decisions about templates: parameters, patterns, settings, access lists and searches."""

from homeport.templates.rules.judging import judge_values, left_to_terraform
from homeport.templates.rules.parameters import check_declarations, validate_parameters
from homeport.templates.rules.presets import find_match

__all__ = ["check_declarations", "find_match", "judge_values", "left_to_terraform", "validate_parameters"]
