"""`templates access show|grant|revoke`: who may use or administer a template beyond the holders of roles."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from homeport_cli import context
from homeport_cli.commands.templates.reading import NameArgument
from homeport_cli.errors import CliError
from homeport_cli.output import Format, OutputOption, print_json, print_table
from homeport_cli.templates import TemplateOrganizationOption, find_template

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Template, TemplateACL

app = typer.Typer(no_args_is_help=True, help="Who may use a template, beside those whom a role lets.")
UsersOption = Annotated[list[str] | None, typer.Option("--user", help="A username. Repeat it for more.")]
GroupsOption = Annotated[
    list[str] | None,
    typer.Option("--group", help="Name of a group; 'everyone' is all members. Repeat it for more."),
]
_EVERYONE = "everyone"


class Role(StrEnum):
    """What may be given."""

    USE = "use"
    ADMIN = "admin"


@app.command("show")
def show_access(
    name: NameArgument, organization: TemplateOrganizationOption = "", output: OutputOption = Format.TABLE
) -> None:
    """List the people and groups that the template names."""

    async def work(client: "Client") -> "tuple[Template, TemplateACL]":
        template = await find_template(client, name, organization)
        return template, await client.templates.acl(template.id)

    _show(*context.run(work), output)


@app.command("grant")
def grant(
    name: NameArgument,
    users: UsersOption = None,
    groups: GroupsOption = None,
    role: Annotated[Role, typer.Option("--role", help="use: make workspaces of it; admin: change it, too.")] = Role.USE,
    organization: TemplateOrganizationOption = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """Let people or groups use the template, or administer it; what they had before is replaced."""
    _change(name, users, groups, role=role.value, organization=organization, output=output)


@app.command("revoke")
def revoke(
    name: NameArgument,
    users: UsersOption = None,
    groups: GroupsOption = None,
    organization: TemplateOrganizationOption = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """Take people or groups off the template's list; workspaces that they have stay. `--group everyone` makes it private."""
    _change(name, users, groups, role="", organization=organization, output=output)


def _change(
    name: str,
    users: list[str] | None,
    groups: list[str] | None,
    *,
    role: Literal["", "use", "admin"],
    organization: str,
    output: Format,
) -> None:
    if not users and not groups:
        raise CliError("Say whom: --user or --group.")

    async def work(client: "Client") -> "tuple[Template, TemplateACL]":
        from homeport_sdk import models  # lazy: wire types load with the call

        template = await find_template(client, name, organization)
        listed = await client.templates.acl(template.id)
        request = models.UpdateTemplateACL(
            user_perms=dict.fromkeys(await _user_ids(client, template, listed, users or []), role),
            group_perms=dict.fromkeys(await _group_ids(client, template, listed, groups or []), role),
        )
        await client.templates.update_acl(template.id, request)
        return template, await client.templates.acl(template.id)

    _show(*context.run(work), output)


async def _user_ids(client: "Client", template: "Template", listed: "TemplateACL", names: list[str]) -> list[str]:
    """Return ids of people: of those on the list, and of others whom the caller may see. Raises CliError."""
    known = {user.username: str(user.id) for user in listed.users}
    for name in names:
        if name not in known:
            found = await client.templates.acl_available(template.id, query=name, limit=100)
            known |= {user.username: str(user.id) for user in found.users}
        if name not in known:
            raise CliError(f"You know nobody with the username '{name}'. List people: homeport users list")
    return [known[name] for name in names]


async def _group_ids(client: "Client", template: "Template", listed: "TemplateACL", names: list[str]) -> list[str]:
    """Return ids of groups of the template's organization. Raises CliError."""
    known = {group.name: str(group.id) for group in listed.group}
    # That of all members has the id of its organization.
    known |= dict.fromkeys((_EVERYONE, _EVERYONE.capitalize()), str(template.organization_id))
    for name in names:
        if name not in known:
            found = await client.templates.acl_available(template.id, query=name, limit=100)
            known |= {group.name: str(group.id) for group in found.groups}
        if name not in known:
            place = template.organization_name
            raise CliError(f"There is no group '{name}' in '{place}'. List groups: homeport groups list --org {place}")
    return [known[name] for name in names]


def _show(template: "Template", listed: "TemplateACL", output: Format) -> None:
    if output == Format.JSON:
        print_json(listed)
        return
    rows = [
        ["group", _EVERYONE if group.id == template.organization_id else group.name, group.role]
        for group in listed.group
    ]
    rows += [["user", user.username, user.role] for user in listed.users]
    if not rows:
        typer.echo(f"The template '{template.name}' names nobody: those may use it whom a role lets.", err=True)
        return
    print_table(rows, ["kind", "name", "may"])
