"""The functions of Terraform's language that can be evaluated without Terraform. Pure.

They raise Unevaluable, TypeError, ValueError or LookupError for values that they do not take.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from homeport.templates.rules.hcl_values import (
    MOST_TEXT,
    Distinct,
    Number,
    Partial,
    Unevaluable,
    Value,
    alike,
    as_distinct,
    as_list,
    as_map,
    as_number,
    as_sequence,
    as_text,
    as_truth,
    as_whole,
    equal,
    joined,
    reconciled,
    scalar_key,
    sound,
    whole,
)

_FORMAT = re.compile(r"%(?:%|([-0+]?)(\d{0,2})([sdvqt]))", re.ASCII)
_MOST_RANGE = 1024
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
# Of these scripts, and of marks and symbols, several may make up one character.
_JOINING = re.compile("[\u0e00-\u0eff\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]|\r\n")

# A default that is not given.
_NOTHING: Any = object()


def _merge(*maps: Value) -> Value:
    merged: dict[str, Any] = {}
    for each in maps:
        merged |= {} if each is None else as_map(each)
    return merged


def _coalesce(*values: Value) -> Value:
    for value in values:
        if value is not None and value != "":
            return reconciled(value, values)
    raise ValueError


def _coalesce_lists(*lists: Value) -> Value:
    return next(each for each in lists if as_sequence(each))


def _lookup(where: Value, key: Value, default: Value = _NOTHING) -> Value:
    if not isinstance(where, dict):
        raise TypeError
    if as_text(key) in where:
        return where[as_text(key)]  # type: ignore[no-any-return]
    if isinstance(where, Partial):
        raise Unevaluable("not all of this object is known here")
    if default is _NOTHING:
        raise ValueError(key)
    return default


def _contains(values: Value, wanted: Value) -> Value:
    if wanted is None:
        raise ValueError
    return any(equal(value, wanted) for value in as_list(values))


def _length(value: Value) -> Value:
    if isinstance(value, str):
        return len(_characters(value))
    return len(as_list(value) if isinstance(value, list) else as_map(value))


def _characters(text: str) -> str:
    """Return a text each of whose characters is one to Terraform, too. Raises Unevaluable."""
    is_plain = all(char < "\u0300" or unicodedata.category(char)[0] in "LNPZ" for char in text)
    if not is_plain or _JOINING.search(text):
        raise Unevaluable("the characters of this text are counted by Terraform alone")
    return text


def _concat(first: Value, *more: Value) -> list[Any]:
    return [value for each in (first, *more) for value in as_sequence(each)]


def _flatten(value: Value) -> list[Any]:
    found: list[Any] = []
    for each in as_list(value):
        found += _flatten(each) if isinstance(each, list) else [each]
    return found


def _one(value: Value) -> Value:
    values = as_list(value)
    if len(values) > 1:
        raise ValueError
    return values[0] if values else None


def _element(values: Value, place: Value) -> Value:
    found = as_sequence(values)
    at = as_whole(place)
    if at < 0:
        raise Unevaluable("what a place before the first means depends on Terraform's version")
    if not found:
        raise ValueError
    return found[at % len(found)]  # type: ignore[no-any-return]


def _index(values: Value, wanted: Value) -> Value:
    return next(place for place, value in enumerate(as_sequence(values)) if equal(value, wanted))


def _range(first: Value, limit: Value = _NOTHING, step: Value = _NOTHING) -> Value:
    """Count from a number up or down to another, which is not reached; of one number, from 0 to it."""
    begin, end = (0, as_number(first)) if limit is _NOTHING else (as_number(first), as_number(limit))
    each = (1 if begin <= end else -1) if step is _NOTHING else as_number(step)
    if begin == end:
        return []
    if each == 0 or (each > 0) is not (begin < end):
        raise ValueError
    number = math.ceil(Fraction(end - begin) / each)
    if number > _MOST_RANGE:
        raise ValueError
    return [whole(Fraction(begin + place * each)) for place in range(number)]


def _slice(values: Value, begin: Value, end: Value) -> Value:
    first, last = as_whole(begin), as_whole(end)
    if not 0 <= first <= last <= len(as_sequence(values)):
        raise ValueError
    return as_sequence(values)[first:last]


def _substr(text: Value, begin: Value, length: Value) -> Value:
    all_, first, most = _characters(as_text(text)), as_whole(begin), as_whole(length)
    first = first + len(all_) if first < 0 else first
    return all_[first:] if most < 0 else all_[first : first + most]


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


def _changed(text: Value, change: Callable[[str], str]) -> str:
    """Change each character by itself; what would be several stays, as it does for Terraform."""
    return "".join(
        new if len(new := change(each)) == 1 else "i" if each == "\u0130" else each for each in as_text(text)
    )


def _format(pattern: Value, *values: Value) -> Value:
    rest = list(values)

    def fill(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if not rest:
            raise ValueError
        return _filled(found[1], found[2], found[3], rest.pop(0))

    text = as_text(pattern)
    if "%" in _FORMAT.sub("", text):
        raise Unevaluable("format() is evaluated with %s, %d, %v, %q and %t alone, and with widths")
    filled = _FORMAT.sub(fill, text)
    if rest:
        raise ValueError
    return filled


def _filled(flag: str, width: str, verb: str, value: Value) -> str:
    if value is None:
        raise Unevaluable("what format() makes of null, Terraform alone can tell")
    if verb == "d":
        return f"%{flag}{width}d" % as_whole(value)
    if verb == "q":
        text = encode(as_text(value))
    elif verb == "t":
        text = as_text(as_truth(value))
    else:
        text = encode(value) if verb == "v" and isinstance(value, list | dict) else as_text(value)
    if flag in {"0", "+"}:
        raise Unevaluable("format() fills up numbers alone with zeros or signs")
    return f"%{flag}{width}s" % (_characters(text) if width else text)


def encode(value: Value) -> str:
    """Write JSON as Terraform does. Raises Unevaluable."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return re.sub("[<>&\u2028\u2029]", lambda found: _ESCAPED[found[0]], text)
    if isinstance(value, list):
        return f"[{','.join(map(encode, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{encode(key)}:{encode(each)}' for key, each in sorted(as_map(value).items()))}}}"
    return "null" if value is None else as_text(value)


