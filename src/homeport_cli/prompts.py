"""Asking people. Where nobody can be asked, the error says which flag answers instead."""

import typer

from homeport_cli.context import is_interactive
from homeport_cli.errors import CliError


def ask(
    question: str, *, flag: str, default: str | None = None, is_hidden: bool = False, is_confirmed: bool = False
) -> str:
    """Ask for a text on standard error. Raises CliError that names `flag` where nobody can be asked."""
    if not is_interactive():
        raise CliError(f"{question} is not known, and there is nobody to ask here. Pass {flag}.")
    answer: str = typer.prompt(
        question,
        default=default,
        err=True,
        hide_input=is_hidden,
        confirmation_prompt=is_confirmed,
        show_default=bool(default),
    )
    return answer


def choose(question: str, options: list[tuple[str, str]], *, flag: str) -> str:
    """Let a person choose among (value, description) by number or value. Raises CliError where nobody can be asked."""
    if not options:
        raise CliError(f"{question}: there is nothing to choose from.")
    if is_interactive():
        for number, (value, description) in enumerate(options, start=1):
            typer.echo(f"  {number}. {value}" + (f"  {description}" if description else ""), err=True)
    while True:
        answer = ask(question, flag=flag).strip()
        if answer.isdigit() and 1 <= int(answer) <= len(options):
            return options[int(answer) - 1][0]
        if answer in [value for value, _ in options]:
            return answer
        typer.echo("Give one of the numbers.", err=True)
