"""`oauth2 settings show|set`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import context
from homeport_cli.output import Format, OutputOption, print_json

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import OAuth2ProviderSettings

app = typer.Typer(no_args_is_help=True, help="What owners decide while the server runs.")


class Switch(StrEnum):
    """A switch."""

    ON = "on"
    OFF = "off"


@app.command("show")
def show_settings(output: OutputOption = Format.TABLE) -> None:
    """Show whether applications may register themselves."""
    _show(context.run(lambda client: client.oauth2.get_settings()), output)


@app.command("set")
def set_settings(
    registration: Annotated[
        Switch, typer.Option("--dynamic-registration", help="Whether applications may register themselves: on or off.")
    ],
    output: OutputOption = Format.TABLE,
) -> None:
    """Decide whether applications may register themselves; those that have go on working."""

    async def work(client: "Client") -> "OAuth2ProviderSettings":
        from homeport_sdk import models  # lazy: wire types load with the call

        request = models.PutOAuth2ProviderSettingsRequest(dynamic_client_registration_enabled=registration is Switch.ON)
        return await client.oauth2.update_settings(request)

    _show(context.run(work), output)


def _show(found: "OAuth2ProviderSettings", output: Format) -> None:
    if output is Format.JSON:
        print_json(found)
        return
    typer.echo(f"dynamic registration: {'on' if found.dynamic_client_registration_enabled else 'off'}")
