"""Values for a template's parameters: given, asked for, or left to their defaults."""

import difflib
from typing import TYPE_CHECKING

import msgspec
import typer

from homeport_cli.context import is_interactive
from homeport_cli.errors import CliError
from homeport_cli.prompts import ask, choose

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import TemplateVersionParameter


async def complete_values(
    client: "Client", version_id: str, given: dict[str, str], *, kept: dict[str, str] | None = None, is_asking: bool
) -> dict[str, str]:
    """Return what to send: what was given, and with `is_asking` what a person answers for the rest.

    `kept` are values that the server has already; they are neither asked for nor sent. The server judges each answer as it will
    judge the whole. Raises CliError for a name that no parameter has, for required ones that are missing, and where a person is
    asked also for a value that was given and is wrong.
    """
    kept = kept or {}
    parameters = await client.templates.parameters(version_id)
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else f" It has: {', '.join(known) or 'none'}."
            raise CliError(f"The template has no parameter '{name}'.{hint}")
    values = dict(given)
    has_value = given.keys() | kept.keys()
    missing = [item for item in parameters if item.name not in has_value and not item.ephemeral]
    if missing and is_asking and is_interactive():
        problems = await _problems(client, version_id, {**kept, **values})
        if wrong := [f"{name}: {words}" for name, words in problems.items() if name in given]:
            raise CliError(f"The template does not take these values. {' '.join(wrong)}")
        for item in missing:
            values[item.name] = await _ask_well(client, version_id, item, {**kept, **values})
        return values
    lacking = [item.name for item in missing if item.required]
    if lacking:
        flags = " ".join(f"--parameter {name}=…" for name in lacking)
        raise CliError(f"The template needs values for: {', '.join(lacking)}. Pass {flags}")
    return values


async def _ask_well(
    client: "Client", version_id: str, parameter: "TemplateVersionParameter", values: dict[str, str]
) -> str:
    """Ask until the server has nothing against the answer."""
    while True:
        answer = _ask(parameter)
        problem = (await _problems(client, version_id, {**values, parameter.name: answer})).get(parameter.name)
        if not problem:
            return answer
        typer.echo(problem, err=True)


async def _problems(client: "Client", version_id: str, values: dict[str, str]) -> dict[str, str]:
    """Return what is wrong, in words, by parameter."""
    form = await client.templates.evaluate_parameters(version_id, values)
    return {
        item.name: " ".join(each.detail or each.summary for each in item.diagnostics if each.severity == "error")
        for item in form.parameters
        if any(each.severity == "error" for each in item.diagnostics)
    }


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
