"""`oauth2 secrets list|create|delete`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.commands.oauth2.naming import AppArgument, find_app
from homeport_cli.errors import CliError
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, print_json, show

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import OAuth2ProviderAppSecret, OAuth2ProviderAppSecretFull

app = typer.Typer(no_args_is_help=True, help="Secrets by which applications prove themselves.")
COLUMNS: Columns = {
    "id": lambda item: item.id,
    "ends in": lambda item: item.client_secret_truncated,
    "last used": lambda item: ago(item.last_used_at),
}


@app.command("list")
def list_secrets(name: AppArgument, output: OutputOption = Format.TABLE) -> None:
    """List an application's secrets by their last characters."""

    async def work(client: "Client") -> "list[OAuth2ProviderAppSecret]":
        return await client.oauth2.list_secrets((await find_app(client, name)).id)

    show(context.run(work), COLUMNS, output, empty="No secrets found. Make one: homeport oauth2 secrets create")


app.command("ls", hidden=True)(list_secrets)


@app.command("create")
def create(name: AppArgument, output: OutputOption = Format.TABLE) -> None:
    """Make a secret and print it; it is shown this once. Those from before go on working."""

    async def work(client: "Client") -> "OAuth2ProviderAppSecretFull":
        return await client.oauth2.create_secret((await find_app(client, name)).id)

    made = context.run(work)
    if output is Format.JSON:
        print_json(made)
    else:
        typer.echo(made.client_secret_full)


@app.command("delete")
def delete(
    name: AppArgument,
    secret: Annotated[str, typer.Argument(metavar="SECRET", help="Id of the secret, or its last characters.")],
    is_assumed: YesOption = False,
) -> None:
    """Delete a secret: tokens that were issued through it end at once."""

    async def work(client: "Client") -> None:
        found = await find_app(client, name)
        chosen = [
            each
            for each in await client.oauth2.list_secrets(found.id)
            if secret in {each.id, each.client_secret_truncated}
        ]
        if len(chosen) != 1:
            raise CliError(f"There is no such secret. List them: homeport oauth2 secrets list {found.id}")
        context.confirm(f"Delete the secret that ends in {chosen[0].client_secret_truncated}?", is_assumed=is_assumed)
        await client.oauth2.delete_secret(found.id, chosen[0].id)
        typer.echo(f"Deleted the secret of '{found.name}' that ends in {chosen[0].client_secret_truncated}.", err=True)

    context.run(work)


app.command("rm", hidden=True)(delete)
