"""Wire shapes of templates and their versions."""

from homeport.templates.schemas.access_lists import TemplateACL, TemplateGroup, TemplateUser, UpdateTemplateACL
from homeport.templates.schemas.templates import (
    CreateTemplateRequest,
    Template,
    TemplateAutostartRequirement,
    TemplateAutostopRequirement,
    TemplateExample,
    TransitionStats,
    UpdateActiveTemplateVersion,
    UpdateTemplateMeta,
)
from homeport.templates.schemas.versions import (
    ArchiveTemplateVersionsRequest,
    ArchiveTemplateVersionsResponse,
    CreateTemplateVersionDryRunRequest,
    CreateTemplateVersionRequest,
    PatchTemplateVersionRequest,
    Preset,
    TemplateVersion,
    TemplateVersionExternalAuth,
    TemplateVersionParameter,
    TemplateVersionParameterOption,
    TemplateVersionVariable,
    VariableValue,
)

__all__ = [
    "ArchiveTemplateVersionsRequest",
    "ArchiveTemplateVersionsResponse",
    "CreateTemplateRequest",
    "CreateTemplateVersionDryRunRequest",
    "CreateTemplateVersionRequest",
    "PatchTemplateVersionRequest",
    "Preset",
    "Template",
    "TemplateACL",
    "TemplateAutostartRequirement",
    "TemplateAutostopRequirement",
    "TemplateExample",
    "TemplateGroup",
    "TemplateUser",
    "TemplateVersion",
    "TemplateVersionExternalAuth",
    "TemplateVersionParameter",
    "TemplateVersionParameterOption",
    "TemplateVersionVariable",
    "TransitionStats",
    "UpdateActiveTemplateVersion",
    "UpdateTemplateACL",
    "UpdateTemplateMeta",
    "VariableValue",
]
