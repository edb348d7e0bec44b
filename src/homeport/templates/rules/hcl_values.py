"""Values of Terraform's language and what it makes of them: conversions, comparison, members, signs. Pure.

Bounded: a value that is large, or a number that is, is refused.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

MOST_TEXT = 16 * 1024
_WHOLE = 10**15

Value = str | bool | int | float | list[Any] | dict[str, Any] | None


class Unevaluable(Exception):
    """The expression is wrong, or only Terraform could tell its value. `place` is where it stands, as far as that is known."""

    place: Any = None


class Distinct(list[Any]):
    """A set: each value once, in order. What iterates over it gets the value as its key, too."""


def as_distinct(values: Iterable[Any]) -> Distinct:
    """Make a set of values, texts in their order."""
    found = Distinct()
    for value in values:
        if not any(equal(value, known) for known in found):
            found.append(value)
    found.sort(key=lambda value: value if isinstance(value, str) else "")
    return found


def as_text(value: Value) -> str:
    """Return the text that Terraform makes of a value. Raises Unevaluable for lists, maps and null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(_whole(value))
    raise Unevaluable("a text is expected, and the value is " + ("null" if value is None else "a list or a map"))


def as_truth(value: Value) -> bool:
    """Return a truth. Raises Unevaluable for anything but true and false, also as texts."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Unevaluable("a condition is true or false")


def as_number(value: Value) -> int | float:
    """Return a number. Raises Unevaluable for what is none, also as a text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        if isinstance(value, str) and len(value) <= 40:
            return _whole(float(value))
    except ValueError:
        pass
    raise Unevaluable("a number is expected")


def as_list(value: Value) -> list[Any]:
    """Return a list, or a set. Raises Unevaluable."""
    if isinstance(value, list):
        return value
    raise Unevaluable("a list is expected")


def entries_of(value: Value) -> list[tuple[Any, Any]]:
    """Return keys and values of what can be gone through. Raises Unevaluable."""
    if isinstance(value, Distinct):
        return [(each, each) for each in value]
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return sorted(value.items())
    raise Unevaluable("a list or a map is expected")


def equal(left: Value, right: Value) -> bool:
    """Compare as Terraform does: a text never equals a number or a truth, and a truth is no number."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return left == right


def member(value: Value, key: Value) -> Value:
    """Return what stands under a key or at a place. Raises Unevaluable where there is nothing."""
    if isinstance(value, dict) and isinstance(key, str) and key in value:
        return value[key]  # type: ignore[no-any-return]
    if isinstance(value, list):
        place = as_number(key)
        if isinstance(place, int) and 0 <= place < len(value):
            return value[place]  # type: ignore[no-any-return]
    raise Unevaluable(f"there is no '{str(key)[:40]}' in it")


def combine(sign: str, left: Value, right: Value) -> Value:
    """Return what an operator makes of two values; `&&` and `||` are not among them. Raises Unevaluable."""
    if sign == "==":
        return equal(left, right)
    if sign == "!=":
        return not equal(left, right)
    one, two = as_number(left), as_number(right)
    if sign in "/%" and two == 0:
        raise Unevaluable("it divides by zero")
    outcomes: dict[str, Callable[[], Value]] = {
        "+": lambda: one + two, "-": lambda: one - two, "*": lambda: one * two, "/": lambda: _whole(one / two),
        "%": lambda: one % two, "<": lambda: one < two, ">": lambda: one > two, "<=": lambda: one <= two,
        ">=": lambda: one >= two,
    }  # fmt: skip
    return bounded(outcomes[sign]())


def bounded(value: Value) -> Value:
    """Return the value, unless it is too large. Raises Unevaluable."""
    if isinstance(value, str | list | dict) and len(value) > MOST_TEXT:
        raise Unevaluable("its value is too large")
    if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= _WHOLE):
        raise Unevaluable("its number is too large")
    return value


def joined(separator: str, values: Iterable[Value]) -> str:
    """Join values as texts. Raises Unevaluable for what is none, and where it gets too large."""
    texts = [as_text(value) for value in values]
    if sum(map(len, texts)) + len(separator) * len(texts) > MOST_TEXT:
        raise Unevaluable("its value is too large")
    return separator.join(texts)


def _whole(number: float) -> int | float:
    return int(number) if math.isfinite(number) and abs(number) <= _WHOLE and number == int(number) else number