def decode(text: str) -> Value:
    """Read JSON as Terraform does. Raises ValueError and Unevaluable."""
    value: Value = _sound_all(json.loads(text, parse_float=as_number, parse_int=as_number, parse_constant=_refuse))
    return value


def _refuse(_: str) -> Any:
    raise ValueError


def _sound_all(value: Any) -> Any:
    if isinstance(value, dict):
        return {sound(key): _sound_all(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_sound_all(each) for each in value]
    return sound(value) if isinstance(value, str) else value


def _sets(given: tuple[Value, ...]) -> list[Distinct]:
    """Return sets whose elements are all of one type."""
    lists = [as_list(each) for each in given]
    every = iter(alike([value for each in lists for value in each]))
    return [as_distinct([next(every) for _ in each]) for each in lists]


def _intersection(*given: Value) -> Value:
    first, *more = _sets(given)
    keys = [{scalar_key(value) for value in each} for each in more]
    return Distinct(value for value in first if all(scalar_key(value) in each for each in keys))


def _difference(one: Value, two: Value) -> Value:
    first, second = _sets((one, two))
    keys = {scalar_key(value) for value in second}
    return Distinct(value for value in first if scalar_key(value) not in keys)


def _union(first: Value, *more: Value) -> Value:
    return as_distinct(value for each in _sets((first, *more)) for value in each)


def _distinct(values: Value) -> Value:
    unique: dict[Any, Any] = {}
    for value in alike(as_list(values)):
        unique.setdefault(scalar_key(value), value)
    return list(unique.values())


def _truths(values: Value) -> list[bool]:
    return [value is not None and as_truth(value) for value in as_list(values)]


def _or_null(convert: Callable[[Value], Value]) -> Callable[[Value], Value]:
    """Convert a value; null stays null."""
    return lambda value: None if value is None else convert(value)


def _to_map(value: Value) -> Value:
    found = as_map(value)
    return dict(zip(found, alike(list(found.values())), strict=True))


def _zip(keys: Value, values: Value) -> Value:
    return dict(zip(map(as_text, as_list(keys)), as_sequence(values), strict=True))


def _texts(value: Value) -> list[str]:
    return [as_text(each) for each in as_list(value)]


def _sum(values: Value) -> Value:
    numbers = [as_number(number) for number in as_list(values)]
    if not numbers:
        raise ValueError
    return whole(Fraction(sum(numbers)))


def _abs(value: Value) -> Value:
    number = as_number(value)
    return -number if number < 0 else number


def _extreme(choose: Callable[[list[Number]], Number]) -> Callable[..., Value]:
    return lambda *numbers: choose([as_number(number) for number in numbers])


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": _abs,
    "alltrue": lambda values: all(_truths(values)),
    "anytrue": lambda values: any(_truths(values)),
    "ceil": lambda number: math.ceil(as_number(number)),
    "coalesce": _coalesce,
    "coalescelist": _coalesce_lists,
    "compact": lambda values: [as_text(each) for each in as_list(values) if each not in (None, "")],
    "concat": _concat,
    "contains": _contains,
    "distinct": _distinct,
    "element": _element,
    "endswith": lambda text, end: as_text(text).endswith(as_text(end)),
    "flatten": _flatten,
    "floor": lambda number: math.floor(as_number(number)),
    "format": _format,
    "index": _index,
    "join": lambda separator, first, *more: joined(
        as_text(separator), [each for values in (first, *more) for each in as_list(values)]
    ),
    "jsondecode": lambda text: decode(as_text(text)),
    "jsonencode": encode,
    "keys": lambda value: sorted(as_map(value)),
    "length": _length,
    "lookup": _lookup,
    "lower": lambda text: _changed(text, str.lower),
    "max": _extreme(max),
    "merge": _merge,
    "min": _extreme(min),
    "nonsensitive": lambda value: value,
    "one": _one,
    "range": _range,
    "replace": _replace,
    "reverse": lambda values: list(reversed(as_list(values))),
    "sensitive": lambda value: value,
    "setintersection": _intersection,
    "setsubtract": _difference,
    "setunion": _union,
    "slice": _slice,
    "sort": lambda values: sorted(_texts(values)),
    "split": _split,
    "startswith": lambda text, begin: as_text(text).startswith(as_text(begin)),
    "strcontains": lambda text, part: as_text(part) in as_text(text),
    "substr": _substr,
    "sum": _sum,
    "title": _title,
    "tobool": _or_null(as_truth),
    "tolist": _or_null(lambda values: alike(list(as_list(values)))),
    "tomap": _or_null(_to_map),
    "tonumber": _or_null(as_number),
    "toset": _or_null(lambda values: as_distinct(as_list(values))),
    "tostring": _or_null(as_text),
    "trim": lambda text, signs: as_text(text).strip(as_text(signs)),
    "trimprefix": lambda text, begin: as_text(text).removeprefix(as_text(begin)),
    "trimspace": lambda text: as_text(text).strip(_SPACE),
    "trimsuffix": lambda text, end: as_text(text).removesuffix(as_text(end)),
    "upper": lambda text: _changed(text, str.upper),
    "values": lambda value: [each for _, each in sorted(as_map(value).items())],
    "zipmap": _zip,
}
"""By name. `can` and `try` are not among them: they take what cannot be evaluated, too."""
