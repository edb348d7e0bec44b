"""Use cases of templates. Upper rooms import from here."""

from homeport.templates.service.access import get_template, get_version, template_object
from homeport.templates.service.contents import version_presets
from homeport.templates.service.forms import evaluate_facts, version_form
from homeport.templates.service.imports import Imports
from homeport.templates.service.registries import (
    TemplateStatistics,
    register_guard,
    register_last_values,
    register_statistics,
    register_usage,
)
from homeport.templates.service.tags import build_tags
from homeport.templates.service.variables import version_variables

__all__ = [
    "Imports",
    "TemplateStatistics",
    "build_tags",
    "evaluate_facts",
    "get_template",
    "get_version",
    "register_guard",
    "register_last_values",
    "register_statistics",
    "register_usage",
    "template_object",
    "version_form",
    "version_presets",
    "version_variables",
]
