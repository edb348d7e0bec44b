"""`templates init`."""

from pathlib import Path
from typing import Annotated

import typer

from homeport_cli.errors import CliError
from homeport_cli.folders import copy_example, describe, examples
from homeport_cli.prompts import choose


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    directory: Annotated[Path | None, typer.Argument(help="New folder; named after the example when left out.")] = None,
    example: Annotated[
        str, typer.Option("--id", help="Which example to begin from.", autocompletion=lambda: list(examples()))
    ] = "",
) -> None:
    """Begin a template from an example."""
    known = examples()
    listed = [(name, describe(path)) for name, path in known.items()]
    chosen = example or choose("Example", listed, flag="--id " + "|".join(known))
    if chosen not in known:
        raise CliError(f"--id: there is no example '{chosen}'. There are: {', '.join(known) or 'none'}.")
    target = directory or Path(chosen)
    copy_example(known[chosen], target)
    typer.echo(f"Made {target}. Push it: homeport templates push {target.resolve().name} -d {target}", err=True)
