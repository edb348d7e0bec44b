"""`--switch=true` and `--switch=false`: scripts write switches so where other programs take a value there."""

from collections.abc import Iterable, Mapping
from typing import Any

# Flags of a switch to those that mean on and off; without a flag for off, that is leaving it out.
Switches = Mapping[str, Mapping[str, str]]


def accept_values(command: Any) -> None:
    """Let the switches of a command, and of all below it, take true or false. `command` is what typer makes of an app."""
    for inner in getattr(command, "commands", {}).values():
        accept_values(inner)
    if switches := _switches(command.params):
        parse = command.parse_args
        command.parse_args = lambda ctx, arguments: parse(ctx, without_values(arguments, switches))


def without_values(arguments: Iterable[str], switches: Switches) -> list[str]:
    """Return arguments in which no switch has a value. What follows `--` is for somebody else."""
    found: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        flag, _, value = argument.partition("=")
        if argument == "--":
            return [*found, argument, *rest]
        if flag not in switches or value not in switches[flag]:
            found.append(argument)
        elif meant := switches[flag][value]:
            found.append(meant)
    return found


def _switches(parameters: Iterable[Any]) -> Switches:
    return {
        flag: {"true": flag, "false": off}
        for parameter in parameters
        if getattr(parameter, "is_flag", False)
        for off in [next(iter(parameter.secondary_opts), "")]
        for flag in parameter.opts
        if flag.startswith("--")
    }
