"""`start`, `stop`, `restart`, `update`, `delete`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import completions, context
from homeport_cli.builds import build, find_workspace, is_running, is_stopped, settle, values_of_start
from homeport_cli.commands.workspaces import NoWaitOption, ParameterFileOption, ParameterOption, VerboseOption
from homeport_cli.names import parse_workspace
from homeport_cli.output import YesOption
from homeport_cli.progress import Progress
from homeport_cli.values import parse_pairs, read_values

if TYPE_CHECKING:
    from homeport_sdk.client import Client

NameArgument = Annotated[
    str, typer.Argument(metavar="[OWNER/]NAME", help="The workspace.", autocompletion=completions.workspace_names)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("start")(start)
    app.command("stop")(stop)
    app.command("restart")(restart)
    app.command("update")(update)
    app.command("delete")(delete)
    app.command("rm", hidden=True)(delete)


def start(
    name: NameArgument,
    parameter: ParameterOption = None,
    parameter_file: ParameterFileOption = None,
    is_assumed: YesOption = False,
    is_verbose: VerboseOption = False,
    has_no_wait: NoWaitOption = False,
) -> None:
    """Start a workspace. One that runs already stays as it is."""
    given = _given(parameter, parameter_file)
    target = parse_workspace(name)
    progress = Progress(is_verbose=is_verbose)

    async def work(client: "Client") -> str:
        workspace = await settle(client, await find_workspace(client, target), progress)
        if is_running(workspace):
            return f"Workspace '{target}' runs already."
        values = await values_of_start(client, workspace, given, is_asking=not is_assumed)
        await build(client, workspace, "start", progress, parameters=values, is_waited_for=not has_no_wait)
        return f"Workspace '{target}' {'is starting' if has_no_wait else 'runs'}."

    typer.echo(context.run(work), err=True)


def stop(
    name: NameArgument,
    is_assumed: YesOption = False,  # noqa: ARG001 accepted so that scripts may pass it everywhere
    is_verbose: VerboseOption = False,
    has_no_wait: NoWaitOption = False,
) -> None:
    """Stop a workspace; what is in its home stays."""
    target = parse_workspace(name)
    progress = Progress(is_verbose=is_verbose)

    async def work(client: "Client") -> str:
        workspace = await settle(client, await find_workspace(client, target), progress)
        if is_stopped(workspace):
            return f"Workspace '{target}' is stopped already."
        await build(client, workspace, "stop", progress, is_waited_for=not has_no_wait)
        return f"Workspace '{target}' {'is stopping' if has_no_wait else 'is stopped'}."

    typer.echo(context.run(work), err=True)


def restart(
    name: NameArgument,
    parameter: ParameterOption = None,
    parameter_file: ParameterFileOption = None,
    is_assumed: YesOption = False,
    is_verbose: VerboseOption = False,
) -> None:
    """Stop a workspace and start it again."""
    given = _given(parameter, parameter_file)
    target = parse_workspace(name)
    progress = Progress(is_verbose=is_verbose)

    async def work(client: "Client") -> None:
        workspace = await settle(client, await find_workspace(client, target), progress)
        values = await values_of_start(client, workspace, given, is_asking=not is_assumed)
        if not is_stopped(workspace):
            await build(client, workspace, "stop", progress)
        await build(client, workspace, "start", progress, parameters=values)

    context.run(work)
    typer.echo(f"Workspace '{target}' runs.", err=True)


def update(
    name: NameArgument,
    parameter: ParameterOption = None,
    parameter_file: ParameterFileOption = None,
    is_assumed: YesOption = False,
    is_verbose: VerboseOption = False,
) -> None:
    """Start a workspace with the active version of its template; one that runs is stopped first. Values are kept, new ones asked for."""
    given = _given(parameter, parameter_file)
    target = parse_workspace(name)
    progress = Progress(is_verbose=is_verbose)

    async def work(client: "Client") -> str:
        workspace = await settle(client, await find_workspace(client, target), progress)
        if not workspace.outdated and is_running(workspace) and not given:
            return f"Workspace '{target}' runs the active version already."
        values = await values_of_start(client, workspace, given, is_updated=True, is_asking=not is_assumed)
        if not is_stopped(workspace):
            context.confirm(f"Stop workspace '{target}' and start it anew?", is_assumed=is_assumed)
            await build(client, workspace, "stop", progress)
        await build(client, workspace, "start", progress, parameters=values, is_updated=True)
        return f"Workspace '{target}' runs the active version."

    typer.echo(context.run(work), err=True)


def delete(
    name: NameArgument,
    is_orphaned: Annotated[
        bool,
        typer.Option("--orphan", help="Forget the workspace without its provisioner; what it made stays where it is."),
    ] = False,
    is_assumed: YesOption = False,
    is_verbose: VerboseOption = False,
    has_no_wait: NoWaitOption = False,
) -> None:
    """Delete a workspace and everything in it."""
    target = parse_workspace(name)
    context.confirm(f"Delete workspace '{target}' and everything in it?", is_assumed=is_assumed)
    progress = Progress(is_verbose=is_verbose)

    async def work(client: "Client") -> None:
        workspace = await settle(client, await find_workspace(client, target), progress)
        await build(client, workspace, "delete", progress, is_orphaned=is_orphaned, is_waited_for=not has_no_wait)

    context.run(work)
    typer.echo(f"Workspace '{target}' is {'being deleted' if has_no_wait else 'deleted'}.", err=True)


def _given(parameter: list[str] | None, parameter_file: Path | None) -> dict[str, str]:
    """Return the values that the flags give."""
    return read_values(parameter_file, flag="--rich-parameter-file") | parse_pairs(parameter or [], flag="--parameter")
