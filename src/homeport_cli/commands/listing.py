"""`list` and `show`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport_cli import completions, context
from homeport_cli.builds import find_workspace
from homeport_cli.errors import CliError
from homeport_cli.names import parse_workspace
from homeport_cli.output import Columns, Format, OutputOption, ago, duration, print_json, print_table, show

if TYPE_CHECKING:
    from homeport_sdk.models import Workspace

COLUMNS: Columns = {
    "workspace": lambda item: f"{item.owner_name}/{item.name}",
    "organization": lambda item: item.organization_name,
    "template": lambda item: item.template_name,
    "status": lambda item: item.latest_build.status,
    "healthy": lambda item: _health(item),  # noqa: PLW0108 defined below
    "last built": lambda item: ago(item.latest_build.created_at),
    "version": lambda item: item.latest_build.template_version_name,
    "outdated": lambda item: str(item.outdated).lower(),
    "starts at": lambda item: item.autostart_schedule or "",
    "stops after": lambda item: duration(timedelta(milliseconds=item.ttl_ms)) if item.ttl_ms else "",
    "id": lambda item: item.id,
}
SHOWN = ("workspace", "template", "status", "healthy", "last built", "version", "outdated", "starts at", "stops after")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_workspaces)
    app.command("ls", hidden=True)(list_workspaces)
    app.command("show")(show_workspace)


def list_workspaces(
    is_all: Annotated[bool, typer.Option("--all", "-a", help="Workspaces of everybody that you may see.")] = False,
    search: Annotated[
        str, typer.Option("--search", help="Words and filters, like 'template:python status:running'.")
    ] = "",
    organization: Annotated[
        str,
        typer.Option(
            "--org", "-O", help="Workspaces of this organization only.", autocompletion=completions.organization_names
        ),
    ] = "",
    column: Annotated[
        str, typer.Option("--column", "-c", help=f"Columns of the table, by commas: {', '.join(COLUMNS)}.")
    ] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List workspaces: your own, unless told otherwise."""
    columns = pick_columns(column)
    query = search or ("" if is_all else "owner:me")
    if organization:
        query = f'{query} organization:"{organization}"'.strip()
    found = context.run(lambda client: client.workspaces.list_all(query=query))
    if not column and len({item.organization_id for item in found}) > 1:
        columns = {name: read for name, read in COLUMNS.items() if name in {*SHOWN, "organization"}}
    show(found, columns, output, empty="No workspaces found. Make one: homeport create NAME")


def pick_columns(names: str) -> Columns:
    """Return the columns of these names, separated by commas. Raises CliError for an unknown one."""
    chosen = [name.strip().lower().replace("_", " ") for name in names.split(",") if name.strip()] or list(SHOWN)
    unknown = [name for name in chosen if name not in COLUMNS]
    if unknown:
        raise CliError(f"--column: there is no column '{unknown[0]}'. There are: {', '.join(COLUMNS)}.")
    return {name: COLUMNS[name] for name in chosen}


def show_workspace(
    name: Annotated[str, typer.Argument(metavar="[OWNER/]NAME", autocompletion=completions.workspace_names)],
    output: OutputOption = Format.TABLE,
) -> None:
    """Show a workspace with its resources and agents."""
    target = parse_workspace(name)
    workspace = context.run(lambda client: find_workspace(client, target))
    if output is Format.JSON:
        print_json(workspace)
        return
    print_table([[read(workspace) for read in COLUMNS.values()]], list(COLUMNS))
    rows = _agent_rows(workspace)
    if rows:
        print()
        print_table(rows, ["resource", "agent", "status", "lifecycle", "version", "apps"])


def _agent_rows(workspace: "Workspace") -> list[list[str]]:
    rows: list[list[str]] = []
    for resource in workspace.latest_build.resources:
        label = f"{resource.type}.{resource.name}"
        if not resource.agents:
            rows.append([label, "", "", "", "", ""])
        rows += [
            [
                label,
                agent.name,
                agent.status,
                agent.lifecycle_state,
                agent.version,
                ", ".join(app.slug for app in agent.apps),
            ]
            for agent in resource.agents
        ]
    return rows


def _health(item: Any) -> str:
    return str(item.health.healthy).lower() if item.latest_build.transition == "start" else ""
