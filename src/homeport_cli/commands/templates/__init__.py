"""`templates …`."""

import typer

from homeport_cli.commands.templates import push, reading, starting, versions

app = typer.Typer(no_args_is_help=True, help="Templates: what workspaces are made from.")
starting.register(app)
push.register(app)
reading.register(app)
app.add_typer(versions.app, name="versions")
app.add_typer(versions.app, name="version", hidden=True)
