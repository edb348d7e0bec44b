"""`templates versions list|promote`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.commands.templates.reading import NameArgument
from homeport_cli.output import Columns, Format, OutputOption, ago, show
from homeport_cli.templates import TemplateOrganizationOption, find_template

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Template, TemplateVersion

app = typer.Typer(no_args_is_help=True, help="Versions of a template.")


@app.command("list")
def list_versions(
    name: NameArgument,
    is_archived_too: Annotated[bool, typer.Option("--include-archived", help="Archived versions too.")] = False,
    organization: TemplateOrganizationOption = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List a template's versions."""

    async def work(client: "Client") -> "tuple[Template, list[TemplateVersion]]":
        template = await find_template(client, name, organization)
        return template, await client.templates.list_versions(template.id, is_archived_too=is_archived_too)

    template, versions = context.run(work)
    columns: Columns = {
        "name": lambda item: item.name,
        "created": lambda item: ago(item.created_at),
        "by": lambda item: item.created_by.username,
        "status": lambda item: item.job.status,
        "active": lambda item: "active" if item.id == template.active_version_id else "",
        "message": lambda item: item.message,
    }
    show(versions, columns, output)


@app.command("promote")
def promote(
    name: Annotated[str, typer.Option("--template", "-t", help="The template.")],
    version: Annotated[str, typer.Option("--template-version", help="The version that new workspaces shall get.")],
    organization: TemplateOrganizationOption = "",
) -> None:
    """Make a version the one that new workspaces get."""

    async def work(client: "Client") -> None:
        template = await find_template(client, name, organization)
        chosen = await client.templates.find_version(template.id, version)
        await client.templates.activate_version(template.id, chosen.id)

    context.run(work)
    typer.echo(f"'{version}' is the active version of template '{name}'.", err=True)
