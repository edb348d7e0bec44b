"""The functions of Terraform's language that can be evaluated without Terraform. Pure.

They raise Unevaluable, TypeError, ValueError or LookupError for values that they do not take.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from homeport.templates.rules.hcl_values import (
    MOST_TEXT,
    Distinct,
    Unevaluable,
    Value,
    as_distinct,
    as_list,
    as_number,
    as_text,
    as_truth,
    bounded,
    equal,
    joined,
)

_FORMAT = re.compile(r"%(?:%|[sdv])")
_MOST_RANGE = 1000
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def _merge(*maps: Value) -> Value:
    merged: dict[str, Any] = {}
    for each in maps:
        if each is not None and not isinstance(each, dict):
            raise TypeError
        merged |= each or {}
    return merged


def _coalesce(*values: Value) -> Value:
    for value in values:
        if value is not None and value != "":
            return value
    raise ValueError


def _coalesce_lists(*lists: Value) -> Value:
    return next((each for each in lists if as_list(each)), [])


def _lookup(where: Mapping[str, Any], key: str, *default: Value) -> Value:
    if key in where:
        return where[key]  # type: ignore[no-any-return]
    if not default:
        raise ValueError(key)
    return default[0]


def _contains(values: Value, wanted: Value) -> Value:
    return any(equal(value, wanted) for value in as_list(values))


def _length(value: Value) -> Value:
    if not isinstance(value, str | list | dict):
        raise TypeError
    return len(value)


def _concat(*lists: Value) -> list[Any]:
    return [value for each in lists for value in as_list(each)]


def _flatten(value: Value) -> list[Any]:
    found: list[Any] = []
    for each in as_list(value):
        found += _flatten(each) if isinstance(each, list) else [each]
        bounded(found)
    return found


def _one(value: Value) -> Value:
    values = as_list(value)
    if len(values) > 1:
        raise ValueError
    return values[0] if values else None


def _element(values: Value, place: Value) -> Value:
    return as_list(values)[int(as_number(place)) % len(as_list(values))]  # type: ignore[no-any-return]


def _index(values: Value, wanted: Value) -> Value:
    return next(place for place, value in enumerate(as_list(values)) if equal(value, wanted))


def _range(*numbers: Value) -> Value:
    bounds = [int(as_number(number)) for number in numbers]
    found = range(*bounds)
    if len(found) > _MOST_RANGE:
        raise Unevaluable("its value is too large")
    return list(found)


def _slice(values: Value, begin: Value, end: Value) -> Value:
    first, last = int(as_number(begin)), int(as_number(end))
    if not 0 <= first <= last <= len(as_list(values)):
        raise ValueError
    return as_list(values)[first:last]


def _substr(text: Value, begin: Value, length: Value) -> Value:
    whole, first, most = as_text(text), int(as_number(begin)), int(as_number(length))
    first = first + len(whole) if first < 0 else first
    return whole[first:] if most < 0 else whole[first : first + most]


def _replace(text: Value, old: Value, new: Value) -> Value:
    wanted = as_text(old)
    if len(wanted) > 1 and wanted.startswith("/") and wanted.endswith("/"):
        raise Unevaluable("patterns are evaluated by Terraform alone")
    if len(as_text(text)) * (len(as_text(new)) + 1) > MOST_TEXT * 4:
        raise Unevaluable("its value is too large")
    return as_text(text).replace(wanted, as_text(new))


def _split(separator: Value, text: Value) -> Value:
    return as_text(text).split(as_text(separator)) if as_text(separator) else list(as_text(text))


def _title(text: Value) -> Value:
    return re.sub(r"(?<!\w)\w", lambda found: found[0].upper(), as_text(text))


def _format(pattern: Value, *values: Value) -> Value:
    rest = list(values)

    def fill(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        value = rest.pop(0)
        return as_text(int(as_number(value)) if found[0] == "%d" else value)

    text = as_text(pattern)
    if "%" in _FORMAT.sub("", text):
        raise Unevaluable("format() is evaluated with %s, %d and %v alone")
    filled = _FORMAT.sub(fill, text)
    if rest:
        raise ValueError
    return filled


def _encode(value: Value) -> Value:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return re.sub("[<>&]", lambda found: _ESCAPED[found[0]], text)


def _keys(value: Value) -> Value:
    return sorted(value) if isinstance(value, dict) else _fail()


def _values(value: Value) -> Value:
    return [each for _, each in sorted(value.items())] if isinstance(value, dict) else _fail()


def _map(value: Value) -> Value:
    return value if isinstance(value, dict) else _fail()


def _fail() -> Value:
    raise TypeError


def _zip(keys: Value, values: Value) -> Value:
    return dict(zip(map(as_text, as_list(keys)), as_list(values), strict=True))


def _texts(value: Value) -> list[str]:
    return [as_text(each) for each in as_list(value)]


def _extreme(choose: Callable[[list[int | float]], int | float]) -> Callable[..., Value]:
    return lambda *numbers: choose([as_number(number) for number in numbers])


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": lambda number: abs(as_number(number)),
    "alltrue": lambda values: all(as_truth(value) for value in as_list(values)),
    "anytrue": lambda values: any(as_truth(value) for value in as_list(values)),
    "ceil": lambda number: math.ceil(as_number(number)),
    "coalesce": _coalesce,
    "coalescelist": _coalesce_lists,
    "compact": lambda values: [each for each in as_list(values) if each not in (None, "")],
    "concat": _concat,
    "contains": _contains,
    "distinct": lambda values: [
        each
        for place, each in enumerate(as_list(values))
        if not any(equal(each, known) for known in as_list(values)[:place])
    ],
    "element": _element,
    "endswith": lambda text, end: as_text(text).endswith(as_text(end)),
    "flatten": _flatten,
    "floor": lambda number: math.floor(as_number(number)),
    "format": _format,
    "index": _index,
    "join": lambda separator, values: joined(as_text(separator), as_list(values)),
    "jsondecode": lambda text: json.loads(as_text(text)),
    "jsonencode": _encode,
    "keys": _keys,
    "length": _length,
    "lookup": _lookup,
    "lower": lambda text: as_text(text).lower(),
    "max": _extreme(max),
    "merge": _merge,
    "min": _extreme(min),
    "nonsensitive": lambda value: value,
    "one": _one,
    "range": _range,
    "replace": _replace,
    "reverse": lambda values: list(reversed(as_list(values))),
    "sensitive": lambda value: value,
    "setintersection": lambda first, *more: as_distinct(
        each for each in as_list(first) if all(_contains(other, each) for other in more)
    ),
    "setsubtract": lambda first, second: as_distinct(each for each in as_list(first) if not _contains(second, each)),
    "setunion": lambda *sets: as_distinct(_concat(*sets)),
    "slice": _slice,
    "sort": lambda values: sorted(_texts(values)),
    "split": _split,
    "startswith": lambda text, begin: as_text(text).startswith(as_text(begin)),
    "strcontains": lambda text, part: as_text(part) in as_text(text),
    "substr": _substr,
    "sum": lambda numbers: sum(as_number(number) for number in as_list(numbers)),
    "title": _title,
    "tobool": as_truth,
    "tolist": lambda values: list(as_list(values)),
    "tomap": _map,
    "tonumber": as_number,
    "toset": lambda values: values if isinstance(values, Distinct) else as_distinct(as_list(values)),
    "tostring": as_text,
    "trim": lambda text, signs: as_text(text).strip(as_text(signs)),
    "trimprefix": lambda text, begin: as_text(text).removeprefix(as_text(begin)),
    "trimspace": lambda text: as_text(text).strip(),
    "trimsuffix": lambda text, end: as_text(text).removesuffix(as_text(end)),
    "upper": lambda text: as_text(text).upper(),
    "values": _values,
    "zipmap": _zip,
}
"""By name. `can` and `try` are not among them: they take what cannot be evaluated, too."""
