"""What values a build may have: types, options, patterns, bounds, and what may change between builds (spec: workspaces 1.3)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from homeport.kit.errors import FieldError
from homeport.kit.patterns import Pattern, UnusablePattern

MAX_NUMBER = 100
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_LIST = msgspec.json.Decoder(list[str])


class Parameter(Protocol):
    """What matters of a declared parameter; rows and reported parameters have it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def type(self) -> str:
        """string, number, bool or list(string)."""
        ...

    @property
    def default_value(self) -> str:
        """Its value when nobody gives one."""
        ...

    @property
    def options(self) -> Sequence[Any]:
        """Its choices; with any, the value is one of them. Structs or mappings with a `value`."""
        ...

    @property
    def mutable(self) -> bool:
        """Whether it may change after the first build."""
        ...

    @property
    def ephemeral(self) -> bool:
        """Whether its value holds for one build only."""
        ...

    @property
    def required(self) -> bool:
        """Whether it has no default, so that a value must be given."""
        ...

    @property
    def validation_regex(self) -> str:
        """A pattern that the value must match somewhere."""
        ...

    @property
    def validation_min(self) -> int | None:
        """The least number."""
        ...

    @property
    def validation_max(self) -> int | None:
        """The greatest number."""
        ...

    @property
    def validation_monotonic(self) -> str:
        """increasing, decreasing, or nothing: how a number may change from build to build."""
        ...

    @property
    def validation_error(self) -> str:
        """What to say instead of our words; {min}, {max} and {value} are filled in."""
        ...


def validate_parameters(
    parameters: Iterable[Parameter], requested: Mapping[str, str], previous: Mapping[str, str], *, is_first_build: bool
) -> list[FieldError]:
    """Return what is wrong with a build's values; a field is the parameter's name. Empty: all is well.

    `previous` are the last build's values; they carry over where nothing is requested, except for ephemeral parameters.
    """
    errors: list[FieldError] = []
    known: set[str] = set()
    for parameter in parameters:
        known.add(parameter.name)
        problem = _check(parameter, requested.get(parameter.name), previous.get(parameter.name), is_first_build)
        if problem:
            errors.append(FieldError(parameter.name, problem))
    errors += [
        FieldError(name[:64] or "rich_parameter_values", "The template does not have this parameter.")
        for name in requested
        if name not in known
    ]
    return errors


def check_declarations(parameters: Sequence[Parameter]) -> list[FieldError]:
    """Return what contradicts itself in a template's parameters, so that no build ever meets it."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for parameter in parameters:
        problem = "its name occurs twice." if parameter.name in seen else _check_declaration(parameter)
        seen.add(parameter.name)
        if problem:
            errors.append(FieldError(parameter.name, problem))
    return errors


def check_value(parameter: Parameter, value: str) -> str:
    """Return what is wrong with one value by itself, or an empty text."""
    problem = _check_type(parameter, value)
    if problem:
        return problem
    if parameter.options:
        return _check_options(parameter, value)
    if parameter.type == "number":
        return _check_bounds(parameter, Decimal(value))
    if parameter.validation_regex:
        return _check_pattern(parameter, value)
    return ""


def _check(parameter: Parameter, requested: str | None, previous: str | None, is_first_build: bool) -> str:
    if requested is None:
        if previous is not None and not parameter.ephemeral:
            return check_value(parameter, previous)
        return "A value is required." if parameter.required else ""
    if previous is not None and not is_first_build and not parameter.ephemeral:
        if not parameter.mutable and requested != previous:
            return "It cannot be changed after the first build."
        if parameter.validation_monotonic and parameter.type == "number":
            problem = check_value(parameter, requested)
            return problem or _check_direction(parameter, requested, previous)
    return check_value(parameter, requested)


def _check_type(parameter: Parameter, value: str) -> str:
    if parameter.type == "number":
        return "" if is_number(value) else "Give a number."
    if parameter.type == "bool":
        return "" if value in {"true", "false"} else "Give true or false."
    if parameter.type == "list(string)":
        return "" if _items(value) is not None else 'Give a JSON list of texts, such as ["a", "b"].'
    return ""


def is_number(value: str) -> bool:
    """Tell whether a text is a decimal number of reasonable length, without exponent, infinity or white space."""
    return len(value) <= MAX_NUMBER and _NUMBER.fullmatch(value) is not None


def _check_options(parameter: Parameter, value: str) -> str:
    allowed = {_value_of(option) for option in parameter.options}
    if value in allowed:
        return ""
    items = _items(value) if parameter.type == "list(string)" else None
    if items is not None and all(item in allowed for item in items):
        return ""
    return f"Choose one of: {', '.join(sorted(allowed))[:500]}."


def _check_bounds(parameter: Parameter, number: Decimal) -> str:
    low, high = parameter.validation_min, parameter.validation_max
    if (low is None or number >= low) and (high is None or number <= high):
        return ""
    if low is not None and high is not None:
        words = f"Give a number from {low} to {high}."
    else:
        words = f"Give a number of at least {low}." if low is not None else f"Give a number of at most {high}."
    return _own_words(parameter, str(number)) or words


def _check_pattern(parameter: Parameter, value: str) -> str:
    try:
        if Pattern(parameter.validation_regex).search(value):
            return ""
    except UnusablePattern as error:
        return f"The template's pattern cannot be used: {error}."
    return _own_words(parameter, value) or f"It must match the pattern {parameter.validation_regex}."


def _check_direction(parameter: Parameter, requested: str, previous: str) -> str:
    if not is_number(previous):
        return ""
    now, then = Decimal(requested), Decimal(previous)
    if parameter.validation_monotonic == "increasing" and now < then:
        return f"It can only grow; it is {previous} now."
    if parameter.validation_monotonic == "decreasing" and now > then:
        return f"It can only shrink; it is {previous} now."
    return ""


def _check_declaration(parameter: Parameter) -> str:
    if parameter.ephemeral and parameter.required:
        return "an ephemeral parameter needs a default value."
    values = [_value_of(option) for option in parameter.options]
    if len(set(values)) != len(values):
        return "two of its options have the same value."
    low, high = parameter.validation_min, parameter.validation_max
    if low is not None and high is not None and low > high:
        return "its least value is above its greatest."
    if parameter.validation_regex:
        try:
            Pattern(parameter.validation_regex)
        except UnusablePattern as error:
            return f"its pattern cannot be used: {error}."
    # An empty default stands for "nothing chosen", whatever the type.
    problem = check_value(parameter, parameter.default_value) if parameter.default_value else ""
    return f"its default value is not valid: {problem}" if problem else ""


def _own_words(parameter: Parameter, value: str) -> str:
    words = parameter.validation_error
    for name, filling in (
        ("{min}", parameter.validation_min),
        ("{max}", parameter.validation_max),
        ("{value}", value[:100]),
    ):
        words = words.replace(name, "" if filling is None else str(filling))
    return words


def _value_of(option: Any) -> str:
    return str(option["value"] if isinstance(option, Mapping) else option.value)


def _items(value: str) -> list[str] | None:
    try:
        return _LIST.decode(value.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return None
