"""Values of Terraform's language and what it makes of them: conversions, comparison, members, signs. Pure.

Bounded: a value that is large, or a number that is, is refused. Numbers are exact: whole ones are `int`, others `Fraction`.
"""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from homeport_sdk.hcl import SURROGATE

MOST_TEXT = 16 * 1024
_MOST_BITS = 512
_MOST_DIGITS = 100
# Text counts less than elements, of which each is a piece of work.
_TEXT_WEIGHT = 64
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)

Number = int | Fraction
Value = str | bool | int | Fraction | list[Any] | dict[str, Any] | None


class Unevaluable(Exception):
    """Only Terraform could tell the value. `place` is where the expression stands, as far as that is known."""

    place: Any = None


class Wrong(Unevaluable):
    """Terraform would refuse it, too: it is what `try` and `can` look for."""


class Distinct(list[Any]):
    """A set: each value once, in order. What iterates over it gets the value as its key, too."""


class Partial(dict[str, Any]):
    """An object of which not all is known here."""


def as_distinct(values: Iterable[Any]) -> Distinct:
    """Make a set of values, in Terraform's order. Raises Unevaluable."""
    unique = {scalar_key(value): value for value in alike(list(values))}
    return Distinct(sorted(unique.values(), key=lambda value: (value is None, value or type(value)())))


def as_text(value: Value) -> str:
    """Return the text that Terraform makes of a value. Raises Unevaluable for lists, maps and null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Fraction):
        return _decimal_text(value)
    raise Wrong("a text is expected, and the value is " + ("null" if value is None else "a list or a map"))


def as_truth(value: Value) -> bool:
    """Return a truth. Raises Unevaluable for anything but true and false, also as texts."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "1", "false", "0"}:
        return value in {"true", "1"}
    raise Wrong("a condition is true or false")


def as_number(value: Value) -> Number:
    """Return a number. Raises Unevaluable for what is none, also as a text."""
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and _NUMBER.fullmatch(value):
        number = Decimal(value)
        if number and abs(number.adjusted()) > _MOST_DIGITS:
            raise Unevaluable("its number is too large")
        return whole(Fraction(number))
    raise Wrong("a number is expected")


def as_whole(value: Value) -> int:
    """Return a whole number. Raises Unevaluable."""
    number = as_number(value)
    if isinstance(number, Fraction):
        raise Wrong("a whole number is expected")
    return number


def as_list(value: Value) -> list[Any]:
    """Return a list, or a set. Raises Unevaluable."""
    if isinstance(value, list):
        return value
    raise Wrong("a list is expected")


def as_sequence(value: Value) -> list[Any]:
    """Return a list, and no set. Raises Unevaluable."""
    if isinstance(value, Distinct):
        raise Wrong("a list is expected, and the value is a set")
    return as_list(value)


def as_map(value: Value) -> dict[str, Any]:
    """Return a map of which all is known. Raises Unevaluable."""
    if isinstance(value, Partial):
        raise Unevaluable("not all of this object is known here")
    if isinstance(value, dict):
        return value
    raise Wrong("a map is expected")


def entries_of(value: Value) -> list[tuple[Any, Any]]:
    """Return keys and values of what can be gone through. Raises Unevaluable."""
    if isinstance(value, Distinct):
        return [(each, each) for each in value]
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return sorted(as_map(value).items())
    raise Wrong("a list or a map is expected")


def scalar_key(value: Value) -> tuple[bool, Any]:
    """Return what tells plain values apart. Raises Unevaluable for lists and maps, whose types only Terraform knows."""
    if isinstance(value, list | dict):
        raise Unevaluable("lists and maps are compared by Terraform alone")
    return isinstance(value, bool), value


def equal(left: Value, right: Value) -> bool:
    """Compare as Terraform does: a text never equals a number or a truth, and a truth is no number. Raises Unevaluable."""
    if isinstance(left, list | dict) is not isinstance(right, list | dict):
        return False
    return scalar_key(left) == scalar_key(right)


def alike(values: list[Any]) -> list[Any]:
    """Return values as elements of one type: next to a text, numbers and truths are texts. Raises Unevaluable."""
    kinds = {_kind(value) for value in values} - {"null"}
    if len(kinds) < 2 and not kinds & {"list", "map"}:
        return values
    if kinds & {"list", "map"}:
        if len(kinds) > 1 or not _is_even(values):
            raise Unevaluable("values of different types are brought together by Terraform alone")
        return values
    if "text" not in kinds:
        raise Wrong("a number and a truth have no type in common")
    return [None if value is None else as_text(value) for value in values]


