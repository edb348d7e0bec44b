"""Evaluates expressions of Terraform's language without Terraform: for tags of provisioners, and for parameters that depend on others.

An expression is read once, into functions that tell its value. What a condition does not choose is not evaluated. Bounded: an expression
that is deep, long in the making or large in its outcome is refused, as is all that only Terraform can know.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from homeport.templates.rules.hcl_functions import FUNCTIONS
from homeport.templates.rules.hcl_nodes import (
    Node,
    Scope,
    along,
    attempt,
    called,
    choosing,
    constant,
    getting,
    joining,
    named,
    signed,
)
from homeport.templates.rules.hcl_values import (
    Unevaluable,
    Value,
    Wrong,
    as_number,
    as_text,
    as_truth,
    entries_of,
    joined,
    sound,
    weight,
)
from homeport_sdk.hcl import Expression, HclError, NotLiteral, literal, split_template

__all__ = ["Evaluation", "Unevaluable", "Value", "evaluate"]

MOST_DEPTH = 40
MOST_STEPS = 20_000

# Gives the value behind a name such as ("var", "zone"); raises Unevaluable for what it does not know.
Lookup = Callable[[tuple[str, ...]], Value]
_T = TypeVar("_T")
_V = TypeVar("_V", bound=Value)

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
_NOTHING: Scope = {}
_TEXT_STEP = 64
# The element that a splat is about; no name can be this.
_IT = "*"


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

    def __init__(self, lookup: Lookup, most_steps: int = MOST_STEPS) -> None:
        self.lookup = lookup
        self.steps = 0
        self.depth = 0
        self._most_steps = most_steps

    def value_of(self, text: str, scope: Scope = _NOTHING) -> Value:
        """Return the value of an expression. Raises Unevaluable."""
        return self.within(lambda: self.read(text)(scope))

    def read(self, text: str) -> Node:
        """Read an expression. Raises Unevaluable."""
        return self.within(lambda: _Parser(text, self).whole())

    def within(self, work: Callable[[], _T]) -> _T:
        """Do something one level deeper."""
        self.depth += 1
        try:
            if self.depth > MOST_DEPTH:
                raise Unevaluable("it is nested too deep")
            return work()
        except RecursionError:
            raise Unevaluable("it is nested too deep") from None
        finally:
            self.depth -= 1

    def step(self, number: int = 1) -> None:
        """Count pieces of work."""
        self.steps += number
        if self.steps > self._most_steps:
            raise Unevaluable("it takes too long to evaluate")

    def made(self, value: _V) -> _V:
        """Return a value that was put together, which is as much work as it is large. Raises Unevaluable."""
        self.step(weight(value))
        return value

    def call(self, name: str, values: list[Value], *, is_spread: bool) -> Value:
        """Call a function, which is as much work as what it gets is large. Raises Unevaluable."""
        self.step(sum(map(weight, values)))
        return self.made(called(name, FUNCTIONS[name], values, is_spread=is_spread))


class _Parser:
    """Reads an expression into a function of the names that hold around it."""

    def __init__(self, text: str, evaluation: Evaluation) -> None:
        self.text, self.evaluation = text, evaluation
        self.at = 0
        self.depth = 0
        self.names: list[str] = []
        # A long text is as much work as what it is made of.
        evaluation.step(len(text) // _TEXT_STEP)
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

    def take_word(self, word: str) -> bool:
        if self.token.kind == "name" and self.token.text == word:
            self.next()
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise Unevaluable(f"'{mark}' is expected, and there is '{self.token.text[:20] or 'the end'}'")

    def expect_name(self) -> str:
        token = self.next()
        if token.kind != "name":
            raise Unevaluable(f"a name is expected, and there is '{token.text[:20] or 'the end'}'")
        return token.text

    def whole(self) -> Node:
        node = self.condition()
        if self.token.kind != "end":
            raise Unevaluable(f"'{self.token.text[:20]}' is not expected there")
        return node

    def condition(self) -> Node:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise Unevaluable("it is nested too deep")
        node = self.binary(0)
        if self.take("?"):
            node = self.choice(node)
        self.depth -= 1
        return node

    def choice(self, asked: Node) -> Node:
        first = self.condition()
        self.expect(":")
        return choosing(asked, first, self.condition())

    def binary(self, least: int) -> Node:
        node = self.unary()
        while self.token.kind == "mark" and _BINDING.get(self.token.text, 0) > least:
            sign = self.next().text
            node = joining(sign, node, self.binary(_BINDING[sign]))
        return node

    def unary(self) -> Node:
        signs = []
        while self.token.kind == "mark" and self.token.text in {"!", "-"}:
            signs.append(self.next().text)
        node = self.postfix(self.primary())
        for sign in reversed(signs):
            node = signed(sign, node)
        return node

    def primary(self) -> Node:
        token = self.next()
        if token.kind == "number":
            return constant(as_number(token.text))
        if token.kind == "text":
            return self.template(token.text)
        if token.kind == "name":
            return self.named(token.text)
        if token.text == "(":
            node = self.condition()
            self.expect(")")
            return node
        if token.text in {"[", "{"} and self.token.kind == "name" and self.token.text == "for":
            return self.iteration(is_map=token.text == "{")
        if token.text == "[":
            return self.sequence()
        if token.text == "{":
            return self.mapping()
        raise Unevaluable(f"a value is expected, and there is '{token.text[:20] or 'the end'}'")

    def named(self, name: str) -> Node:
        if self.take("("):
            return self.call(name)
        if name in _WORDS:
            return constant(_WORDS[name])
        if name in self.names or name in {"each", "count"}:
            return lambda scope: named(scope, name)
        path = [name]
        while len(path) < 4 and self.token.text == "." and self.token.kind == "mark":
            self.next()
            path.append(self.expect_name())
            if path[0] in {"var", "local"}:
                break
        full = tuple(path)
        # An iterator of a dynamic block is known only when it is evaluated.
        return lambda scope: along(scope[name], full[1:]) if name in scope else self.evaluation.lookup(full)

    def postfix(self, node: Node, *, has_places: bool = True) -> Node:
        while self.token.kind == "mark" and self.token.text in ({".", "["} if has_places else {"."}):
            if self.next().text == ".":
                node = self.spread(node, has_places=False) if self.take("*") else getting(node, self.key())
            elif self.take("*"):
                self.expect("]")
                node = self.spread(node, has_places=True)
            else:
                key = self.condition()
                self.expect("]")
                node = getting(node, key)
        return node

    def key(self) -> Node:
        token = self.next()
        if token.kind != "name" and not (token.kind == "number" and token.text.isdecimal()):
            raise Unevaluable(f"a name or a place is expected, and there is '{token.text[:20] or 'the end'}'")
        return constant(token.text)

    def spread(self, node: Node, *, has_places: bool) -> Node:
        """Read what is taken of each element: all that follows `[*]`, after `.*` only names."""
        begun = self.evaluation.steps
        taken = self.postfix(lambda scope: scope[_IT], has_places=has_places)
        work = self.evaluation.steps - begun + 1

        def value(scope: Scope) -> Value:
            found = node(scope)
            values = [] if found is None else found if isinstance(found, list) else [found]
            outcome: list[Any] = []
            for entry in values:
                self.evaluation.step(work)
                outcome.append(taken({**scope, _IT: entry}))
            return self.evaluation.made(outcome)

        return value

    def call(self, name: str) -> Node:
        given: list[Node] = []
        is_spread = False
        while not self.take(")"):
            given.append(self.condition())
            is_spread = self.take("...")
            if is_spread or not self.take(","):
                self.expect(")")
                break
        if name in {"can", "try"} and given:
            return attempt(name, given)
        if name not in FUNCTIONS:
            raise Unevaluable(f"the function '{name[:40]}' cannot be used here")
        return lambda scope: self.evaluation.call(name, [node(scope) for node in given], is_spread=is_spread)

    def sequence(self) -> Node:
        nodes: list[Node] = []
        while not self.take("]"):
            nodes.append(self.condition())
            if not self.take(","):
                self.expect("]")
                break
        return lambda scope: self.evaluation.made([node(scope) for node in nodes])

    def mapping(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.take("}"):
            key = self.key() if self.token.kind in {"name", "number"} else self.condition()
            if not self.take("="):
                self.expect(":")
            pairs.append((key, self.condition()))
            # A new line parts them as well as a comma.
            self.take(",")
        return lambda scope: self.evaluation.made({as_text(key(scope)): node(scope) for key, node in pairs})

    def iteration(self, *, is_map: bool) -> Node:
        """Read `[for k, v in list : value if condition]`, or the same that makes a map."""
        self.next()
        names = [self.expect_name()]
        if self.take(","):
            names.append(self.expect_name())
        if not self.take_word("in"):
            raise Unevaluable("'in' is expected after the names of a 'for'")
        source = self.condition()
        self.expect(":")
        self.names += names
        begun = self.evaluation.steps
        first = self.condition()
        second = None
        is_grouped = False
        if is_map:
            self.expect("=>")
            second = self.condition()
            is_grouped = self.take("...")
        wanted = self.condition() if self.take_word("if") else None
        del self.names[-len(names) :]
        work = self.evaluation.steps - begun + 1
        self.expect("}" if is_map else "]")

        def scopes(scope: Scope) -> list[Scope]:
            found: list[Scope] = []
            for key, value in entries_of(source(scope)):
                self.evaluation.step(work)
                inner = {**scope, **dict(zip(names, (key, value) if len(names) > 1 else (value,), strict=True))}
                if wanted is None or as_truth(wanted(inner)):
                    found.append(inner)
            return found

        made = self.evaluation.made
        if second is None:
            return lambda scope: made([first(inner) for inner in scopes(scope)])
        gathered = _grouped if is_grouped else _unique
        return lambda scope: made(gathered([(as_text(first(inner)), second(inner)) for inner in scopes(scope)]))

    def template(self, quoted: str) -> Node:
        try:
            return constant(sound(str(literal(Expression(quoted, 0)))))
        except NotLiteral:
            parts, _ = split_template(quoted, 0)
        nodes = [self.part(part) for part in parts]
        # "${x}" is x itself, whatever its type.
        if len(nodes) == 1:
            return nodes[0]
        return lambda scope: self.evaluation.made(joined("", [node(scope) for node in nodes]))

    def part(self, part: str | Expression) -> Node:
        if isinstance(part, str):
            return constant(sound(part))
        inner = self.evaluation.within(lambda: _Parser(part.text, self.evaluation))
        inner.names = self.names
        inner.depth = self.depth
        return self.evaluation.within(inner.whole)


def _grouped(pairs: list[tuple[str, Value]]) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _unique(pairs: list[tuple[str, Value]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Wrong("two elements of a 'for' have the same key")
    return found
