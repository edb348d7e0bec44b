"""The values behind names in a template's expressions: variables, locals and what a reader of the configuration adds. Pure."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from homeport.templates.rules.configuration import Piece, VariablePiece
from homeport.templates.rules.expressions import MOST_STEPS, Evaluation
from homeport.templates.rules.hcl_functions import decode, encode
from homeport.templates.rules.hcl_nodes import Scope
from homeport.templates.rules.hcl_values import (
    Unevaluable,
    Value,
    as_distinct,
    as_list,
    as_map,
    as_number,
    as_text,
    as_truth,
    sound,
)
from homeport_sdk.hcl import Expression, NotLiteral, literal


class Names(ABC):
    """Each name is evaluated once; one that needs itself is a mistake."""

    def __init__(
        self,
        variables: Mapping[str, VariablePiece],
        locals: Mapping[str, Piece],
        given: Mapping[str, str],
        most_steps: int = MOST_STEPS,
    ) -> None:
        self._variables, self._locals, self._given = variables, locals, given
        self._evaluation = Evaluation(self._lookup, most_steps)
        self._known: dict[tuple[str, ...], Value] = {}
        self._under_way: set[tuple[str, ...]] = set()

    def value_of(self, piece: Piece, scope: Scope | None = None) -> Value:
        """Return the value of an expression. Raises Unevaluable, whose `place` is the innermost piece that is wrong."""
        try:
            return self._evaluation.value_of(piece.text, scope or {})
        except Unevaluable as error:
            error.place = error.place or piece
            raise

    @abstractmethod
    def find(self, path: tuple[str, ...]) -> Value:
        """Return what is behind any other name than one of a variable or a local. Raises Unevaluable."""

    def _lookup(self, path: tuple[str, ...]) -> Value:
        if path in self._known:
            return self._known[path]
        if path in self._under_way:
            raise Unevaluable(f"{'.'.join(path)} refers to itself")
        self._under_way.add(path)
        try:
            self._known[path] = value = self._find(path)
        finally:
            self._under_way.discard(path)
        return value

    def _find(self, path: tuple[str, ...]) -> Value:
        if len(path) == 2 and path[0] == "var" and path[1] in self._variables:
            return _value(self._variables[path[1]], self._given.get(path[1]))
        if len(path) == 2 and path[0] == "local" and path[1] in self._locals:
            return self.value_of(self._locals[path[1]])
        return self.find(path)


def _value(variable: VariablePiece, given: str | None) -> Value:
    """Return a variable's value; one that must be given and is not is empty here, and the import will say so."""
    default = None if variable.default is None else decode(variable.default)
    if given is not None and (variable.default is None or given != _text(default)):
        return _converted(variable.type, _given(variable.type, given))
    return "" if variable.default is None else _converted(variable.type, default)


def _text(value: Value) -> str:
    """Return a default as the import tells it: that is what stands with the version when nobody has given another value."""
    return "" if value is None else value if isinstance(value, str) else encode(value)


def _given(type: str, text: str) -> Value:
    """Read what somebody gave, as the import hands it to Terraform."""
    if type in {"string", ""}:
        return sound(text)
    if type == "bool":
        return text == "true"
    if type == "number" and not text:
        return None
    try:
        return decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        return decode(json.dumps(literal(Expression(text.strip(), 0))))
    except NotLiteral:
        return sound(text)


def _converted(type: str, value: Value) -> Value:
    """Convert a value to the type of its variable. Objects and tuples stay as they are. Raises Unevaluable."""
    kind, _, inner = type.removesuffix(")").partition("(")
    if value is None:
        return None
    if kind in _PLAIN and not inner:
        return _PLAIN[kind](value)
    if kind == "map":
        return {key: _converted(inner, each) for key, each in as_map(value).items()}
    if kind in {"list", "set"}:
        values = [_converted(inner, each) for each in as_list(value)]
        return as_distinct(values) if kind == "set" else values
    return value


_PLAIN: dict[str, Callable[[Value], Value]] = {"string": as_text, "number": as_number, "bool": as_truth}
