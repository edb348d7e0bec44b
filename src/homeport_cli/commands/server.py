"""`server`: its flags are made from the server's own definition of its settings."""

import inspect
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from homeport_cli.errors import CliError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("server")(_with_flags())


def _with_flags() -> Any:
    """Return the command as a function whose parameters are the settings."""
    from homeport.config.load import definitions  # lazy: known here only where the server is installed

    def server(**options: Any) -> None:
        """Run the server. Flags win over HOMEPORT_<NAME>, that over CODER_<NAME>, that over the settings file."""
        serve(options.pop("config"), options)

    parameters = [
        _parameter(
            "config", Path | None, typer.Option("--config", help="TOML file with settings. [HOMEPORT_CONFIG]"), None
        )
    ]
    for item in definitions():
        is_switch = item.about.kind == "switch"
        option = typer.Option(
            f"{item.flag}/--no-{item.flag[2:]}" if is_switch else item.flag,
            help=f"{item.about.help} [HOMEPORT_{item.environment}]",
            rich_help_panel=item.about.group,
            metavar=None if is_switch else "|".join(item.about.choices) or item.about.kind.upper(),
            show_default=False,
        )
        parameters.append(_parameter(item.name, bool | None if is_switch else str | None, option, None))
    server.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    server.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return server


def _parameter(name: str, kind: Any, option: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def serve(config: Path | None, flags: dict[str, Any]) -> None:
    """Check the settings and run the server in this process until it is told to end."""
    from homeport.config import SettingsError, load_settings  # lazy: the command alone needs the server
    from homeport.server.start import run  # lazy: the command alone needs the server

    named = os.environ.get("HOMEPORT_CONFIG")
    file = config or (Path(named) if named else None)
    try:
        settings = load_settings(flags=flags, environment=os.environ, file=file)
    except SettingsError as error:
        raise CliError(str(error)) from error
    raise typer.Exit(run(settings))
