"""`tokens create|list|remove`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.durations import nanoseconds, parse_duration
from homeport_cli.errors import CliError
from homeport_cli.output import Columns, Format, OutputOption, ago, print_json, show

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import APIKeyWithOwner

app = typer.Typer(no_args_is_help=True, help="Tokens: sessions for scripts.")
COLUMNS: Columns = {
    "id": lambda item: item.id,
    "name": lambda item: item.token_name,
    "scopes": lambda item: ",".join(item.scopes),
    "last used": lambda item: ago(item.last_used),
    "expires at": lambda item: f"{item.expires_at:%Y-%m-%d %H:%M}",
    "created": lambda item: ago(item.created_at),
    "owner": lambda item: item.username,
}


@app.command("create")
def create(
    lifetime: Annotated[str, typer.Option("--lifetime", help="How long the token works, like 12h or 30d.")] = "720h",
    name: Annotated[str, typer.Option("--name", "-n", help="Name of the token; made up when left out.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What the token may do; everything when left out. Repeat it for more."),
    ] = None,
    user: Annotated[str, typer.Option("--user", "-u", help="Whose token: id, username or me.")] = "me",
    output: OutputOption = Format.TABLE,
) -> None:
    """Make a token and print it; it is shown this once."""
    length = nanoseconds(parse_duration(lifetime, flag="--lifetime"))
    if length <= 0:
        raise CliError("--lifetime must be longer than zero.")

    async def work(client: "Client") -> str:
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.CreateTokenRequest(lifetime=length, token_name=name, scopes=scope or None)
        return (await client.users.create_token(request, user=user)).key

    token = context.run(work)
    if output is Format.JSON:
        print_json({"key": token})
    else:
        print(token)


@app.command("list")
def list_tokens(
    is_all: Annotated[bool, typer.Option("--all", "-a", help="Tokens of everybody that you may see.")] = False,
    user: Annotated[str, typer.Option("--user", "-u", help="Whose tokens: id, username or me.")] = "me",
    output: OutputOption = Format.TABLE,
) -> None:
    """List your tokens, or somebody's."""
    found = context.run(lambda client: client.users.list_tokens(user=user, has_all=is_all))
    show(found, COLUMNS, output, empty="No tokens found. Make one: homeport tokens create")


@app.command("remove")
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME|ID|TOKEN…")],
    user: Annotated[str, typer.Option("--user", "-u", help="Whose tokens: id, username or me.")] = "me",
) -> None:
    """Remove tokens: what uses them is signed out at once."""

    async def work(client: "Client") -> None:
        known = await client.users.list_tokens(user=user)
        chosen = [_choose(known, name) for name in names]
        for token in chosen:
            await client.users.delete_key(token.id, user=user)
            typer.echo(f"Removed token '{token.token_name or token.id}'.", err=True)

    context.run(work)


app.command("rm", hidden=True)(remove)


def _choose(known: "list[APIKeyWithOwner]", name: str) -> "APIKeyWithOwner":
    for token in known:
        if name == token.token_name or name == token.id or name.startswith(f"{token.id}-"):
            return token
    raise CliError("There is no such token. List them: homeport tokens list")
