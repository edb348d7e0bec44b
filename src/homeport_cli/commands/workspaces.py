"""`create`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import completions, context
from homeport_cli.builds import follow_build
from homeport_cli.durations import milliseconds, parse_duration
from homeport_cli.errors import CliError
from homeport_cli.names import parse_workspace
from homeport_cli.output import Format, OutputOption, YesOption, print_json
from homeport_cli.parameters import complete_values
from homeport_cli.presets import choose_preset, preset_values
from homeport_cli.progress import Progress
from homeport_cli.prompts import ask
from homeport_cli.schedules import parse_start
from homeport_cli.templates import TemplateOrganizationOption, choose_template, find_template
from homeport_cli.values import parse_pairs, read_values

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import CreateWorkspaceRequest, Template, Workspace

ParameterOption = Annotated[
    list[str] | None, typer.Option("--parameter", help="Value of a parameter as name=value; repeat it for more.")
]
ParameterFileOption = Annotated[
    Path | None, typer.Option("--rich-parameter-file", help="YAML file that maps parameters to values.")
]
PresetOption = Annotated[
    str,
    typer.Option(
        "--preset", help="Preset of the template that sets values; 'none' for none, the default one when left out."
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show every line of the log.")]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Return as soon as the build is asked for.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("create")(create)


def create(
    name: Annotated[str, typer.Argument(metavar="[OWNER/]NAME", help="Name of the new workspace.")] = "",
    template: Annotated[
        str, typer.Option("--template", "-t", help="Name of the template.", autocompletion=completions.template_names)
    ] = "",
    template_version: Annotated[
        str, typer.Option("--template-version", help="Version of the template; the active one when left out.")
    ] = "",
    parameter: ParameterOption = None,
    parameter_file: ParameterFileOption = None,
    preset: PresetOption = "",
    stop_after: Annotated[
        str, typer.Option("--stop-after", help="Stop the workspace this long after it was started, like 8h.")
    ] = "",
    start_at: Annotated[
        str, typer.Option("--start-at", help="Start the workspace at this time, like '9:30AM Mon-Fri Europe/Dublin'.")
    ] = "",
    automatic_updates: Annotated[
        str,
        typer.Option("--automatic-updates", help="always or never: take the template's active version at each start."),
    ] = "never",
    organization: TemplateOrganizationOption = "",
    is_assumed: YesOption = False,
    is_verbose: VerboseOption = False,
    has_no_wait: NoWaitOption = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Create a workspace from a template and wait until it runs."""
    if automatic_updates not in {"always", "never"}:
        raise CliError("--automatic-updates is always or never.")
    given = read_values(parameter_file, flag="--rich-parameter-file") | parse_pairs(parameter or [], flag="--parameter")
    ttl = milliseconds(parse_duration(stop_after, flag="--stop-after")) if stop_after else None
    schedule = parse_start(start_at) if start_at else None
    target = parse_workspace(name or ask("Name of the workspace", flag="NAME"))
    progress = Progress(is_verbose=is_verbose)

    async def work(client: "Client") -> "Workspace":
        from homeport_sdk import models  # lazy: wire types load with the call

        chosen = (
            await find_template(client, template, organization)
            if template
            else await choose_template(client, organization)
        )
        version_id = chosen.active_version_id
        if template_version:
            version_id = (await client.templates.find_version(chosen.id, template_version)).id
        offered = await client.templates.presets(version_id)
        chosen_preset = choose_preset(offered, preset, is_asking=not is_assumed)
        fixed = preset_values(chosen_preset, given)
        values = await complete_values(client, str(version_id), given, is_asking=not is_assumed, preset=fixed)
        chosen_values = [models.WorkspaceBuildParameter(name=key, value=value) for key, value in values.items()]
        request = models.CreateWorkspaceRequest(
            name=target.name,
            ttl_ms=ttl,
            autostart_schedule=schedule,
            automatic_updates=automatic_updates,  # type: ignore[arg-type]
            rich_parameter_values=chosen_values,
            template_version_preset_id=chosen_preset.ID if chosen_preset else None,
        )
        _set_origin(request, chosen, version_id=version_id if template_version else None)
        made = await client.workspaces.create(request, owner=target.owner)
        if has_no_wait:
            return made
        await follow_build(client, made.latest_build, progress)
        return await client.workspaces.get(made.id)

    _tell(context.run(work), output, target=str(target), is_ready=not has_no_wait)


def _tell(workspace: "Workspace", output: Format, *, target: str, is_ready: bool) -> None:
    if output is Format.JSON:
        print_json(workspace)
        return
    state = "runs" if is_ready else "is being made"
    typer.echo(f"Workspace '{workspace.name}' {state}. Open a shell in it: homeport ssh {target}", err=True)


def _set_origin(request: "CreateWorkspaceRequest", template: "Template", *, version_id: str | None) -> None:
    if version_id is None:
        request.template_id = template.id
    else:
        request.template_version_id = version_id
