"""`users list|create|show|delete|suspend|activate|edit-roles|reset-password`."""

import secrets
import string
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_cli.organizations import UserArgument
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, print_json, print_table, show
from homeport_cli.prompts import ask

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import User

app = typer.Typer(no_args_is_help=True, help="Accounts of people.")
_LETTERS = string.ascii_letters + string.digits
_PAGE = 100
COLUMNS: Columns = {
    "username": lambda item: item.username,
    "email": lambda item: item.email,
    "name": lambda item: item.name,
    "status": lambda item: item.status,
    "roles": lambda item: ", ".join(role.display_name or role.name for role in item.roles),
    "last seen": lambda item: ago(item.last_seen_at),
    "created": lambda item: ago(item.created_at),
}


@app.command("list")
def list_users(
    search: Annotated[str, typer.Option("--search", help="Words and filters, like 'status:active role:owner'.")] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List accounts."""

    async def work(client: "Client") -> "list[User]":
        found: list[User] = []
        while True:
            page = await client.users.list(query=search, limit=_PAGE, offset=len(found))
            found += page.users
            if len(page.users) < _PAGE:
                return found

    show(context.run(work), COLUMNS, output, empty="No users found.")


app.command("ls", hidden=True)(list_users)


@app.command("create")
def create(
    email: Annotated[str, typer.Option("--email", "-e", help="Email address.")] = "",
    username: Annotated[str, typer.Option("--username", "-u", help="Username.")] = "",
    full_name: Annotated[str, typer.Option("--full-name", "-n", help="Full name.")] = "",
    password: Annotated[
        str, typer.Option("--password", "-p", help="Password; made up and printed when left out.")
    ] = "",
    login_type: Annotated[str, typer.Option("--login-type", help="password, github, oidc or none.")] = "password",
    is_service: Annotated[
        bool,
        typer.Option("--service", help="A service account, as by --login-type none: a program works by its tokens."),
    ] = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Make an account."""
    if login_type not in {"password", "github", "oidc", "none"}:
        raise CliError("--login-type is password, github, oidc or none.")
    if is_service and (login_type not in {"password", "none"} or password):
        raise CliError("Nobody signs in to a service account: leave out --login-type and --password.")
    kind: Any = "none" if is_service else login_type
    if is_service and username and not email:
        # No address of anybody's: the domain is one that never is (RFC 2606).
        email = f"{username}@service.invalid"
    address = email or ask("Email", flag="--email")
    chosen = username or ask("Username", flag="--username", default=address.partition("@")[0])
    is_made_up = kind == "password" and not password
    secret = _make_password() if is_made_up else password

    async def work(client: "Client") -> "User":
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.CreateUserRequestWithOrgs(
            email=address, username=chosen, name=full_name, password=secret, login_type=kind, user_status="active"
        )
        return await client.users.create(request)

    user = context.run(work)
    if output is Format.JSON:
        print_json(user)
    if is_made_up:
        typer.echo(f"Password of {user.username}: {secret}", err=output is Format.JSON)
    if kind == "none":
        how = f"Make a token for it: homeport tokens create --user {user.username}"
    else:
        how = f"They sign in with: homeport login {context.current.url}"
    typer.echo(f"Made the user {user.username}. {how}", err=True)


@app.command("show")
def show_user(
    user: Annotated[str, typer.Argument(metavar="USERNAME|ID|me")], output: OutputOption = Format.TABLE
) -> None:
    """Show an account."""
    found = context.run(lambda client: client.users.get(user))
    if output is Format.JSON:
        print_json(found)
        return
    print_table([[read(found) for read in COLUMNS.values()]], list(COLUMNS))


@app.command("delete")
def delete(user: Annotated[str, typer.Argument(metavar="USERNAME|ID")], is_assumed: YesOption = False) -> None:
    """Delete an account that has no workspaces."""
    context.confirm(f"Delete the user '{user}'?", is_assumed=is_assumed)
    context.run(lambda client: client.users.delete(user))
    typer.echo(f"Deleted the user '{user}'.", err=True)


@app.command("suspend")
def suspend(user: Annotated[str, typer.Argument(metavar="USERNAME|ID")], is_assumed: YesOption = False) -> None:
    """Shut an account out; its workspaces stay."""
    context.confirm(f"Suspend the user '{user}'?", is_assumed=is_assumed)
    context.run(lambda client: client.users.set_status(user, is_active=False))
    typer.echo(f"Suspended the user '{user}'.", err=True)


@app.command("activate")
def activate(user: Annotated[str, typer.Argument(metavar="USERNAME|ID")]) -> None:
    """Let an account in again."""
    context.run(lambda client: client.users.set_status(user, is_active=True))
    typer.echo(f"Activated the user '{user}'.", err=True)


@app.command("edit-roles")
def edit_roles(
    user: UserArgument,
    roles: Annotated[
        list[str] | None, typer.Argument(metavar="ROLE...", help="All roles of the deployment that they shall have.")
    ] = None,
    has_none: Annotated[bool, typer.Option("--none", help="Take all roles.")] = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Make these all the roles that an account has in the deployment. See them by: homeport roles list --site."""
    if has_none == bool(roles):
        raise CliError("Name the roles that the account shall have, or pass --none.")
    changed = context.run(lambda client: client.users.set_roles(user, roles or []))
    if output is Format.JSON:
        print_json(changed)
        return
    held = ", ".join(role.name for role in changed.roles) or "no roles beyond being a member"
    typer.echo(f"{changed.username} has {held} in the deployment.", err=True)


@app.command("reset-password")
def reset_password(
    user: UserArgument,
    password: Annotated[str, typer.Option("--password", "-p", help="Made up and printed when left out.")] = "",
    is_assumed: YesOption = False,
) -> None:
    """Give somebody a new password; all their sessions end."""
    context.confirm(f"Set a new password for '{user}' and end their sessions?", is_assumed=is_assumed)
    secret = password or _make_password()
    context.run(lambda client: client.users.set_password(user, secret))
    if not password:
        typer.echo(f"Password of {user}: {secret}")
    typer.echo(f"Set a new password for '{user}'.", err=True)


def _make_password() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(24))
