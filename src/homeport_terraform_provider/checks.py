"""Checks of single values, for declarations. Pure."""

import re

from homeport_terraform_provider.schema import Check

_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,?#-]+")
_CHOICE = re.compile(r"(\*|\d+(-\d+)?)(/\d+)?(,(\*|\d+(-\d+)?)(/\d+)?)*")
_SIX = "second, minute, hour, day of month, month, day of week"


def one_of(*allowed: str) -> Check:
    """Let some texts through."""

    def check(value: object) -> str | None:
        return None if value in allowed else f"{_shown(value)} is none of: {', '.join(allowed)}."

    return check


def matching(pattern: str, rule: str) -> Check:
    """Let texts of a form through; the rule says which form."""

    def check(value: object) -> str | None:
        return None if isinstance(value, str) and re.fullmatch(pattern, value) else f"{_shown(value)}: {rule}"

    return check


def whole(least: int | None = None, most: int | None = None) -> Check:
    """Let whole numbers within bounds through."""

    def check(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            return f"{_shown(value)} is no whole number."
        if least is not None and value < least:
            return f"{_shown(value)} is too small: it must be {least} at least."
        if most is not None and value > most:
            return f"{_shown(value)} is too big: it must be {most} at most."
        return None

    return check


def not_empty(value: object) -> str | None:
    """Let what is not empty through."""
    return None if value else "It must not be empty."


def cron(value: object) -> str | None:
    """Let cron expressions of six fields through, which begin with the second."""
    fields = str(value).split()
    if len(fields) != 6:
        return f"{_shown(value)} has {len(fields)} fields; it takes six: {_SIX}."
    wrong = next((field for field in fields if not _CRON_FIELD.fullmatch(field)), None)
    return None if wrong is None else f"{_shown(value)}: '{wrong}' has no place in a cron expression ({_SIX})."


def prebuild_cron(value: object) -> str | None:
    """Let cron expressions through that choose hours and days of the week only."""
    fields = str(value).split()
    if len(fields) != 5 or fields[0] != "*" or fields[2] != "*" or fields[3] != "*":
        return f"{_shown(value)} must have the form '* HOUR * * DAY-OF-WEEK': all other fields are '*'."
    for text, most, name in ((fields[1], 23, "hour"), (fields[4], 6, "day of the week")):
        if not _CHOICE.fullmatch(text) or any(int(number) > most for number in re.findall(r"\d+", text)):
            return f"{_shown(value)}: '{text}' is no {name}: 0 to {most}, ranges with '-', several with ','."
    return None


def _shown(value: object) -> str:
    text = str(value)
    return f"'{text[:100]}…'" if len(text) > 100 else f"'{text}'"
