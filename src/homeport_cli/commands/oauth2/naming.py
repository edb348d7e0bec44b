"""Which application a person means: by id, client_id or name."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli.errors import CliError

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import OAuth2ProviderApp

AppArgument = Annotated[str, typer.Argument(metavar="APP", help="Id, client_id or name of the application.")]


async def find_app(client: "Client", value: str) -> "OAuth2ProviderApp":
    """Return the application with this id, client_id or name. Raises CliError for none, and for a name of several."""
    found = [app for app in await client.oauth2.list_apps(query=value) if value in {app.id, app.client_id, app.name}]
    exact = [app for app in found if value in {app.id, app.client_id}] or found
    if not exact:
        raise CliError(f"There is no application '{value}'. List them: homeport oauth2 apps list")
    if len(exact) > 1:
        raise CliError(f"{len(exact)} applications have the name '{value}'; use an id: homeport oauth2 apps list")
    return exact[0]
