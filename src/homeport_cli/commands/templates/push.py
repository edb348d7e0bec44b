"""`templates push`: upload a folder, import it as a new version, make it the active one."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from homeport_cli import completions, context
from homeport_cli.commands.workspaces import VerboseOption
from homeport_cli.errors import CliError
from homeport_cli.folders import guess_engine, pack
from homeport_cli.jobs import JobFailed, follow_job
from homeport_cli.output import Format, OutputOption, YesOption, print_json
from homeport_cli.progress import Progress
from homeport_cli.prompts import ask
from homeport_cli.templates import place_of
from homeport_cli.values import parse_pairs, read_values, suggest
from homeport_sdk.errors import ApiError

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Template, TemplateVersion, TemplateVersionVariable

_LACKS_VARIABLES = "REQUIRED_TEMPLATE_VARIABLES"


class Push(msgspec.Struct, kw_only=True):
    """What is pushed, and how."""

    template: str
    content: bytes
    engine: str
    organization: str
    name: str
    message: str
    variables: dict[str, str]
    tags: dict[str, str] | None
    is_activated: bool
    is_assumed: bool


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("push")(push)


def push(
    template: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="Name of the template; the folder's when left out.",
            autocompletion=completions.template_names,
        ),
    ] = "",
    directory: Annotated[
        str,
        typer.Option("--directory", "-d", help="Folder of the template; - reads a tar archive from standard input."),
    ] = ".",
    variable: Annotated[
        list[str] | None,
        typer.Option(
            "--variable",
            help="Value of a template variable as name=value; repeat it for more. The others keep the values that were given "
            "for the active version.",
        ),
    ] = None,
    variables_file: Annotated[
        Path | None, typer.Option("--variables-file", help="YAML file that maps variables to values.")
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", help="What is new in this version.")] = "",
    name: Annotated[str, typer.Option("--name", help="Name of the version; made up when left out.")] = "",
    is_activated: Annotated[
        bool, typer.Option("--activate/--no-activate", help="Whether new workspaces get this version.")
    ] = True,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--provisioner-tag",
            help="Tag that provisioners must have, as name=value; repeat it for more. Without it the active version's "
            "are taken over; - takes none over.",
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            "--provisioner", help="Engine: process, container, terraform or echo; told from the files when left out."
        ),
    ] = "",
    organization: Annotated[
        str,
        typer.Option(
            "--org",
            "-O",
            help="Organization of the template; yours, or the one of yours that has it, when left out.",
            autocompletion=completions.organization_names,
        ),
    ] = "",
    is_assumed: YesOption = False,
    is_verbose: VerboseOption = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Upload a folder as a new version of a template; makes the template when there is none of that name."""
    folder = Path(directory)
    is_piped = directory == "-"
    if is_piped and not template:
        raise CliError("Name the template: homeport templates push NAME -d -")
    job = Push(
        template=template or folder.resolve().name,
        content=sys.stdin.buffer.read() if is_piped else pack(folder),
        engine=engine or ("process" if is_piped else guess_engine(folder)),
        organization=organization,
        name=name,
        message=message,
        variables=read_values(variables_file, flag="--variables-file") | parse_pairs(variable or [], flag="--variable"),
        tags=read_tags(tag),
        is_activated=is_activated,
        is_assumed=is_assumed,
    )
    made, version = context.run(lambda client: _push(client, job, Progress(is_verbose=is_verbose)))
    if output is Format.JSON:
        print_json({"template": made, "version": version})
        return
    state = "is the active version of" if made.active_version_id == version.id else "is a version of"
    typer.echo(f"'{version.name}' {state} template '{made.name}' of '{made.organization_name}'.", err=True)


def read_tags(given: list[str] | None) -> dict[str, str] | None:
    """Return the tags of the new version; None takes over those of the active one."""
    if not given:
        return None
    return {} if given == ["-"] else parse_pairs(given, flag="--provisioner-tag")


async def _push(client: "Client", job: Push, progress: Progress) -> "tuple[Template, TemplateVersion]":
    job.organization = job.organization or await place_of(client, job.template)
    known = await _find(client, job)
    if known is None:
        context.confirm(f"Make the template '{job.template}'?", is_assumed=job.is_assumed)
    progress.show_stage("Uploading the template")
    file_id = await client.files.upload(job.content)
    version = await _import(client, job, file_id, known, progress)
    if known is None:
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.CreateTemplateRequest(name=job.template, template_version_id=version.id)
        return await client.templates.create(request, organization=job.organization), version
    if job.is_activated:
        await client.templates.activate_version(known.id, version.id)
    return await client.templates.get(known.id), version


async def _find(client: "Client", job: Push) -> "Template | None":
    try:
        return await client.templates.find(job.template, organization=job.organization)
    except ApiError as error:
        if error.status == 404:
            return None
        raise


async def _import(
    client: "Client", job: Push, file_id: str, known: "Template | None", progress: Progress
) -> "TemplateVersion":
    """Import the archive; variables that turn out to be lacking are asked for once."""
    version = await _begin(client, job, file_id, known)
    try:
        version = await _follow(client, version, progress)
        declared = await client.templates.variables(version.id) if job.variables else []
        for words in _unused(declared, job):
            progress.show_note(words)
        return version
    except JobFailed as error:
        if error.error_code != _LACKS_VARIABLES:
            raise
        declared = await client.templates.variables(version.id)
        lacking = [item for item in declared if item.required and not item.value and item.name not in job.variables]
        if not lacking:
            raise
        if not context.is_interactive():
            flags = " ".join(f"--variable {item.name}=…" for item in lacking)
            unused = "".join(f"\n{words}" for words in _unused(declared, job))
            raise CliError(f"The template needs values for its variables. Pass {flags}{unused}") from error
    for item in lacking:
        title = f"{item.name} ({item.description})" if item.description else item.name
        job.variables[item.name] = ask(title, flag=f"--variable {item.name}=…", is_hidden=item.sensitive)
    return await _follow(client, await _begin(client, job, file_id, known), progress)


def _unused(declared: "Sequence[TemplateVersionVariable]", job: Push) -> list[str]:
    """Say which of the given values are for no variable: one file of values may be for several templates."""
    known = [item.name for item in declared]
    return [
        f"The template has no variable '{name}'; its value is not used. {suggest(name, known)}"
        for name in job.variables
        if name not in known
    ]


async def _begin(client: "Client", job: Push, file_id: str, known: "Template | None") -> "TemplateVersion":
    from homeport_sdk import models  # lazy: wire types load with the call

    engine: Any = job.engine
    request = models.CreateTemplateVersionRequest(
        provisioner=engine,
        storage_method="file",
        file_id=file_id,
        name=job.name,
        message=job.message,
        template_id=known.id if known else None,
        tags=job.tags,
        user_variable_values=[models.VariableValue(name=name, value=value) for name, value in job.variables.items()],
    )
    return await client.templates.create_version(request, organization=job.organization)


async def _follow(client: "Client", version: "TemplateVersion", progress: Progress) -> "TemplateVersion":
    return await follow_job(
        "The import of the template",
        lambda: client.templates.get_version(version.id),
        lambda after: client.templates.follow_logs(version.id, after=after),
        progress,
    )
