"""`templates presets list`."""

from typing import TYPE_CHECKING

import typer

from homeport_cli import context
from homeport_cli.commands.templates.pulling import VersionOption
from homeport_cli.commands.templates.reading import NameArgument
from homeport_cli.output import Columns, Format, OutputOption, show
from homeport_cli.templates import TemplateOrganizationOption, find_template, find_version

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Preset

app = typer.Typer(no_args_is_help=True, help="Presets: named sets of values that a template offers.")
COLUMNS: Columns = {
    "name": lambda item: item.Name,
    "default": lambda item: "default" if item.Default else "",
    "values": lambda item: ", ".join(f"{each.Name}={each.Value}" for each in item.Parameters),
    "description": lambda item: item.Description,
}


@app.command("list")
def list_presets(
    name: NameArgument,
    version: VersionOption = "",
    organization: TemplateOrganizationOption = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List the presets of a version; use one with `create --preset`."""

    async def work(client: "Client") -> "list[Preset]":
        template = await find_template(client, name, organization)
        return await client.templates.presets((await find_version(client, template, version)).id)

    show(context.run(work), COLUMNS, output, empty="The template has no presets.")
