"""`templates …`."""

import typer

from homeport_cli.commands.templates import access, presets, pulling, push, reading, settings, starting, versions

app = typer.Typer(no_args_is_help=True, help="Templates: what workspaces are made from.")
starting.register(app)
push.register(app)
pulling.register(app)
reading.register(app)
settings.register(app)
app.add_typer(versions.app, name="versions")
app.add_typer(versions.app, name="version", hidden=True)
app.add_typer(presets.app, name="presets")
app.add_typer(access.app, name="access")
