"""`agent` and `version`."""

from typing import Annotated

import typer

from homeport_cli import context
from homeport_cli.output import Format, OutputOption, print_json, print_table
from homeport_sdk.version import __version__


def register(app: typer.Typer) -> None:
    """Add the commands."""
    passed_on = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    app.command("agent", context_settings=passed_on)(agent)
    app.command("version")(version)


def agent(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[OPTIONS]", help="See: homeport agent --help")
    ] = None,
) -> None:
    """Serve a workspace from inside it. Templates start this; people rarely do."""
    from homeport_agent.main import main  # lazy: another program, loaded only to become it

    raise typer.Exit(main(arguments or []))


def version(output: OutputOption = Format.TABLE) -> None:
    """Show the version of this program, and of the server when one is known and answers."""
    server = ""
    if context.current.url:
        server = context.run(lambda client: client.deployment.build_info(), is_anonymous=True).version
    if output is Format.JSON:
        print_json({"version": __version__, "server": server or None})
        return
    rows = [["homeport", __version__]] + ([["server", server]] if server else [])
    print_table(rows, ["program", "version"])
