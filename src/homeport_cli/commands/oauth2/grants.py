"""`oauth2 grants list|revoke`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.commands.oauth2.naming import find_app
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, show

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import OAuth2ProviderGrant

app = typer.Typer(no_args_is_help=True, help="What people have allowed applications.")
_PAGE = 100
COLUMNS: Columns = {
    "id": lambda item: item.id,
    "user": lambda item: item.username,
    "application": lambda item: item.client_name,
    "resource": lambda item: item.resource,
    "scopes": lambda item: " ".join(item.scopes),
    "last used": lambda item: ago(item.last_used_at),
    "allowed": lambda item: ago(item.updated_at),
}


@app.command("list")
def list_grants(
    user: Annotated[str, typer.Option("--user", "-u", help="Only of this person: id, username or me.")] = "",
    name: Annotated[str, typer.Option("--app", help="Only of this application: id, client_id or name.")] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List what people have allowed applications: yours, and for owners everybody's."""

    async def work(client: "Client") -> "list[OAuth2ProviderGrant]":
        client_id = (await find_app(client, name)).client_id if name else ""
        found: list[OAuth2ProviderGrant] = []
        while True:
            page = await client.oauth2.list_grants(user=user, client_id=client_id, limit=_PAGE, offset=len(found))
            found += page
            if len(page) < _PAGE:
                return found

    show(context.run(work), COLUMNS, output, empty="Nobody has allowed an application anything.")


app.command("ls", hidden=True)(list_grants)


@app.command("revoke")
def revoke(
    grants: Annotated[list[str], typer.Argument(metavar="GRANT…", help="Ids from 'homeport oauth2 grants list'.")],
    is_assumed: YesOption = False,
) -> None:
    """End grants: what applications do with them stops at once."""
    context.confirm(f"Revoke {'this grant' if len(grants) == 1 else f'{len(grants)} grants'}?", is_assumed=is_assumed)

    async def work(client: "Client") -> None:
        for grant in grants:
            await client.oauth2.revoke_grant(grant)
            typer.echo(f"Revoked the grant {grant}.", err=True)

    context.run(work)
