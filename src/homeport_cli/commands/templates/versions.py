"""`templates versions list|promote|archive|unarchive|cancel|edit`; `compare` and `dry-run` have modules of their own."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.commands.templates import comparing, trying
from homeport_cli.commands.templates.reading import NameArgument
from homeport_cli.errors import CliError
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, show
from homeport_cli.templates import TemplateOrganizationOption, find_template, find_version

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Template, TemplateVersion

app = typer.Typer(no_args_is_help=True, help="Versions of a template.")
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="Name of the version.")]
VersionsArgument = Annotated[list[str], typer.Argument(metavar="VERSION…", help="Names of versions.")]


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
        "active": lambda item: (
            "active" if item.id == template.active_version_id else "archived" if item.archived else ""
        ),
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
        chosen = await find_version(client, template, version)
        await client.templates.activate_version(template.id, chosen.id)

    context.run(work)
    typer.echo(f"'{version}' is the active version of template '{name}'.", err=True)


@app.command("archive")
def archive(
    name: NameArgument,
    versions: VersionsArgument,
    organization: TemplateOrganizationOption = "",
    is_assumed: YesOption = False,
) -> None:
    """Archive versions that nothing uses: they are not listed any more and nothing can be made of them."""
    context.confirm(f"Archive {', '.join(versions)}?", is_assumed=is_assumed)
    _each(name, versions, organization, is_archived=True)


@app.command("unarchive")
def unarchive(name: NameArgument, versions: VersionsArgument, organization: TemplateOrganizationOption = "") -> None:
    """Take archived versions back."""
    _each(name, versions, organization, is_archived=False)


@app.command("cancel")
def cancel(name: NameArgument, version: VersionArgument, organization: TemplateOrganizationOption = "") -> None:
    """Cancel the import of a version."""

    async def work(client: "Client") -> None:
        chosen = await find_version(client, await find_template(client, name, organization), version)
        await client.templates.cancel_version(chosen.id)

    context.run(work)
    typer.echo(f"The import of '{version}' is being canceled.", err=True)


@app.command("edit")
def edit(
    name: NameArgument,
    version: VersionArgument,
    new_name: Annotated[str, typer.Option("--name", help="New name.")] = "",
    message: Annotated[str | None, typer.Option("--message", "-m", help="New message.")] = None,
    organization: TemplateOrganizationOption = "",
) -> None:
    """Change a version's name or message."""
    if not new_name and message is None:
        raise CliError("Nothing to change. Pass --name or --message.")

    async def work(client: "Client") -> "TemplateVersion":
        from homeport_sdk import models  # lazy: wire types load with the call

        chosen = await find_version(client, await find_template(client, name, organization), version)
        request = models.PatchTemplateVersionRequest(name=new_name or None, message=message)
        return await client.templates.patch_version(chosen.id, request)

    typer.echo(f"Changed version '{context.run(work).name}'.", err=True)


def _each(name: str, versions: list[str], organization: str, *, is_archived: bool) -> None:
    async def work(client: "Client") -> None:
        template = await find_template(client, name, organization)
        found = [await find_version(client, template, version) for version in versions]
        change = client.templates.archive_version if is_archived else client.templates.unarchive_version
        for version in found:
            await change(version.id)
            typer.echo(f"{'Archived' if is_archived else 'Took back'} version '{version.name}'.", err=True)

    context.run(work)


comparing.register(app)
trying.register(app)
