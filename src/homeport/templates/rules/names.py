"""The values behind names in a template's expressions: variables, locals and what a reader of the configuration adds. Pure."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping

from homeport.templates.rules.configuration import Piece, VariablePiece
from homeport.templates.rules.expressions import MOST_STEPS, Evaluation
from homeport.templates.rules.hcl_nodes import Scope
from homeport.templates.rules.hcl_values import Unevaluable, Value
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
            return _typed(self._variables[path[1]], self._given.get(path[1]))
        if len(path) == 2 and path[0] == "local" and path[1] in self._locals:
            return self.value_of(self._locals[path[1]])
        return self.find(path)


def _typed(variable: VariablePiece, given: str | None) -> Value:
    """Return a variable's value; one that must be given and is not is empty here, and the import will say so."""
    text = variable.default if given is None else given
    if variable.type == "string" or not text:
        return text
    if variable.type == "bool":
        return text.lower() in {"true", "1"}
    try:
        return json.loads(text)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        pass
    try:
        return literal(Expression(text, 0))  # type: ignore[return-value]
    except NotLiteral:
        return text
