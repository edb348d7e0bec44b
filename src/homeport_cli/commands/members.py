"""`members list|add|remove|edit-roles|quota`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_cli.organizations import OrganizationOption, UserArgument, UsersArgument
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, print_json, print_table, show

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import OrganizationMember, OrganizationMemberWithUserData

app = typer.Typer(no_args_is_help=True, help="Members of an organization, and the roles that they hold there.")
_PAGE = 100
COLUMNS: Columns = {
    "username": lambda item: item.username,
    "email": lambda item: item.email,
    "name": lambda item: item.name,
    "roles": lambda item: ", ".join(role.display_name or role.name for role in item.roles),
    "site roles": lambda item: ", ".join(role.display_name or role.name for role in item.global_roles),
    "joined": lambda item: ago(item.created_at),
}


@app.command("list")
def list_members(
    organization: OrganizationOption = "default",
    search: Annotated[str, typer.Option("--search", help="Part of a username, name or address.")] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List members."""

    async def work(client: "Client") -> "list[OrganizationMemberWithUserData]":
        found: list[OrganizationMemberWithUserData] = []
        while True:
            page = await client.organizations.members(organization, query=search, limit=_PAGE, offset=len(found))
            found += page.members
            if len(page.members) < _PAGE:
                return found

    show(context.run(work), COLUMNS, output, empty="No members found.")


app.command("ls", hidden=True)(list_members)


@app.command("add")
def add(users: UsersArgument, organization: OrganizationOption = "default") -> None:
    """Add people. Stops at the first who cannot be added and says who that is."""

    async def work(client: "Client") -> None:
        for user in users:
            await client.organizations.add_member(user, organization=organization)
            typer.echo(f"Added {user}.", err=True)

    context.run(work)


@app.command("remove")
def remove(user: UserArgument, organization: OrganizationOption = "default", is_assumed: YesOption = False) -> None:
    """Remove a member, who leaves the organization's groups and can no longer reach workspaces in it."""
    context.confirm(f"Remove '{user}' from the organization '{organization}'?", is_assumed=is_assumed)
    context.run(lambda client: client.organizations.remove_member(user, organization=organization))
    typer.echo(f"Removed {user} from '{organization}'.", err=True)


app.command("rm", hidden=True)(remove)


@app.command("edit-roles")
def edit_roles(
    user: UserArgument,
    roles: Annotated[
        list[str] | None, typer.Argument(metavar="ROLE...", help="All roles that the member shall have here.")
    ] = None,
    has_none: Annotated[bool, typer.Option("--none", help="Take all roles.")] = False,
    organization: OrganizationOption = "default",
    output: OutputOption = Format.TABLE,
) -> None:
    """Make these all the roles of a member in the organization. See them by: homeport roles list."""
    if has_none == bool(roles):
        raise CliError("Name the roles that the member shall have, or pass --none.")

    async def work(client: "Client") -> "OrganizationMember":
        return await client.organizations.set_member_roles(user, roles or [], organization=organization)

    changed = context.run(work)
    if output is Format.JSON:
        print_json(changed)
        return
    held = ", ".join(role.name for role in changed.roles) or "no roles beyond being a member"
    typer.echo(f"{user} has {held} in '{organization}'.", err=True)


@app.command("quota")
def quota(
    user: UserArgument = "me", organization: OrganizationOption = "default", output: OutputOption = Format.TABLE
) -> None:
    """Show what a member's workspaces cost a day, and how much they may."""
    found = context.run(lambda client: client.organizations.quota(user, organization=organization))
    if output is Format.JSON:
        print_json(found)
        return
    budget = "unlimited" if found.budget < 0 else str(found.budget)
    print_table([[str(found.credits_consumed), budget]], ["credits consumed", "budget"])
