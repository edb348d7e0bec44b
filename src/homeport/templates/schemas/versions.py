"""Wire shapes of template versions (spec: api-models, TemplateVersion, RichParameter, Preset)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from homeport.identity.schemas import MinimalUser
from homeport.provisioning.schemas import MatchedProvisioners, ProvisionerJob
from homeport.provisioning.types import ProvisionerType
from homeport.templates.types import ParameterType


class TemplateVersion(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A version of a template, with the job that imports it."""

    id: UUID
    template_id: UUID | None = None
    organization_id: UUID | None = None
    created_at: datetime
    updated_at: datetime
    name: str
    message: str
    job: ProvisionerJob
    readme: str
    created_by: MinimalUser
    archived: bool
    warnings: list[Literal["UNSUPPORTED_WORKSPACES", "DEPRECATED_PARAMETERS"]] = msgspec.field(default_factory=list)
    matched_provisioners: MatchedProvisioners | None = None
    has_external_agent: bool


class VariableValue(msgspec.Struct, frozen=True):
    """A value for a variable of the template."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    value: Annotated[str, msgspec.Meta(max_length=65_536)]


class CreateTemplateVersionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A new version from an uploaded file or an example; it is imported by a job.

    With a template, values of variables that are not named, and tags where they are absent or null, come from its active version.
    """

    provisioner: ProvisionerType
    storage_method: Literal["file"] = "file"
    name: str = ""
    message: str = ""
    template_id: UUID | None = None
    file_id: UUID | None = None
    example_id: str = ""
    tags: dict[str, str] | None = None
    user_variable_values: Annotated[list[VariableValue], msgspec.Meta(max_length=1000)] | None = None


class PatchTemplateVersionRequest(msgspec.Struct, frozen=True):
    """A new name or message; what is absent, null or (for the name) empty stays as it is."""

    name: str | None = None
    message: str | None = None


class CreateTemplateVersionDryRunRequest(msgspec.Struct, frozen=True):
    """A trial of what a start would make."""

    workspace_name: str = ""
    rich_parameter_values: Annotated[list[VariableValue], msgspec.Meta(max_length=1000)] | None = None
    user_variable_values: Annotated[list[VariableValue], msgspec.Meta(max_length=1000)] | None = None


class ArchiveTemplateVersionsRequest(msgspec.Struct, frozen=True):
    """Which unused versions to archive: all of them, or only those whose import has failed."""

    all: bool = False


class ArchiveTemplateVersionsResponse(msgspec.Struct, frozen=True):
    """The versions that were archived."""

    template_id: UUID
    archived_ids: list[UUID]


class TemplateVersionParameterOption(msgspec.Struct, frozen=True):
    """One choice of a parameter."""

    name: str
    description: str
    value: str
    icon: str


class TemplateVersionParameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parameter of the workspaces of this version."""

    name: str
    display_name: str = ""
    description: str
    description_plaintext: str
    type: ParameterType
    form_type: str
    mutable: bool
    default_value: str
    icon: str
    options: list[TemplateVersionParameterOption]
    validation_error: str = ""
    validation_regex: str = ""
    validation_min: int | None = None
    validation_max: int | None = None
    validation_monotonic: str = ""
    required: bool
    ephemeral: bool


class TemplateVersionVariable(msgspec.Struct, frozen=True):
    """A variable of this version; the values of sensitive ones are not shown."""

    name: str
    description: str
    type: str
    value: str
    default_value: str
    required: bool
    sensitive: bool


class TemplateVersionExternalAuth(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in elsewhere that workspaces of this version need."""

    id: str
    type: str
    display_name: str
    display_icon: str
    authenticate_url: str
    authenticated: bool
    optional: bool = False


class PresetParameter(msgspec.Struct, frozen=True, rename={"name": "Name", "value": "Value"}):
    """A value that a preset sets."""

    name: str
    value: str


class Preset(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "id": "ID",
        "name": "Name",
        "parameters": "Parameters",
        "is_default": "Default",
        "desired_prebuild_instances": "DesiredPrebuildInstances",
        "description": "Description",
        "icon": "Icon",
    },
):
    """A named set of values; the reference spells its fields with capitals."""

    id: UUID
    name: str
    parameters: list[PresetParameter]
    is_default: bool
    desired_prebuild_instances: int | None = None
    description: str
    icon: str