def reconciled(chosen: Value, others: Iterable[Value]) -> Value:
    """Return a value as it is where others could have been in its place. Raises Unevaluable."""
    present: list[Any] = [each for each in others if each is not None]
    if chosen is None or isinstance(chosen, str) or not present:
        return chosen
    if isinstance(chosen, list) and all(isinstance(each, list) for each in present):
        rest = [value for each in present for value in each]
        return type(chosen)(alike([*chosen, *rest])[: len(chosen)])
    if isinstance(chosen, dict) and all(isinstance(each, dict) for each in present):
        rest = [value for each in present for value in each.values()]
        if _is_even([chosen, *present]):
            return chosen
        return dict(zip(chosen, alike([*chosen.values(), *rest]), strict=False))
    return alike([chosen, *present])[0]  # type: ignore[no-any-return]


def member(value: Value, key: Value) -> Value:
    """Return what stands under a key or at a place. Raises Unevaluable where there is nothing."""
    if isinstance(value, dict) and isinstance(key, str | int | Fraction):
        name = as_text(key)
        if name in value:
            return value[name]  # type: ignore[no-any-return]
        if isinstance(value, Partial):
            raise Unevaluable("this attribute is known to Terraform alone")
    elif isinstance(value, list):
        place = as_whole(key)
        if 0 <= place < len(as_sequence(value)):
            return value[place]  # type: ignore[no-any-return]
    # What is shown to people names no value: it could be a secret.
    raise Wrong("there is no such element in it")


def combine(sign: str, left: Value, right: Value) -> Value:
    """Return what an operator makes of two values; `&&` and `||` are not among them. Raises Unevaluable."""
    if sign == "==":
        return equal(left, right)
    if sign == "!=":
        return not equal(left, right)
    one, two = Fraction(as_number(left)), Fraction(as_number(right))
    if sign in {"<", ">", "<=", ">="}:
        return {"<": one < two, ">": one > two, "<=": one <= two, ">=": one >= two}[sign]
    if sign in "/%" and two == 0:
        # Terraform has an infinity, which hardly anything takes.
        raise Unevaluable("it divides by zero")
    if sign == "/":
        return whole(one / two)
    if sign == "%":
        # The sign is that of what is divided.
        return whole(abs(one) % abs(two) * (-1 if one < 0 else 1))
    return whole(one + two if sign == "+" else one - two if sign == "-" else one * two)


def whole(number: Fraction) -> Number:
    """Return a number as it is kept. Raises Unevaluable where it is too large, or too long."""
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > _MOST_BITS:
        raise Unevaluable("its number is too large")
    return number.numerator if number.denominator == 1 else number


def weight(value: Value) -> int:
    """Return how large a value is with all that is in it. Raises Unevaluable where it is too large."""
    total, todo = 0, [value]
    while todo:
        each = todo.pop()
        total += 1
        if isinstance(each, str):
            total += _text_weight(each)
        elif isinstance(each, dict):
            total += sum(map(_text_weight, each))
            todo += each.values()
        elif isinstance(each, list):
            todo += each
        if total + len(todo) > MOST_TEXT:
            raise Unevaluable("its value is too large")
    return total


def joined(separator: str, values: Iterable[Value]) -> str:
    """Join values as texts. Raises Unevaluable for what is none, and where it gets too large."""
    texts = [as_text(value) for value in values]
    if sum(map(len, texts)) + len(separator) * len(texts) > MOST_TEXT:
        raise Unevaluable("its value is too large")
    return separator.join(texts)


def sound(text: str) -> str:
    """Return a text as Terraform keeps it: composed, and without halves of characters. Raises Unevaluable for NUL."""
    if "\x00" in text:
        raise Unevaluable("it holds a NUL character")
    return text if text.isascii() else unicodedata.normalize("NFC", SURROGATE.sub("\ufffd", text))


def _text_weight(text: str) -> int:
    if len(text) > MOST_TEXT * 4:
        raise Unevaluable("its value is too large")
    return len(text) // _TEXT_WEIGHT


def _decimal_text(number: Fraction) -> str:
    """Write a number without exponent. Raises Unevaluable for one whose decimals do not end: Terraform shows 150 of them."""
    rest, places = number.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        places = max(places, count)
    if rest != 1:
        raise Unevaluable("a number whose decimals do not end is written by Terraform alone")
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "truth"
    if value is None:
        return "null"
    kinds = ((str, "text"), (list, "list"), (dict, "map"))
    return next((kind for type, kind in kinds if isinstance(value, type)), "number")


def _is_even(values: list[Any]) -> bool:
    """Tell whether values are of one type all through."""
    present = [value for value in values if value is not None]
    if len({_kind(value) for value in present}) > 1:
        return False
    if all(isinstance(value, list) for value in present):
        return not present or _is_even([each for value in present for each in value])
    if all(isinstance(value, dict) for value in present):
        keys = present[0].keys()
        return all(each.keys() == keys for each in present) and all(
            _is_even([each[key] for each in present]) for key in keys
        )
    return True
