"""`completion`: the script with which a shell completes commands, workspaces and templates."""

from enum import StrEnum
from typing import Annotated

import typer

VARIABLE = "_HOMEPORT_COMPLETE"


class Shell(StrEnum):
    """Shells that we know."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("completion")(completion)


def completion(shell: Annotated[Shell, typer.Argument(help="The shell.")]) -> None:
    """Print the completion script of a shell, to be read by it: `source <(homeport completion bash)`."""
    from typer._completion_shared import get_completion_script  # lazy: only this command writes a script

    print(get_completion_script(prog_name="homeport", complete_var=VARIABLE, shell=shell.value))


def prepare() -> None:
    """Let typer answer the shell's questions: it does so by itself only together with install options of its own."""
    from typer._completion_classes import completion_init  # lazy: only a shell that completes asks

    completion_init()
