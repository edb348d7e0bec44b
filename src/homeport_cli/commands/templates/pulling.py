"""`templates pull`: a version's files on this machine."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.commands.templates.reading import NameArgument
from homeport_cli.errors import CliError
from homeport_cli.folders import unpack
from homeport_cli.templates import TemplateOrganizationOption, find_template, find_version

if TYPE_CHECKING:
    from homeport_sdk.client import Client

VersionOption = Annotated[str, typer.Option("--version", help="Name of the version; the active one when left out.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pull")(pull)


def pull(
    name: NameArgument,
    directory: Annotated[Path | None, typer.Argument(help="New or empty folder; named after the template.")] = None,
    version: VersionOption = "",
    is_tar: Annotated[bool, typer.Option("--tar", help="Write a tar archive to standard output instead.")] = False,
    is_zip: Annotated[bool, typer.Option("--zip", help="Write a zip archive to standard output instead.")] = False,
    organization: TemplateOrganizationOption = "",
) -> None:
    """Download the files of a template's version. Needs the right to change the template."""
    is_archive = is_tar or is_zip
    if is_archive and (directory is not None or is_tar == is_zip):
        raise CliError("--tar and --zip exclude each other and a folder: the archive goes to standard output.")

    async def work(client: "Client") -> tuple[str, bytes]:
        template = await find_template(client, name, organization)
        chosen = await find_version(client, template, version)
        return chosen.name, await client.files.download(chosen.job.file_id, is_zip=is_zip)

    version_name, content = context.run(work)
    if is_archive:
        if sys.stdout.isatty():
            raise CliError("An archive is not written to a terminal. Redirect it: … > template.tar")
        sys.stdout.buffer.write(content)
        return
    target = directory or Path(name)
    count = unpack(content, target)
    words = "1 file" if count == 1 else f"{count} files"
    typer.echo(f"Wrote {words} of version '{version_name}' to {target}.", err=True)
