"""The values that expressions of a template may use: of a real build, or stand-ins where nothing is built. Pure."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from homeport_provisioner.engine import EngineFailure, Variables
from homeport_provisioner.template.shape import Template
from homeport_sdk.provisioner_protocol import BuildInput, DryRunInput

_NIL = UUID(int=0)
MOST_BYTES = 100_000
"""The system allows 128 KiB for one environment variable with its name."""


class Values(msgspec.Struct, kw_only=True):
    """All that expressions may name: `fixed` holds whole names (`workspace.id`), the others the names in their space."""

    fixed: dict[str, str]
    parameters: dict[str, str]
    variables: Variables

    def table(self) -> dict[str, str]:
        """Return every value under its whole name."""
        return {
            **self.fixed,
            **{f"parameter.{name}": value for name, value in self.parameters.items()},
            **{f"variable.{name}": value.value for name, value in self.variables.items()},
        }


def values_of_import(url: str, template: Template, variables: Variables) -> Values:
    """Return values for a template that nobody uses yet: defaults, and nothing where there is none. Raises EngineFailure."""
    return Values(
        fixed=_placeholders(url, workspace="workspace"),
        parameters=_parameters(template, {}, are_all_needed=False),
        variables=variables,
    )


def values_of_dry_run(url: str, template: Template, request: DryRunInput, variables: Variables) -> Values:
    """Return values for a workspace that is not made. Raises EngineFailure when one is missing."""
    given = {value.name: value.value for value in request.rich_parameter_values}
    return Values(
        fixed=_placeholders(url, workspace=request.workspace_name or "workspace"),
        parameters=_parameters(template, given, are_all_needed=True),
        variables=variables,
    )


def values_of_build(url: str, template: Template, build: BuildInput, variables: Variables, *, home: str) -> Values:
    """Return the values of a build; `home` is the path of the home as the workspace sees it. Raises EngineFailure as above."""
    given = {value.name: value.value for value in build.rich_parameter_values}
    fixed = {
        "workspace.id": str(build.workspace_id),
        "workspace.name": build.workspace_name,
        "workspace.owner": build.owner.username,
        "workspace.owner_id": str(build.owner.id),
        "workspace.owner_email": build.owner.email,
        "workspace.owner_name": build.owner.name or build.owner.username,
        "workspace.home": home,
        "template.name": build.template.name,
        "template.version": build.template.version_name,
        "organization.id": str(build.organization.id),
        "organization.name": build.organization.name,
        "server.url": url,
    }
    return Values(fixed=fixed, parameters=_parameters(template, given, are_all_needed=True), variables=variables)


def _placeholders(url: str, *, workspace: str, owner: str = "owner") -> dict[str, str]:
    return {
        "workspace.id": str(_NIL),
        "workspace.name": workspace,
        "workspace.owner": owner,
        "workspace.owner_id": str(_NIL),
        "workspace.owner_email": f"{owner}@example.com",
        "workspace.owner_name": owner,
        "workspace.home": f"/home/{owner}",
        "template.name": "template",
        "template.version": "version",
        "organization.id": str(_NIL),
        "organization.name": "organization",
        "server.url": url,
    }


def _parameters(template: Template, given: Mapping[str, str], *, are_all_needed: bool) -> dict[str, str]:
    """Return a value for each parameter of the template: given, else its default."""
    values = {}
    for parameter in template.parameters:
        value = given.get(parameter.name)
        if value is None and parameter.required and are_all_needed:
            raise EngineFailure(f"The parameter {parameter.name} has no value; the template requires one.")
        value = parameter.default_value if value is None else value
        if "\0" in value:
            raise EngineFailure(
                f"The value of the parameter {parameter.name} holds the character NUL, which no process can be given."
            )
        if len(value.encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise EngineFailure(f"The value of the parameter {parameter.name} is longer than {MOST_BYTES} bytes.")
        values[parameter.name] = value
    return values
