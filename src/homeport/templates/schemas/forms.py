"""Wire shapes of dynamic parameters: what a form has been filled with, and what is to be shown (spec: api-models, RichParameter)."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from homeport.templates.types import ParameterType

_Name = Annotated[str, msgspec.Meta(max_length=256)]
_Value = Annotated[str, msgspec.Meta(max_length=65_536)]


class DynamicParametersRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a form holds. The answer carries the same `id`.

    `owner_id` is whose workspace it will be (absent or nil: the asker's). `workspace_id` is the workspace that is to be built
    again: its last values hold where nothing is entered, and what may not change, or only in one direction, is held against them.
    """

    id: Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)] = 0
    inputs: Annotated[dict[_Name, _Value], msgspec.Meta(max_length=1000)] = {}
    owner_id: UUID | None = None
    workspace_id: UUID | None = None


class FriendlyDiagnosticExtra(msgspec.Struct, frozen=True):
    """For programs: `required` where a value is missing, `incomplete_form` where Terraform alone knows what there is, else nothing."""

    code: str


class FriendlyDiagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, in words for people."""

    severity: Literal["error", "warning"]
    summary: str
    detail: str
    extra: FriendlyDiagnosticExtra


class NullHCLString(msgspec.Struct, frozen=True):
    """A text, or (not valid) none."""

    value: str
    valid: bool


class PreviewParameterStyling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a form shows the parameter; `disabled`: it can no longer be changed."""

    placeholder: str | None = None
    disabled: bool | None = None
    label: str | None = None
    mask_input: bool | None = None


class PreviewParameterOption(msgspec.Struct, frozen=True):
    """One choice."""

    name: str
    description: str
    value: NullHCLString
    icon: str


class PreviewParameterValidation(msgspec.Struct, frozen=True, kw_only=True):
    """What a value is held against."""

    validation_error: str
    validation_regex: str | None
    validation_min: int | None
    validation_max: int | None
    validation_monotonic: str | None


class PreviewParameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter with the value that it would have, and what is wrong with that."""

    name: str
    display_name: str
    description: str
    type: ParameterType
    form_type: str
    styling: PreviewParameterStyling
    mutable: bool
    default_value: NullHCLString
    icon: str
    options: list[PreviewParameterOption]
    validations: list[PreviewParameterValidation]
    required: bool
    order: int
    ephemeral: bool
    value: NullHCLString
    diagnostics: list[FriendlyDiagnostic]


class DynamicParametersResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The form as it is to be shown, and what is wrong with the whole of it."""

    id: int
    diagnostics: list[FriendlyDiagnostic]
    parameters: list[PreviewParameter]
