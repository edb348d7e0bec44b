"""Values for a template's parameters: given, asked for, or left to their defaults."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import msgspec
import typer

from homeport_cli.context import is_interactive
from homeport_cli.errors import CliError
from homeport_cli.prompts import ask, choose
from homeport_cli.values import suggest

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import DynamicParametersResponse, PreviewParameter, Workspace

_INCOMPLETE = "incomplete_form"
# What people answer where true or false is asked for; anything else the server judges.
_SWITCHES = {"y": "true", "yes": "true", "1": "true", "n": "false", "no": "false", "0": "false"}
_SWITCHES |= {word: word for word in ("true", "false")}


async def complete_values(
    client: "Client",
    version_id: str,
    given: dict[str, str],
    *,
    is_asking: bool,
    workspace: "Workspace | None" = None,
    preset: dict[str, str] | None = None,
) -> dict[str, str]:
    """Return what to send: what was given, and with `is_asking` what a person answers for the rest.

    What a `preset` sets counts as given; what it says of parameters that there are not is passed over, as the server does.
    `workspace` is one that is built again: what it has is neither asked for nor sent. The server judges what was given, and each
    answer, as it will judge the whole. Raises CliError for a name that no parameter has, for a value that was given and is wrong,
    and for required ones that are missing. Where Terraform alone knows which parameters there are, names are the server's to judge.
    """
    kept = set[str]()
    if workspace is not None:
        kept = {value.name for value in await client.builds.parameters(workspace.latest_build.id)}

    async def fill(values: dict[str, str]) -> "list[PreviewParameter]":
        return (await _fill(client, version_id, values, workspace)).parameters

    fixed = preset or {}
    form = await _fill(client, version_id, {**given, **fixed}, workspace)
    parameters = form.parameters
    is_complete = all(each.extra.code != _INCOMPLETE for each in form.diagnostics)
    names = [parameter.name for parameter in parameters]
    if is_complete:
        _require_known(names, given)
    given = given | {name: value for name, value in fixed.items() if name in names}
    problems = {item.name: _problem(item) for item in parameters if item.name in given}
    if wrong := [f"\n  {name}: {words}" for name, words in problems.items() if words]:
        raise CliError(f"The template does not take these values.{''.join(wrong)}")
    values = dict(given)
    if is_asking and is_interactive():
        # An answer may bring up further questions, and take away others.
        while item := next((each for each in parameters if _is_open(each, values, kept)), None):
            values[item.name] = await _ask_well(item, values, fill)
            parameters = await fill(values)
        known = {item.name for item in parameters}
        return {name: value for name, value in values.items() if name in known or not is_complete}
    if lacking := [item.name for item in parameters if _is_open(item, values, kept) and item.required]:
        flags = " ".join(f"--parameter {name}=…" for name in lacking)
        raise CliError(f"The template needs values for: {', '.join(lacking)}. Pass {flags}")
    return values


def _is_open(parameter: "PreviewParameter", values: dict[str, str], kept: set[str]) -> bool:
    return parameter.name not in values.keys() | kept and not parameter.ephemeral


def _require_known(known: list[str], given: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise CliError(f"The template has no parameter '{name}'. {suggest(name, known)}")


async def _ask_well(
    parameter: "PreviewParameter",
    values: dict[str, str],
    fill: "Callable[[dict[str, str]], Awaitable[list[PreviewParameter]]]",
) -> str:
    """Ask until the server has nothing against the answer."""
    while True:
        answer = _ask(parameter)
        filled = await fill({**values, parameter.name: answer})
        problem = next((_problem(item) for item in filled if item.name == parameter.name), "")
        if not problem:
            return answer
        typer.echo(problem, err=True)


async def _fill(
    client: "Client", version_id: str, values: dict[str, str], workspace: "Workspace | None"
) -> "DynamicParametersResponse":
    """Return the form with these values, its parameters in the order in which they are asked for."""
    workspace_id = workspace.id if workspace else None
    return await client.templates.evaluate_parameters(version_id, values, workspace_id=workspace_id)


def _problem(parameter: "PreviewParameter") -> str:
    """Return what is wrong with a value, in words."""
    return " ".join(each.detail or each.summary for each in parameter.diagnostics if each.severity == "error")


def _ask(parameter: "PreviewParameter") -> str:
    title = parameter.display_name or parameter.name
    if parameter.description:
        title += f" ({' '.join(parameter.description.split())})"
    flag = f"--parameter {parameter.name}=…"
    default = None if parameter.required else parameter.default_value.value
    if parameter.options and parameter.type != "list(string)":
        options = [(option.value.value, option.name) for option in parameter.options]
        if default:
            options.sort(key=lambda option: option[0] != default)
        return choose(title, options, flag=flag)
    if parameter.options:
        title += f" [some of {', '.join(option.value.value for option in parameter.options)}]"
    answer = ask(title, flag=flag, default=default)
    if parameter.type == "string":
        return answer
    answer = answer.strip()
    if parameter.type == "bool":
        return _SWITCHES.get(answer.lower(), answer)
    if parameter.type == "list(string)" and not answer.startswith("["):
        return msgspec.json.encode([part.strip() for part in answer.split(",") if part.strip()]).decode()
    return answer
