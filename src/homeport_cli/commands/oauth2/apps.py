"""`oauth2 apps list|show|create|edit|delete`."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.commands.oauth2.naming import AppArgument, find_app
from homeport_cli.errors import CliError
from homeport_cli.output import Columns, Format, OutputOption, YesOption, ago, print_json, print_table, show

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import OAuth2ProviderApp, OAuth2ProviderAppSecretFull

app = typer.Typer(no_args_is_help=True, help="Applications that may ask people for access.")
COLUMNS: Columns = {
    "id": lambda item: item.id,
    "name": lambda item: item.name,
    "kind": lambda item: item.kind.replace("_", " "),
    "type": lambda item: item.client_type,
    "callback": lambda item: item.callback_url,
    "last used": lambda item: ago(item.last_used_at),
    "created": lambda item: ago(item.created_at),
}
CallbackOption = Annotated[
    list[str] | None, typer.Option("--callback", help="Address to which people are sent back. Repeat it for more.")
]
ScopeOption = Annotated[
    list[str] | None,
    typer.Option("--scope", help="The most that it may be granted; no limit when left out. Repeat it for more."),
]
GrantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grant", help="authorization_code, refresh_token, client_credentials or the device grant. Repeat it for more."
    ),
]
UserOption = Annotated[
    str, typer.Option("--service-user", help="Account in whose name it works by client_credentials.")
]
OrganizationOption = Annotated[
    str,
    typer.Option("--service-organization", help="Organization in which it gets an account of its own for that."),
]
KeysOption = Annotated[
    str, typer.Option("--jwks-uri", help="Where its public keys are: it proves itself by signatures.")
]


@app.command("list")
def list_apps(
    search: Annotated[str, typer.Option("--search", help="Part of a name, or a client_id.")] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List applications: those that owners registered, and those that made themselves known."""
    found = context.run(lambda client: client.oauth2.list_apps(query=search))
    show(found, COLUMNS, output, empty="No applications found. Register one: homeport oauth2 apps create")


app.command("ls", hidden=True)(list_apps)


@app.command("show")
def show_app(name: AppArgument, output: OutputOption = Format.TABLE) -> None:
    """Show an application and the addresses that it works with."""
    found = context.run(lambda client: find_app(client, name))
    _show(found, output)


@app.command("create")
def create(
    name: Annotated[
        str, typer.Argument(help="Name that people see: letters and digits, with '.', '_' and '-' between.")
    ],
    callbacks: CallbackOption = None,
    is_public: Annotated[
        bool, typer.Option("--public", help="It runs where no secret can be kept: on a desktop, in a browser.")
    ] = False,
    scopes: ScopeOption = None,
    grants: GrantOption = None,
    service_user: UserOption = "",
    service_organization: OrganizationOption = "",
    jwks_uri: KeysOption = "",
    icon: Annotated[str, typer.Option("--icon", help="Address of a picture.")] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """Register an application; of a confidential one, print a secret, which is shown this once."""
    has_secret = not is_public and not jwks_uri

    async def work(client: "Client") -> "tuple[OAuth2ProviderApp, OAuth2ProviderAppSecretFull | None]":
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.PostOAuth2ProviderAppRequest(
            name=name,
            redirect_uris=callbacks,
            icon=icon,
            client_type="public" if is_public else "confidential",
            token_endpoint_auth_method="private_key_jwt" if jwks_uri else "",
            jwks_uri=jwks_uri,
            scope=" ".join(scopes or ()),
            grant_types=grants,
            service_user=service_user,
            service_organization=service_organization,
        )
        made = await client.oauth2.create_app(request)
        return made, await client.oauth2.create_secret(made.id) if has_secret else None

    made, secret = context.run(work)
    if output is Format.JSON:
        print_json({"app": made, **({"secret": secret} if secret else {})})
        return
    typer.echo(f"client_id      {made.client_id}")
    if secret:
        typer.echo(f"client_secret  {secret.client_secret_full}")
        typer.echo("The secret is shown this once.", err=True)


@app.command("edit")
def edit(
    name: AppArgument,
    new_name: Annotated[str, typer.Option("--name", help="Another name.")] = "",
    callbacks: CallbackOption = None,
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="The most that it may be granted; 'none' takes the limit away. Repeat it for more."
        ),
    ] = None,
    grants: GrantOption = None,
    service_user: UserOption = "",
    service_organization: OrganizationOption = "",
    jwks_uri: KeysOption = "",
    icon: Annotated[str | None, typer.Option("--icon", help="Address of a picture.")] = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Change an application; what is left out stays. What goes beyond a narrower scope ends at once."""

    async def work(client: "Client") -> "OAuth2ProviderApp":
        from homeport_sdk import models  # lazy: wire types load with the call

        before = await find_app(client, name)
        request = models.PutOAuth2ProviderAppRequest(
            name=new_name or before.name,
            callback_url="" if callbacks else before.callback_url,
            icon=before.icon if icon is None else icon,
            redirect_uris=callbacks or before.redirect_uris,
            scope=None if scopes is None else _scope(scopes),
            grant_types=grants,
            service_user=service_user or None,
            service_organization=service_organization,
            jwks_uri=jwks_uri or None,
            token_endpoint_auth_method="private_key_jwt" if jwks_uri else None,
        )
        return await client.oauth2.update_app(before.id, request)

    changed = context.run(work)
    _show(changed, output)


@app.command("delete")
def delete(name: AppArgument, is_assumed: YesOption = False) -> None:
    """Delete an application: everything that it was granted ends at once."""

    async def work(client: "Client") -> None:
        found = await find_app(client, name)
        context.confirm(
            f"Delete the application '{found.name}' with everything that it was granted?", is_assumed=is_assumed
        )
        await client.oauth2.delete_app(found.id)
        typer.echo(f"Deleted the application '{found.name}'.", err=True)

    context.run(work)


app.command("rm", hidden=True)(delete)


def _scope(names: list[str]) -> str:
    if "none" not in names:
        return " ".join(names)
    if len(names) > 1:
        raise CliError("--scope none stands alone: it takes the limit away.")
    return ""


def _show(found: "OAuth2ProviderApp", output: Format) -> None:
    if output is Format.JSON:
        print_json(found)
        return
    rows = {
        "name": found.name,
        "client_id": found.client_id,
        "kind": found.kind.replace("_", " "),
        "type": found.client_type,
        "proves itself by": found.token_endpoint_auth_method,
        "grants": ", ".join(found.grant_types),
        "callbacks": ", ".join(found.redirect_uris),
        "granted at most": found.scope_limit or "(no limit)",
        "authorize at": found.endpoints.authorization,
        "tokens at": found.endpoints.token,
        "last used": ago(found.last_used_at),
    }
    print_table([[name, value] for name, value in rows.items()], ["what", "value"])
