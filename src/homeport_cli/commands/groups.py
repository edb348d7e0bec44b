"""`groups list|show|create|edit|delete`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_cli.organizations import OrganizationOption, find_user_ids
from homeport_cli.output import Columns, Format, OutputOption, YesOption, print_json, print_table, show

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Group

app = typer.Typer(no_args_is_help=True, help="Groups of an organization's members: for template access and quotas.")
GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="Name of the group.")]
DisplayNameOption = Annotated[str | None, typer.Option("--display-name", help="Name to show.")]
AvatarOption = Annotated[str | None, typer.Option("--avatar-url", help="Address of a picture.")]
QuotaOption = Annotated[
    int | None, typer.Option("--quota-allowance", help="Credits a day that each member gets by this group.")
]
COLUMNS: Columns = {
    "name": lambda item: item.name,
    "display name": lambda item: item.display_name,
    "organization": lambda item: item.organization_name,
    "members": lambda item: str(item.total_member_count),
    "quota": lambda item: str(item.quota_allowance),
    "source": lambda item: item.source,
}


@app.command("list")
def list_groups(
    organization: OrganizationOption = "default",
    search: Annotated[str, typer.Option("--search", help="Part of a name.")] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List groups."""
    found = context.run(lambda client: client.groups.list(organization=organization, query=search))
    show(found, COLUMNS, output, empty="No groups found.")


app.command("ls", hidden=True)(list_groups)


@app.command("show")
def show_group(
    name: GroupArgument, organization: OrganizationOption = "default", output: OutputOption = Format.TABLE
) -> None:
    """Show a group with its members."""
    _show(context.run(lambda client: client.groups.get(name, organization=organization)), output)


@app.command("create")
def create(
    name: GroupArgument,
    organization: OrganizationOption = "default",
    display_name: DisplayNameOption = None,
    avatar_url: AvatarOption = None,
    quota_allowance: QuotaOption = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Make a group without members. Add them: homeport groups edit GROUP --add USERNAME."""

    async def work(client: "Client") -> "Group":
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.CreateGroupRequest(
            name=name,
            display_name=display_name or "",
            avatar_url=avatar_url or "",
            quota_allowance=quota_allowance or 0,
        )
        return await client.groups.create(request, organization=organization)

    _show(context.run(work), output)


@app.command("edit")
def edit(
    group: GroupArgument,
    organization: OrganizationOption = "default",
    name: Annotated[str, typer.Option("--name", help="Another name.")] = "",
    display_name: DisplayNameOption = None,
    avatar_url: AvatarOption = None,
    quota_allowance: QuotaOption = None,
    added: Annotated[list[str] | None, typer.Option("--add", help="A member to add. Repeat it for more.")] = None,
    removed: Annotated[
        list[str] | None, typer.Option("--remove", help="A member to remove. Repeat it for more.")
    ] = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Change a group and who is in it, all or nothing; what is not given stays."""
    changes = (name or None, display_name, avatar_url, quota_allowance, added, removed)
    if all(change is None for change in changes):
        raise CliError(
            "Say what to change: --add, --remove, --name, --display-name, --avatar-url or --quota-allowance."
        )

    async def work(client: "Client") -> "Group":
        from homeport_sdk import models  # lazy: wire types load with the call

        found = await client.groups.get(group, organization=organization)
        here = str(found.organization_id)
        in_group = {each.username: str(each.id) for each in found.members}
        leaving = [user for user in removed or () if user not in in_group]
        request = models.PatchGroupRequest(
            name=name,
            display_name=display_name,
            avatar_url=avatar_url,
            quota_allowance=quota_allowance,
            add_users=await find_user_ids(client, added or (), here),
            remove_users=[in_group[user] for user in removed or () if user in in_group]
            + await find_user_ids(client, leaving, here),
        )
        return await client.groups.update(found.id, request)

    _show(context.run(work), output)


@app.command("delete")
def delete(name: GroupArgument, organization: OrganizationOption = "default", is_assumed: YesOption = False) -> None:
    """Delete a group; its members lose what they had by it."""
    context.confirm(f"Delete the group '{name}'?", is_assumed=is_assumed)

    async def work(client: "Client") -> None:
        found = await client.groups.get(name, organization=organization)
        await client.groups.delete(found.id)

    context.run(work)
    typer.echo(f"Deleted the group '{name}'.", err=True)


app.command("rm", hidden=True)(delete)


def _show(group: "Group", output: Format) -> None:
    if output is Format.JSON:
        print_json(group)
        return
    print_table([[read(group) for read in COLUMNS.values()]], list(COLUMNS))
    for member in group.members:
        typer.echo(f"  {member.username}  {member.email}")
    if group.total_member_count > len(group.members):
        typer.echo(f"  and {group.total_member_count - len(group.members)} more")
