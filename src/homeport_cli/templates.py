"""Which template a name means, where several organizations may have one of that name; and where a new one goes."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import completions
from homeport_cli.errors import CliError
from homeport_cli.prompts import choose
from homeport_sdk.errors import ApiError

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Template, TemplateVersion

TemplateOrganizationOption = Annotated[
    str,
    typer.Option(
        "--org",
        "-O",
        help="Organization of the template; needed where several of yours have one of this name.",
        autocompletion=completions.organization_names,
    ),
]


async def find_template(client: "Client", name: str, organization: str = "") -> "Template":
    """Return the template of this name: of one organization, or of the user's own, or of any. Raises CliError."""
    if organization:
        try:
            return await client.templates.find(name, organization=organization)
        except ApiError as error:
            if error.status != 404:
                raise
            raise _unknown(name, f" in the organization '{organization}'") from error
    found = await _narrowed(client, await client.templates.list(query=shlex.quote(f"exact_name:{name}")))
    if not found:
        raise _unknown(name, "")
    if len(found) > 1:
        places = ", ".join(sorted(item.organization_name for item in found))
        raise CliError(f"Several organizations have a template '{name}': {places}. Choose one with --org.")
    return found[0]


async def find_version(client: "Client", template: "Template", name: str = "") -> "TemplateVersion":
    """Return a version of a template by its name, or the active one. Raises CliError."""
    if not name:
        return await client.templates.get_version(template.active_version_id)
    try:
        return await client.templates.find_version(template.id, name)
    except ApiError as error:
        if error.status != 404:
            raise
        hint = f"List them: homeport templates versions list {template.name}"
        raise CliError(f"The template '{template.name}' has no version '{name}'. {hint}") from error


async def choose_template(client: "Client", organization: str = "") -> "Template":
    """Let a person choose among the templates of an organization, or of all the user's. Raises CliError."""
    known = await _narrowed(client, await client.templates.list(organization=organization))
    if not known:
        raise CliError("There is no template yet. Make one: homeport templates init, then homeport templates push")
    has_several = len({item.organization_id for item in known}) > 1
    named = {f"{item.organization_name}/{item.name}" if has_several else item.name: item for item in known}
    choice = choose("Template", [(label, item.description) for label, item in named.items()], flag="--template")
    return named[choice]


async def place_of(client: "Client", template: str) -> str:
    """Return the organization that a template of this name is pushed to.

    The user's only one; of several, the one that has the template already, else the one that is chosen. Raises CliError.
    """
    own = await client.organizations.of_user()
    if len(own) < 2:
        return own[0].name if own else "default"
    names = {item.id: item.name for item in own}
    known = await client.templates.list(query=shlex.quote(f"exact_name:{template}"))
    places = [names[item.organization_id] for item in known if item.organization_id in names]
    if len(places) == 1:
        return places[0]
    return choose("Organization", [(item.name, item.display_name) for item in own], flag="--org")


async def _narrowed(client: "Client", found: "Sequence[Template]") -> "list[Template]":
    """Return those of the user's own organizations, or all where none is: who administers sees those of others too."""
    if len({item.organization_id for item in found}) < 2:
        return list(found)
    own = {item.id for item in await client.organizations.of_user()}
    return [item for item in found if item.organization_id in own] or list(found)


def _unknown(name: str, where: str) -> CliError:
    return CliError(f"There is no template '{name}'{where} that you may use. List them: homeport templates list")
