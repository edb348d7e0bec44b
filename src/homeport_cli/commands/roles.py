"""`roles list|show|create|edit|delete`: roles of an organization, and with `--site` those of the deployment."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_cli.organizations import OrganizationOption
from homeport_cli.output import Columns, Format, OutputOption, YesOption, print_json, print_table, show

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import AssignableRoles, CustomRoleRequest, Permission, Role

app = typer.Typer(
    no_args_is_help=True, help="Roles: what may be given to members, and custom roles of an organization."
)
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="Name of the role.")]
SiteOption = Annotated[bool, typer.Option("--site", help="Roles of the whole deployment.")]
DisplayNameOption = Annotated[str | None, typer.Option("--display-name", help="Name to show.")]
PermissionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--permission",
        "-p",
        help="type:action, such as workspace:read; several actions with commas. Repeat it for more types.",
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="The role as JSON, as `roles show NAME -o json` prints it; - is standard input."),
]
COLUMNS: Columns = {
    "name": lambda item: item.name,
    "display name": lambda item: item.display_name or "",
    "kind": lambda item: "built in" if item.built_in else "custom",
    "may give": lambda item: "yes" if item.assignable else "",
    "permissions": lambda item: str(len(_permissions(item))),
}


@app.command("list")
def list_roles(
    organization: OrganizationOption = "default", is_site: SiteOption = False, output: OutputOption = Format.TABLE
) -> None:
    """List roles, and which of them you may give to others."""
    show(context.run(lambda client: _read(client, organization, is_site=is_site)), COLUMNS, output)


app.command("ls", hidden=True)(list_roles)


@app.command("show")
def show_role(
    name: RoleArgument,
    organization: OrganizationOption = "default",
    is_site: SiteOption = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Show what a role permits."""
    found = context.run(lambda client: _read(client, organization, is_site=is_site))
    for role in found:
        if role.name == name:
            _show(role, output)
            return
    raise CliError(f"There is no role '{name}' here. List them: homeport roles list" + (" --site" if is_site else ""))


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="[ROLE]", help="Name of the role.")] = "",
    permissions: PermissionOption = None,
    display_name: DisplayNameOption = None,
    file: FileOption = None,
    organization: OrganizationOption = "default",
    output: OutputOption = Format.TABLE,
) -> None:
    """Make a custom role. You can put into it only what you may do yourself in that organization."""
    request = _request(name, permissions, display_name, file)
    made = context.run(lambda client: client.organizations.create_role(request, organization=organization))
    _show(_named(made, request.name), output)


@app.command("edit")
def edit(
    name: Annotated[str, typer.Argument(metavar="[ROLE]", help="Name of the role.")] = "",
    permissions: PermissionOption = None,
    display_name: DisplayNameOption = None,
    file: FileOption = None,
    organization: OrganizationOption = "default",
    output: OutputOption = Format.TABLE,
) -> None:
    """Change a custom role: its permissions become those given here. Holders have them from their next request on."""
    if file is None and permissions is None and display_name is None:
        raise CliError("Say what to change: --permission, --display-name or --file.")
    request = _request(name, permissions, display_name, file)

    async def work(client: "Client") -> "list[Role]":
        if file is None:
            before = _named(await client.organizations.roles(organization), request.name)
            if permissions is None:
                request.organization_permissions = before.organization_permissions
            if display_name is None:
                request.display_name = before.display_name or ""
        return await client.organizations.update_role(request, organization=organization)

    _show(_named(context.run(work), request.name), output)


@app.command("delete")
def delete(name: RoleArgument, organization: OrganizationOption = "default", is_assumed: YesOption = False) -> None:
    """Delete a custom role and take it from everybody who has it."""
    context.confirm(f"Delete the role '{name}' and take it from its holders?", is_assumed=is_assumed)
    context.run(lambda client: client.organizations.delete_role(name, organization=organization))
    typer.echo(f"Deleted the role '{name}'.", err=True)


app.command("rm", hidden=True)(delete)


async def _read(client: "Client", organization: str, *, is_site: bool) -> "list[AssignableRoles]":
    return await (client.users.site_roles() if is_site else client.organizations.roles(organization))


def _request(
    name: str, permissions: Sequence[str] | None, display_name: str | None, file: Path | None
) -> "CustomRoleRequest":
    from homeport_sdk import models  # lazy: wire types load with the call

    if file is not None:
        request = _decode(file)
        if name and name != request.name:
            raise CliError(f"--file: it holds the role '{request.name}', not '{name}'.")
    elif not name:
        raise CliError("Name the role, or pass --file.")
    else:
        request = models.CustomRoleRequest(name=name)
    if permissions is not None:
        request.organization_permissions = _parse(permissions)
    if display_name is not None:
        request.display_name = display_name
    return request


def _decode(file: Path) -> "CustomRoleRequest":
    from homeport_sdk import models  # lazy: wire types load with the call

    try:
        text = typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes()
        return msgspec.json.decode(text, type=models.CustomRoleRequest)
    except OSError as error:
        raise CliError(f"--file: {file} cannot be read: {error.strerror}.") from error
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeError) as error:
        raise CliError(f"--file: {file} does not hold a role: {error}.") from error


def _parse(texts: Sequence[str]) -> "list[Permission]":
    from homeport_sdk import models  # lazy: wire types load with the call

    found = []
    for text in texts:
        type_, colon, actions = text.partition(":")
        if not colon or not type_ or not actions:
            raise CliError(f"--permission: '{text}' is not of the form type:action, such as workspace:read.")
        found += [models.Permission(resource_type=type_, action=action) for action in actions.split(",")]
    return found


def _named(roles: "Sequence[Role] | Sequence[AssignableRoles]", name: str) -> "Role | AssignableRoles":
    for role in roles:
        if role.name == name:
            return role
    raise CliError(f"There is no role '{name}' here. List them: homeport roles list")


def _permissions(role: "Role | AssignableRoles") -> "list[Permission]":
    return [*role.site_permissions, *role.organization_permissions, *role.user_permissions]


def _show(role: "Role | AssignableRoles", output: Format) -> None:
    if output is Format.JSON:
        print_json(role)
        return
    typer.echo(f"{role.name}  {role.display_name or ''}".rstrip())
    levels = {
        "site": role.site_permissions,
        "organization": role.organization_permissions,
        "own": role.user_permissions,
    }
    rows = [
        [level, each.resource_type, ("not " if each.negate else "") + each.action]
        for level, permissions in levels.items()
        for each in sorted(permissions, key=lambda each: (each.resource_type, each.action))
    ]
    if rows:
        print_table(rows, ["where", "type", "action"])
