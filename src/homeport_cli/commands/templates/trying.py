"""`templates versions dry-run`: what a start of a version would make, with these values, without making it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from homeport_cli import context
from homeport_cli.commands.templates.pulling import VersionOption
from homeport_cli.commands.templates.reading import NameArgument
from homeport_cli.commands.workspaces import ParameterFileOption, ParameterOption, VerboseOption
from homeport_cli.jobs import follow_job
from homeport_cli.output import Format, OutputOption, YesOption, print_json, print_table
from homeport_cli.parameters import complete_values
from homeport_cli.progress import Progress
from homeport_cli.templates import TemplateOrganizationOption, find_template, find_version
from homeport_cli.values import parse_pairs, read_values

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import MatchedProvisioners, ProvisionerJob, WorkspaceResource


class DryRun(msgspec.Struct):
    """A dry run as what carries a job."""

    job: "ProvisionerJob"
    matched_provisioners: "MatchedProvisioners | None" = None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dry-run")(dry_run)


def dry_run(
    name: NameArgument,
    version: VersionOption = "",
    parameter: ParameterOption = None,
    parameter_file: ParameterFileOption = None,
    variable: Annotated[
        list[str] | None,
        typer.Option("--variable", help="Value of a template variable for this run only; repeat it for more."),
    ] = None,
    workspace: Annotated[str, typer.Option("--workspace-name", help="How the workspace would be called.")] = "",
    organization: TemplateOrganizationOption = "",
    is_assumed: YesOption = False,
    is_verbose: VerboseOption = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Find out what a workspace of a version would be made of. Nothing is made."""
    given = read_values(parameter_file, flag="--rich-parameter-file") | parse_pairs(parameter or [], flag="--parameter")
    variables = parse_pairs(variable or [], flag="--variable")
    progress = Progress(is_verbose=is_verbose)

    async def work(client: "Client") -> "list[WorkspaceResource]":
        from homeport_sdk import models  # lazy: wire types load with the call

        chosen = await find_version(client, await find_template(client, name, organization), version)
        values = await complete_values(client, str(chosen.id), given, is_asking=not is_assumed)
        request = models.CreateTemplateVersionDryRunRequest(
            workspace_name=workspace,
            rich_parameter_values=[models.VariableValue(name=key, value=value) for key, value in values.items()],
            user_variable_values=[models.VariableValue(name=key, value=value) for key, value in variables.items()],
        )
        job = await client.templates.create_dry_run(chosen.id, request)

        async def read() -> DryRun:
            return DryRun(await client.templates.get_dry_run(chosen.id, job.id))

        await follow_job(
            "The dry run",
            read,
            lambda after: client.templates.follow_dry_run_logs(chosen.id, job.id, after=after),
            progress,
        )
        return await client.templates.dry_run_resources(chosen.id, job.id)

    resources = context.run(work)
    if output is Format.JSON:
        print_json(resources)
        return
    if not resources:
        typer.echo("A start would make nothing.", err=True)
        return
    print_table(list(_rows(resources)), ["resource", "agents", "cost a day"])


def _rows(resources: "list[WorkspaceResource]") -> Iterator[list[str]]:
    for resource in resources:
        agents = ", ".join(
            _agent(agent.name, agent.operating_system, agent.architecture) for agent in resource.agents or []
        )
        yield [f"{resource.type}.{resource.name}", agents, str(resource.daily_cost)]


def _agent(name: str, system: str, architecture: str) -> str:
    return f"{name} ({system}/{architecture})" if system else name
