"""Pure decisions about templates: parameters, patterns, settings, access lists and searches."""

from homeport.templates.rules.parameters import check_declarations, validate_parameters
from homeport.templates.rules.presets import find_match

__all__ = ["check_declarations", "find_match", "validate_parameters"]
