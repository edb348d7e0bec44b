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
    from homeport_sdk.models import TemplateVersionParameter, Workspace

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
) -> dict[str, str]:
    """Return what to send: what was given, and with `is_asking` what a person answers for the rest.

    `workspace` is one that is built again: what it has is neither asked for nor sent. The server judges what was given, and each
    answer, as it will judge the whole. Raises CliError for a name that no parameter has, for a value that was given and is wrong,
    and for required ones that are missing.
    """
    parameters = await client.templates.parameters(version_id)
    _require_known([parameter.name for parameter in parameters], given)
    kept = set[str]()
    if workspace is not None:
        kept = {value.name for value in await client.builds.parameters(workspace.latest_build.id)}

    async def judge(values: dict[str, str]) -> dict[str, str]:
        return await _problems(client, version_id, values, workspace)

    problems = await judge(given) if given else {}
    if wrong := [f"\n  {name}: {words}" for name, words in problems.items() if name in given]:
        raise CliError(f"The template does not take these values.{''.join(wrong)}")
    missing = [item for item in parameters if item.name not in given.keys() | kept and not item.ephemeral]
    values = dict(given)
    if is_asking and is_interactive():
        for item in missing:
            values[item.name] = await _ask_well(item, values, judge)
        return values
    if lacking := [item.name for item in missing if item.required]:
        flags = " ".join(f"--parameter {name}=…" for name in lacking)
        raise CliError(f"The template needs values for: {', '.join(lacking)}. Pass {flags}")
    return values


def _require_known(known: list[str], given: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise CliError(f"The template has no parameter '{name}'. {suggest(name, known)}")


async def _ask_well(
    parameter: "TemplateVersionParameter",
    values: dict[str, str],
    judge: Callable[[dict[str, str]], Awaitable[dict[str, str]]],
) -> str:
    """Ask until the server has nothing against the answer."""
    while True:
        answer = _ask(parameter)
        problem = (await judge({**values, parameter.name: answer})).get(parameter.name)
        if not problem:
            return answer
        typer.echo(problem, err=True)


async def _problems(
    client: "Client", version_id: str, values: dict[str, str], workspace: "Workspace | None"
) -> dict[str, str]:
    """Return what is wrong, in words, by parameter."""
    workspace_id = workspace.id if workspace else None
    form = await client.templates.evaluate_parameters(version_id, values, workspace_id=workspace_id)
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
    if parameter.options:
        title += f" [some of {', '.join(option.value for option in parameter.options)}]"
    answer = ask(title, flag=flag, default=default)
    if parameter.type == "string":
        return answer
    answer = answer.strip()
    if parameter.type == "bool":
        return _SWITCHES.get(answer.lower(), answer)
    if parameter.type == "list(string)" and not answer.startswith("["):
        return msgspec.json.encode([part.strip() for part in answer.split(",") if part.strip()]).decode()
    return answer
