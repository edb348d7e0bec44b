"""Pure decisions about templates: parameters, patterns, settings, access lists and searches."""

from homeport.templates.rules.parameters import check_declarations, validate_parameters

__all__ = ["check_declarations", "validate_parameters"]
