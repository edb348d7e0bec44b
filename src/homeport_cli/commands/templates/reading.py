"""`templates list`, `show`, `delete`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import completions, context
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, print_json, print_table, show
from homeport_cli.templates import TemplateOrganizationOption, find_template

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Template, TemplateVersionParameter

NameArgument = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completions.template_names)]
COLUMNS: Columns = {
    "name": lambda item: item.name,
    "organization": lambda item: item.organization_name,
    "display name": lambda item: item.display_name,
    "engine": lambda item: item.provisioner,
    "users": lambda item: str(max(item.active_user_count, 0)),
    "last updated": lambda item: ago(item.updated_at),
    "description": lambda item: item.description,
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_templates)
    app.command("ls", hidden=True)(list_templates)
    app.command("show")(show_template)
    app.command("delete")(delete)
    app.command("rm", hidden=True)(delete)


def list_templates(
    organization: Annotated[
        str,
        typer.Option(
            "--org", "-O", help="Templates of this organization only.", autocompletion=completions.organization_names
        ),
    ] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List the templates that you may use."""
    found = context.run(lambda client: client.templates.list(organization=organization))
    has_several = len({item.organization_id for item in found}) > 1
    columns = {name: read for name, read in COLUMNS.items() if has_several or name != "organization"}
    show(found, columns, output, empty="No templates found. Begin one: homeport templates init")


def show_template(
    name: NameArgument, organization: TemplateOrganizationOption = "", output: OutputOption = Format.TABLE
) -> None:
    """Show a template with its parameters."""

    async def work(client: "Client") -> "tuple[Template, list[TemplateVersionParameter]]":
        template = await find_template(client, name, organization)
        return template, await client.templates.parameters(template.active_version_id)

    template, parameters = context.run(work)
    if output is Format.JSON:
        print_json(template)
        return
    print_table([[read(template) for read in COLUMNS.values()]], list(COLUMNS))
    if parameters:
        print()
        rows = [
            [item.name, item.type, "required" if item.required else item.default_value, item.description_plaintext]
            for item in parameters
        ]
        print_table(rows, ["parameter", "type", "default", "description"])


def delete(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", autocompletion=completions.template_names)],
    organization: TemplateOrganizationOption = "",
    is_assumed: YesOption = False,
) -> None:
    """Delete templates that no workspace uses."""
    context.confirm(f"Delete {', '.join(names)}?", is_assumed=is_assumed)

    async def work(client: "Client") -> None:
        templates = [await find_template(client, name, organization) for name in names]
        for template in templates:
            await client.templates.delete(template.id)
            typer.echo(f"Deleted template '{template.name}'.", err=True)

    context.run(work)
