"""`provisioner start|list|jobs|keys`."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, print_json, show
from homeport_cli.values import parse_pairs

if TYPE_CHECKING:
    from homeport_sdk.client import Client

app = typer.Typer(no_args_is_help=True, help="Provisioners: daemons that build workspaces.")
keys = typer.Typer(no_args_is_help=True, help="Keys of remote provisioners.")
app.add_typer(keys, name="keys")
jobs = typer.Typer(help="Jobs of an organization: what waits and why, what runs, what has ended.")
app.add_typer(jobs, name="jobs")
provider = typer.Typer(no_args_is_help=True, help="The Terraform provider for coder/coder that comes with Homeport.")
app.add_typer(provider, name="terraform-provider")
OrganizationOption = Annotated[str, typer.Option("--org", "-O", help="The organization.")]
DAEMONS: Columns = {
    "name": lambda item: item.name,
    "status": lambda item: item.status or "",
    "version": lambda item: item.version,
    "key": lambda item: item.key_name or "",
    "tags": lambda item: write_tags(item.tags),
    "engines": lambda item: ",".join(item.provisioners),
    "last seen": lambda item: ago(item.last_seen_at),
    "job": lambda item: item.current_job.id if item.current_job else "",
}
JOBS: Columns = {
    "id": lambda item: item.id,
    "type": lambda item: item.type,
    "status": lambda item: item.status,
    "queue": lambda item: f"{item.queue_position}/{item.queue_size}" if item.queue_position else "",
    "about": lambda item: item.metadata.workspace_name or item.metadata.template_name,
    "tags": lambda item: write_tags(item.tags),
    "worker": lambda item: item.worker_name,
    "created": lambda item: ago(item.created_at),
    "why": lambda item: item.wait.message if item.wait else item.error,
}
KEYS: Columns = {
    "name": lambda item: item.name,
    "tags": lambda item: write_tags(item.tags),
    "created": lambda item: ago(item.created_at),
}


def write_tags(tags: dict[str, str]) -> str:
    """Write tags as people give them."""
    return " ".join(f"{name}={value}" for name, value in sorted(tags.items()) if value)


@app.command(
    "start", context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
)
def start(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[OPTIONS]", help="See: homeport provisioner start --help")
    ] = None,
) -> None:
    """Run a provisioner daemon on this machine."""
    from homeport_provisioner.main import main  # lazy: another program, loaded only to become it

    if context.current.url:
        os.environ.setdefault("HOMEPORT_URL", context.current.url)
    if context.current.token:
        os.environ.setdefault("HOMEPORT_SESSION_TOKEN", context.current.token)
    raise typer.Exit(main(arguments or []))


@app.command("list")
def list_daemons(
    organization: OrganizationOption = "default",
    has_offline: Annotated[bool, typer.Option("--offline", help="Also those that have gone quiet.")] = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """List provisioner daemons and what each does."""
    found = context.run(
        lambda client: client.provisioning.list_daemons(organization=organization, has_offline=has_offline)
    )
    show(found, DAEMONS, output, empty="No provisioner was seen. Start one: homeport provisioner start")


StatusOption = Annotated[
    str, typer.Option("--status", "-s", help="Only jobs of these states, by commas, like pending,running.")
]
LimitOption = Annotated[int, typer.Option("--limit", "-l", min=1, max=1000, help="How many.")]


@jobs.callback(invoke_without_command=True)
def show_jobs(
    ctx: typer.Context,
    status: StatusOption = "",
    limit: LimitOption = 50,
    organization: OrganizationOption = "default",
    output: OutputOption = Format.TABLE,
) -> None:
    """Jobs of an organization, the newest first: what waits and why, what runs, what has ended."""
    if ctx.invoked_subcommand is None:
        list_jobs(status=status, limit=limit, organization=organization, output=output)


@jobs.command("list")
def list_jobs(
    status: StatusOption = "",
    limit: LimitOption = 50,
    organization: OrganizationOption = "default",
    output: OutputOption = Format.TABLE,
) -> None:
    """List jobs, the newest first, with the reason why one waits or has failed."""
    found = context.run(
        lambda client: client.provisioning.list_jobs(organization=organization, status=status, limit=limit)
    )
    show(found, JOBS, output, empty="No jobs found.")


@jobs.command("cancel")
def cancel_job(
    job: Annotated[str, typer.Argument(metavar="ID", help="Id of the job, as `jobs list` shows it.")],
    organization: OrganizationOption = "default",
) -> None:
    """Ask a job to stop. Whoever may cancel its build or template version may do this."""

    async def work(client: "Client") -> None:
        found = await client.provisioning.get_job(job, organization=organization)
        await client.provisioning.cancel_job(found)

    context.run(work)
    typer.echo(f"The job {job} was asked to stop.", err=True)


@keys.command("list")
def list_keys(organization: OrganizationOption = "default", output: OutputOption = Format.TABLE) -> None:
    """List keys of remote provisioners."""
    found = context.run(lambda client: client.provisioning.list_keys(organization=organization))
    show(found, KEYS, output, empty="No keys found.")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument()],
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", help="Tag of the key's daemons as name=value; repeat it for more."),
    ] = None,
    organization: OrganizationOption = "default",
    output: OutputOption = Format.TABLE,
) -> None:
    """Make a key and print it; it is shown this once. Daemons read it from HOMEPORT_PROVISIONER_KEY."""
    tags = parse_pairs(tag or [], flag="--tag")

    async def work(client: "Client") -> str:
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.CreateProvisionerKeyRequest(name=name, tags=tags)
        return (await client.provisioning.create_key(request, organization=organization)).key

    secret = context.run(work)
    if output is Format.JSON:
        print_json({"key": secret})
    else:
        print(secret)


@keys.command("delete")
def delete_key(
    name: Annotated[str, typer.Argument()], organization: OrganizationOption = "default", is_assumed: YesOption = False
) -> None:
    """Delete a key: its daemons get no more jobs, and what they work on ends as failed."""
    context.confirm(f"Delete the key '{name}'?", is_assumed=is_assumed)
    context.run(lambda client: client.provisioning.delete_key(name, organization=organization))
    typer.echo(f"Deleted the key '{name}'.", err=True)


@provider.command("set-up")
def set_up_provider(
    is_forced: Annotated[bool, typer.Option("--force", help="Make it again, even if it is there.")] = False,
) -> None:
    """Install what it needs, once for each installation; `make setup` has done so already."""
    from homeport_provisioner.terraform_provider import environment  # lazy: of another program

    try:
        folder = environment.make_environment(lambda text: typer.echo(f"{text} …", err=True), is_forced=is_forced)
    except (environment.SetUpFailure, OSError) as error:
        raise CliError(str(error)) from error
    typer.echo(f"The bundled Terraform provider is set up in {folder}.", err=True)
