"""Which values a parameter takes, and by which control a form asks for it. Pure."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from homeport_terraform_provider.values import Problems, Unknown, Values, blocks_of, known_text

TYPES = ("string", "number", "bool", "list(string)")
_WITH_OPTIONS = {
    "string": ("radio", "dropdown"),
    "number": ("radio", "dropdown"),
    "bool": ("radio", "dropdown"),
    "list(string)": ("radio", "multi-select"),
}
_FREE = {
    "string": ("input", "textarea"),
    "number": ("input", "slider"),
    "bool": ("checkbox", "switch"),
    "list(string)": ("tag-select",),
}
_CONTROLS = dict.fromkeys(name for table in (_WITH_OPTIONS, _FREE) for names in table.values() for name in names)
FORM_TYPES = (*_CONTROLS, "error")
"""The last one shows a mistake of the template in the form, whatever the type."""
_STAND_INS = {"string": "", "number": "0", "bool": "false", "list(string)": "[]"}


def form_types(type: str, *, has_options: bool) -> tuple[str, ...]:
    """Return the controls for a type, the usual one first."""
    return (_WITH_OPTIONS if has_options else _FREE)[type]


def wrong_value(type: str, value: str) -> str | None:
    """Say why a text is no value of a type."""
    if type == "number" and _number(value) is None:
        return f"'{value[:100]}' is no number."
    if type == "bool" and value not in {"true", "false"}:
        return f"'{value[:100]}' is neither true nor false."
    if type == "list(string)" and _strings(value) is None:
        return f"'{value[:100]}' is no JSON list of texts: write it with jsonencode([…])."
    return None


def stand_in(type: str, values: Values) -> str:
    """Return a value that could be given, for a plan that is for nobody."""
    options = [known_text(option, "value") for _, option in blocks_of(values, "option")]
    if options:
        return json.dumps(options[:1]) if values.get("form_type") == "multi-select" else options[0]
    for _, rules in blocks_of(values, "validation"):
        least, most = _number(rules.get("min")), _number(rules.get("max"))
        if type == "number" and (least is not None or most is not None):
            # The number nearest to zero that fits.
            return str(max(least if least is not None else Decimal("-Infinity"), min(Decimal(0), most or Decimal(0))))
    return _STAND_INS[type]


def check_options(type: str, form_type: str, values: Values, problems: Problems) -> None:
    """Check the options of a parameter: each a value of its type, none twice."""
    # Of several that can be chosen, each is a text; else an option is a whole value.
    kind = "string" if form_type == "multi-select" else type
    seen: set[tuple[str, str]] = set()
    for place, option in blocks_of(values, "option"):
        for name in ("name", "value"):
            text = option.get(name)
            if not isinstance(text, str):
                continue
            if (name, text) in seen:
                problems.error(("option", place, name), f"Two options with one {name}", f"'{text[:100]}' is taken.")
            seen.add((name, text))
            wrong = wrong_value(kind, text) if name == "value" else None
            if wrong:
                problems.error(("option", place, "value"), "Invalid value of an option", wrong)


def check_default(type: str, form_type: str, values: Values, problems: Problems) -> None:
    """Check that a default could be entered."""
    default = values.get("default")
    if isinstance(default, str):
        for text in reasons_against(type, default, values, are_several=form_type == "multi-select"):
            problems.error(("default",), "Invalid default", text)


def reasons_against(type: str, value: str, values: Values, *, are_several: bool) -> list[str]:
    """Say why a parameter does not take a value. With `are_several` it is a list of options, not one of them."""
    wrong = [wrong_value(type, value)]
    if wrong == [None]:
        options = [option.get("value") for _, option in blocks_of(values, "option")]
        if options and not any(isinstance(option, Unknown) for option in options):
            chosen = (_strings(value) or []) if are_several else [value]
            wrong += [f"'{each[:100]}' is not among the options." for each in chosen if each not in options]
        wrong += [_broken_rule(type, rules, value) for _, rules in blocks_of(values, "validation")]
    return [text for text in wrong if text]


def check_rules(type: str, values: Values, problems: Problems) -> None:
    """Check that the rules of a parameter fit its type and each other."""
    for place, rules in blocks_of(values, "validation"):
        for name, wanted in (("min", "number"), ("max", "number"), ("monotonic", "number"), ("regex", "string")):
            if rules.get(name) is not None and type != wanted:
                summary = f"'{name}' is for parameters of the type {wanted}"
                problems.error(("validation", place, name), summary, f"The type of this one is {type}.")
        least, most = _number(rules.get("min")), _number(rules.get("max"))
        if least is not None and most is not None and least > most:
            problems.error(("validation", place, "min"), "No number fits", f"min {least} is above max {most}.")


def _broken_rule(type: str, rules: Values, value: str) -> str | None:
    message = known_text(rules, "error").replace("{value}", value)
    number, least, most = _number(value), _number(rules.get("min")), _number(rules.get("max"))
    if type == "number" and number is not None:
        if (least is None or number >= least) and (most is None or number <= most):
            return None
        message = message.replace("{min}", _bound(least)).replace("{max}", _bound(most))
        return message or f"{value} is not between {_bound(least)} and {_bound(most)}."
    pattern = rules.get("regex")
    if type != "string" or not isinstance(pattern, str) or "[:" in pattern:
        # Classes such as [[:alpha:]] mean something else in this dialect.
        return None
    try:
        fits = re.search(pattern, value) is not None
    except re.error:
        # Of the other dialect: the server says what it makes of it.
        return None
    return None if fits else message or f"'{value[:100]}' does not match {pattern}."


def _bound(number: Decimal | None) -> str:
    return "…" if number is None else str(number)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _strings(value: str) -> list[str] | None:
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(each, str) for each in found) else None
