"""Evaluates the simple expressions of Terraform's language that tags are made of: texts, references, conditions, a few functions.

Bounded: an expression that is deep, long in the making or large in its outcome is refused, as is all that only Terraform can know.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from homeport_sdk.hcl import Expression, HclError, NotLiteral, literal, split_template

MOST_DEPTH = 40
MOST_STEPS = 20_000
MOST_TEXT = 16 * 1024

Value = str | bool | int | float | list[Any] | dict[str, Any] | None
# Gives the value behind a name such as ("var", "zone"); raises Unevaluable for what it does not know.
Lookup = Callable[[tuple[str, ...]], Value]

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#[^\n]*|//[^\n]*|/\*.*?\*/)
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<name>[^\W\d][\w-]*)
    |(?P<mark>==|!=|<=|>=|&&|\|\||\.\.\.|=>|[-+*/%<>!?:.,()\[\]{}=])""",
    re.VERBOSE | re.DOTALL,
)
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_BINDING = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
_WHOLE = 10**15


class Unevaluable(Exception):
    """The expression is wrong, or only Terraform could tell its value."""


class Token(NamedTuple):
    """A piece of an expression: `kind` is number, name, mark, text (in quotes) or end."""

    kind: str
    text: str
    at: int


def evaluate(text: str, lookup: Lookup) -> Value:
    """Return the value of an expression. Raises Unevaluable."""
    return Evaluation(lookup).value_of(text)


class Evaluation:
    """The evaluation of expressions that refer to each other; its bounds hold for all of them together."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.steps = 0
        self.depth = 0

    def value_of(self, text: str) -> Value:
        """Return the value of an expression. Raises Unevaluable."""
        self.depth += 1
        try:
            if self.depth > MOST_DEPTH:
                raise Unevaluable("it is nested too deep")
            return _Parser(text, self).whole()
        except RecursionError:
            raise Unevaluable("it is nested too deep") from None
        finally:
            self.depth -= 1

    def step(self) -> None:
        """Count a piece of work."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Unevaluable("it takes too long to evaluate")


class _Parser:
    """Reads and evaluates in one go; what is not chosen by a condition is evaluated too, as its mistakes are mistakes."""

    def __init__(self, text: str, evaluation: Evaluation) -> None:
        self.text, self.evaluation = text, evaluation
        self.at = 0
        self.depth = 0
        self.token = self.read()

    def read(self) -> Token:
        while True:
            self.evaluation.step()
            if self.at >= len(self.text):
                return Token("end", "", self.at)
            if self.text[self.at] == '"' or self.text.startswith("<<", self.at):
                return self.read_text()
            found = _TOKEN.match(self.text, self.at)
            if found is None:
                raise Unevaluable(f"'{self.text[self.at : self.at + 10]}' is not expected there")
            begin, self.at = self.at, found.end()
            if found.lastgroup != "space":
                return Token(str(found.lastgroup), found[0], begin)

    def read_text(self) -> Token:
        begin = self.at
        try:
            _, self.at = split_template(self.text, begin)
        except HclError as error:
            raise Unevaluable(str(error)) from error
        return Token("text", self.text[begin : self.at], begin)

    def next(self) -> Token:
        token, self.token = self.token, self.read()
        return token

    def take(self, mark: str) -> bool:
        if self.token.kind == "mark" and self.token.text == mark:
            self.next()
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise Unevaluable(f"'{mark}' is expected, and there is '{self.token.text[:20] or 'the end'}'")

    def whole(self) -> Value:
        value = self.condition()
        if self.token.kind != "end":
            raise Unevaluable(f"'{self.token.text[:20]}' is not expected there")
        return value

    def condition(self) -> Value:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise Unevaluable("it is nested too deep")
        value = self.binary(0)
        if self.take("?"):
            first = self.condition()
            self.expect(":")
            second = self.condition()
            value = first if _truth(value) else second
        self.depth -= 1
        return value

    def binary(self, least: int) -> Value:
        left = self.unary()
        while self.token.kind == "mark" and _BINDING.get(self.token.text, 0) > least:
            sign = self.next().text
            left = _combine(sign, left, self.binary(_BINDING[sign]))
        return left

    def unary(self) -> Value:
        signs = []
        while self.token.kind == "mark" and self.token.text in {"!", "-"}:
            signs.append(self.next().text)
        value = self.postfix(self.primary())
        for sign in reversed(signs):
            value = not _truth(value) if sign == "!" else -_number(value)
        return value

    def primary(self) -> Value:
        token = self.next()
        if token.kind == "number":
            return _bounded(_number(token.text))
        if token.kind == "text":
            return self.template(token.text)
        if token.kind == "name":
            return self.named(token.text)
        if token.text == "(":
            value = self.condition()
            self.expect(")")
            return value
        if token.text == "[":
            return self.sequence()
        if token.text == "{":
            return self.mapping()
        raise Unevaluable(f"a value is expected, and there is '{token.text[:20] or 'the end'}'")

    def named(self, name: str) -> Value:
        if self.take("("):
            return self.call(name)
        if name in _WORDS:
            return _WORDS[name]
        path = [name]
        while len(path) < 4 and self.token.text == "." and self.token.kind == "mark":
            self.next()
            part = self.next()
            if part.kind != "name":
                raise Unevaluable(f"'{'.'.join(path)}.{part.text[:20]}' cannot be read here")
            path.append(part.text)
            if path[0] in {"var", "local"}:
                break
        return self.evaluation.lookup(tuple(path))

    def postfix(self, value: Value) -> Value:
        while self.token.kind == "mark" and self.token.text in {".", "["}:
            if self.next().text == ".":
                key: Value = self.next().text
            else:
                key = self.condition()
                self.expect("]")
            value = _member(value, key)
        return value

    def call(self, name: str) -> Value:
        given: list[Value] = []
        while not self.take(")"):
            given.append(self.condition())
            if not self.take(","):
                self.expect(")")
                break
        function = _FUNCTIONS.get(name)
        if function is None:
            known = ", ".join(sorted(_FUNCTIONS))
            raise Unevaluable(f"the function '{name[:40]}' cannot be used here; there are {known}")
        try:
            return _bounded(function(*given))
        except (TypeError, ValueError, StopIteration) as error:
            raise Unevaluable(f"the function '{name}' cannot take these values") from error

    def sequence(self) -> Value:
        values: list[Value] = []
        while not self.take("]"):
            values.append(self.condition())
            if not self.take(","):
                self.expect("]")
                break
        return values

    def mapping(self) -> Value:
        values: dict[str, Value] = {}
        while not self.take("}"):
            is_plain = self.token.kind == "name"
            key = self.next().text if is_plain else self.condition()
            if not self.take("="):
                self.expect(":")
            values[_text(key)] = self.condition()
            # A new line parts them as well as a comma.
            self.take(",")
        return values

    def template(self, quoted: str) -> Value:
        try:
            return literal(Expression(quoted, 0))  # type: ignore[return-value]
        except NotLiteral:
            parts, _ = split_template(quoted, 0)
        values = [part if isinstance(part, str) else self.evaluation.value_of(part.text) for part in parts]
        # "${x}" is x itself, whatever its type.
        if len(values) == 1:
            return values[0]
        return _joined("", values)


