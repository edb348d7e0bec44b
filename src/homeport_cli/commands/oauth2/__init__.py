"""`oauth2 apps|secrets|grants|settings`: applications that people allow to work for them."""

import typer

from homeport_cli.commands.oauth2 import apps, grants, secrets, settings

app = typer.Typer(
    no_args_is_help=True, help="OAuth2 applications: clients, their secrets, what people have allowed them."
)
app.add_typer(apps.app, name="apps")
app.add_typer(secrets.app, name="secrets")
app.add_typer(grants.app, name="grants")
app.add_typer(settings.app, name="settings")
