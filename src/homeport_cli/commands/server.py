"""`server`, and `server dbcrypt rotate|decrypt|delete`: flags are made from the server's own definition of its settings."""

import inspect
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_cli.output import YesOption

# What the database and its keys need; everything else does not matter to `dbcrypt`.
_STORAGE = frozenset({"data_dir", "pg_connection_url", "external_token_encryption_keys"})


def register(app: typer.Typer) -> None:
    """Add the command and what belongs to it."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(_with_flags(_server))
    group.add_typer(_dbcrypt(), name="dbcrypt")
    app.add_typer(group, name="server")


def _server(context: typer.Context, /, **options: Any) -> None:
    """Run the server. Flags win over HOMEPORT_<NAME>, that over CODER_<NAME>, that over the settings file."""
    if context.invoked_subcommand is None:
        serve(options.pop("config"), options)
    elif named := [name for name, value in options.items() if value is not None]:
        raise CliError(
            f"Pass --{named[0].replace('_', '-')} after the command: homeport server {context.invoked_subcommand} …"
        )


def _dbcrypt() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Keys that seal what the database must give back.")

    def rotate(_: typer.Context, /, **options: Any) -> None:
        """Seal everything with the first of EXTERNAL_TOKEN_ENCRYPTION_KEYS. Servers may run, except on the embedded database."""
        _crypt("rotate", options)

    def decrypt(_: typer.Context, /, **options: Any) -> None:
        """Go back to the key of the data folder: seal everything with it, so that none needs to be set. Stop the servers first."""
        _crypt("decrypt", options)

    def delete(_: typer.Context, /, **options: Any) -> None:
        """Delete what no key opens any more, after saying what that is."""
        _crypt("delete", options)

    for deed in (rotate, decrypt, delete):
        app.command(deed.__name__)(_with_flags(deed, only=_STORAGE, is_confirmed=deed is not rotate))
    return app


def _with_flags(work: Callable[..., None], *, only: Collection[str] = (), is_confirmed: bool = False) -> Any:
    """Return a command whose parameters are the settings, or some of them."""
    from homeport.config.load import definitions  # lazy: known here only where the server is installed

    def command(**options: Any) -> None:
        work(options.pop("context"), **options)

    parameters = [
        inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        _parameter(
            "config", Path | None, typer.Option("--config", help="TOML file with settings. [HOMEPORT_CONFIG]"), None
        ),
    ]
    if is_confirmed:
        parameters.append(
            inspect.Parameter("is_assumed", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=YesOption)
        )
    for item in definitions():
        if only and item.name not in only:
            continue
        is_switch = item.about.kind == "switch"
        option = typer.Option(
            f"{item.flag}/--no-{item.flag[2:]}" if is_switch else item.flag,
            help=f"{item.about.help} [HOMEPORT_{item.environment}]",
            rich_help_panel=item.about.group,
            metavar=None if is_switch else "|".join(item.about.choices) or item.about.kind.upper(),
            show_default=False,
        )
        parameters.append(_parameter(item.name, bool | None if is_switch else str | None, option, None))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__, command.__doc__ = work.__name__, work.__doc__
    return command


def _parameter(name: str, kind: Any, option: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def serve(config: Path | None, flags: dict[str, Any]) -> None:
    """Check the settings and run the server in this process until it is told to end."""
    from homeport.server.start import run  # lazy: the command alone needs the server

    raise typer.Exit(run(_settings(config, flags)))


def _crypt(deed: Any, options: dict[str, Any]) -> None:
    from homeport.server.dbcrypt import run  # lazy: the command alone needs the server

    is_assumed = options.pop("is_assumed", False)
    settings = _settings(options.pop("config"), options)
    raise typer.Exit(run(settings, deed, confirm=lambda words: context.confirm(words, is_assumed=is_assumed)))


def _settings(config: Path | None, flags: dict[str, Any]) -> Any:
    from homeport.config import SettingsError, load_settings  # lazy: the command alone needs the server

    named = os.environ.get("HOMEPORT_CONFIG")
    try:
        return load_settings(flags=flags, environment=os.environ, file=config or (Path(named) if named else None))
    except SettingsError as error:
        raise CliError(str(error)) from error