def _combine(sign: str, left: Value, right: Value) -> Value:
    if sign == "==":
        return _equal(left, right)
    if sign == "!=":
        return not _equal(left, right)
    if sign in {"&&", "||"}:
        return (_truth(left) and _truth(right)) if sign == "&&" else (_truth(left) or _truth(right))
    one, two = _number(left), _number(right)
    if sign in "/%" and two == 0:
        raise Unevaluable("it divides by zero")
    outcomes: dict[str, Callable[[], Value]] = {
        "+": lambda: one + two, "-": lambda: one - two, "*": lambda: one * two, "/": lambda: _whole(one / two),
        "%": lambda: one % two, "<": lambda: one < two, ">": lambda: one > two, "<=": lambda: one <= two,
        ">=": lambda: one >= two,
    }  # fmt: skip
    return _bounded(outcomes[sign]())


def _equal(left: Value, right: Value) -> bool:
    """Compare as Terraform does: a text never equals a number or a truth, and a truth is no number."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return left == right


def _truth(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "false"}:
        return value == "true"
    raise Unevaluable("a condition is true or false")


def _number(value: Value) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        if isinstance(value, str) and len(value) <= 40:
            return _whole(float(value))
    except ValueError:
        pass
    raise Unevaluable("a number is expected")


def _whole(number: float) -> int | float:
    return int(number) if math.isfinite(number) and abs(number) <= _WHOLE and number == int(number) else number


def as_text(value: Value) -> str:
    """Return the text that Terraform makes of a value. Raises Unevaluable for lists, maps and null."""
    return _text(value)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(_whole(value))
    raise Unevaluable("a text is expected, and the value is " + ("null" if value is None else "a list or a map"))


def _member(value: Value, key: Value) -> Value:
    if isinstance(value, dict) and isinstance(key, str) and key in value:
        return value[key]  # type: ignore[no-any-return]
    if isinstance(value, list):
        place = _number(key)
        if isinstance(place, int) and 0 <= place < len(value):
            return value[place]  # type: ignore[no-any-return]
    raise Unevaluable(f"there is no '{str(key)[:40]}' in it")


def _bounded(value: Value) -> Value:
    if isinstance(value, str | list | dict) and len(value) > MOST_TEXT:
        raise Unevaluable("its value is too large")
    if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= _WHOLE):
        raise Unevaluable("its number is too large")
    return value


def _joined(separator: str, values: Iterable[Value]) -> str:
    texts = [_text(value) for value in values]
    if sum(map(len, texts)) + len(separator) * len(texts) > MOST_TEXT:
        raise Unevaluable("its value is too large")
    return separator.join(texts)


def _merge(*maps: Value) -> Value:
    merged: dict[str, Any] = {}
    for each in maps:
        if not isinstance(each, dict):
            raise TypeError
        merged |= each
    return merged


def _coalesce(*values: Value) -> Value:
    return next(value for value in values if value is not None and value != "")


def _lookup(where: Mapping[str, Any], key: str, *default: Value) -> Value:
    if key in where:
        return where[key]  # type: ignore[no-any-return]
    if not default:
        raise ValueError(key)
    return default[0]


def _join(separator: Value, values: Value) -> Value:
    if not isinstance(values, list):
        raise TypeError
    return _joined(_text(separator), values)


def _contains(values: Value, wanted: Value) -> Value:
    if not isinstance(values, list):
        raise TypeError
    return any(_equal(value, wanted) for value in values)


_FUNCTIONS: dict[str, Callable[..., Value]] = {
    "coalesce": _coalesce,
    "contains": _contains,
    "join": _join,
    "lookup": _lookup,
    "lower": lambda text: _text(text).lower(),
    "merge": _merge,
    "tobool": _truth,
    "tonumber": _number,
    "tostring": _text,
    "trimspace": lambda text: _text(text).strip(),
    "upper": lambda text: _text(text).upper(),
}
