"""`organizations list|show|create|edit|delete`, and `organizations settings`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.commands import sync_settings
from homeport_cli.errors import CliError
from homeport_cli.organizations import OrganizationArgument
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, print_json, print_table, show

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Organization

app = typer.Typer(no_args_is_help=True, help="Organizations: each has members, groups, roles and templates of its own.")
app.add_typer(sync_settings.app, name="settings")
COLUMNS: Columns = {
    "name": lambda item: item.name,
    "display name": lambda item: item.display_name,
    "id": lambda item: str(item.id),
    "default": lambda item: "yes" if item.is_default else "",
    "created": lambda item: ago(item.created_at),
}
DisplayNameOption = Annotated[str | None, typer.Option("--display-name", help="Name to show.")]
DescriptionOption = Annotated[str | None, typer.Option("--description", help="What it is for.")]
IconOption = Annotated[str | None, typer.Option("--icon", help="Address of a picture.")]


@app.command("list")
def list_organizations(output: OutputOption = Format.TABLE) -> None:
    """List the organizations that you may see."""
    show(context.run(lambda client: client.organizations.list()), COLUMNS, output, empty="No organizations found.")


app.command("ls", hidden=True)(list_organizations)


@app.command("show")
def show_organization(organization: OrganizationArgument = "default", output: OutputOption = Format.TABLE) -> None:
    """Show an organization, the default one when none is named."""
    _show(context.run(lambda client: client.organizations.get(organization)), output)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Letters and digits, joined by single hyphens; it is part of addresses.")],
    display_name: DisplayNameOption = None,
    description: DescriptionOption = None,
    icon: IconOption = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Make an organization; you become a member of it."""

    async def work(client: "Client") -> "Organization":
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.CreateOrganizationRequest(
            name=name, display_name=display_name or "", description=description or "", icon=icon or ""
        )
        return await client.organizations.create(request)

    made = context.run(work)
    _show(made, output)
    typer.echo(
        f"Made the organization {made.name}. Add people: homeport members add USERNAME --org {made.name}", err=True
    )


@app.command("edit")
def edit(
    organization: OrganizationArgument,
    name: Annotated[str | None, typer.Option("--name", help="Another name; addresses change with it.")] = None,
    display_name: DisplayNameOption = None,
    description: DescriptionOption = None,
    icon: IconOption = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Change an organization; what is not given stays."""
    if name is None and display_name is None and description is None and icon is None:
        raise CliError("Say what to change: --name, --display-name, --description or --icon.")

    async def work(client: "Client") -> "Organization":
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.UpdateOrganizationRequest(
            name=name, display_name=display_name, description=description, icon=icon
        )
        return await client.organizations.update(organization, request)

    _show(context.run(work), output)


@app.command("delete")
def delete(organization: OrganizationArgument, is_assumed: YesOption = False) -> None:
    """Delete an organization that has no workspaces, templates, provisioner keys, groups and other members any more."""
    context.confirm(f"Delete the organization '{organization}'?", is_assumed=is_assumed)
    context.run(lambda client: client.organizations.delete(organization))
    typer.echo(f"Deleted the organization '{organization}'.", err=True)


app.command("rm", hidden=True)(delete)


def _show(found: "Organization", output: Format) -> None:
    if output is Format.JSON:
        print_json(found)
        return
    print_table([[read(found) for read in COLUMNS.values()]], list(COLUMNS))
    if found.description:
        typer.echo(found.description)
