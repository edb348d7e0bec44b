"""Values for a template's parameters: given, asked for, or left to their defaults."""

import difflib
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import msgspec
import typer

from homeport_cli.context import is_interactive
from homeport_cli.errors import CliError
from homeport_cli.prompts import ask, choose

if TYPE_CHECKING:
    from homeport_sdk.models import TemplateVersionParameter


def complete_values(
    parameters: "list[TemplateVersionParameter]", given: dict[str, str], *, is_asking: bool
) -> dict[str, str]:
    """Return what to send: what was given, and with `is_asking` what a person answers for the rest.

    Raises CliError for a name that no parameter has, and for required ones that are missing.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else f" It has: {', '.join(known) or 'none'}."
            raise CliError(f"The template has no parameter '{name}'.{hint}")
    values = dict(given)
    missing = [item for item in parameters if item.name not in given and not item.ephemeral]
    if is_asking and is_interactive():
        values |= {item.name: _ask_well(item) for item in missing}
        return values
    lacking = [item.name for item in missing if item.required]
    if lacking:
        flags = " ".join(f"--parameter {name}=…" for name in lacking)
        raise CliError(f"The template needs values for: {', '.join(lacking)}. Pass {flags}")
    return values


def _ask_well(parameter: "TemplateVersionParameter") -> str:
    """Ask until the answer is of the parameter's kind; what only the server can tell (patterns) it tells."""
    while True:
        answer = _ask(parameter)
        problem = _problem(parameter, answer)
        if not problem:
            return answer
        typer.echo(problem, err=True)


def _problem(parameter: "TemplateVersionParameter", answer: str) -> str:
    if parameter.type != "number" or parameter.options or (answer == "" and not parameter.required):
        return ""
    try:
        number = Decimal(answer)
    except InvalidOperation:
        return "Give a number."
    low, high = parameter.validation_min, parameter.validation_max
    if not number.is_finite():
        return "Give a number."
    if low is not None and number < low:
        return f"Give a number of at least {low}."
    return f"Give a number of at most {high}." if high is not None and number > high else ""


def _ask(parameter: "TemplateVersionParameter") -> str:
    title = parameter.display_name or parameter.name
    if parameter.description_plaintext:
        title += f" ({parameter.description_plaintext})"
    flag = f"--parameter {parameter.name}=…"
    default = None if parameter.required else parameter.default_value
    if parameter.options and parameter.type != "list(string)":
        options = [(option.value, option.name) for option in parameter.options]
        if default:
            options.sort(key=lambda option: option[0] != default)
        return choose(title, options, flag=flag)
    answer = ask(title, flag=flag, default=default)
    if parameter.type == "bool":
        return str(answer.strip().lower() in {"y", "yes", "true", "1"}).lower()
    if parameter.type == "list(string)" and not answer.startswith("["):
        return msgspec.json.encode([part.strip() for part in answer.split(",") if part.strip()]).decode()
    return answer
