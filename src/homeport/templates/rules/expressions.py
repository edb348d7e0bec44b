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
    constant,
    getting,
    joining,
    named,
    signed,
)
from homeport.templates.rules.hcl_values import (
    Unevaluable,
    Value,
    as_number,
    as_text,
    as_truth,
    bounded,
    entries_of,
    joined,
)
from homeport_sdk.hcl import Expression, HclError, NotLiteral, literal, split_template

__all__ = ["Evaluation", "Unevaluable", "Value", "evaluate"]

MOST_DEPTH = 40
MOST_STEPS = 20_000

# Gives the value behind a name such as ("var", "zone"); raises Unevaluable for what it does not know.
Lookup = Callable[[tuple[str, ...]], Value]
_T = TypeVar("_T")

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

    def step(self) -> None:
        """Count a piece of work."""
        self.steps += 1
        if self.steps > self._most_steps:
            raise Unevaluable("it takes too long to evaluate")


class _Parser:
    """Reads an expression into a function of the names that hold around it."""

    def __init__(self, text: str, evaluation: Evaluation) -> None:
        self.text, self.evaluation = text, evaluation
        self.at = 0
        self.depth = 0
        self.names: list[str] = []
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
        second = self.condition()
        return lambda scope: first(scope) if as_truth(asked(scope)) else second(scope)

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
            return constant(bounded(as_number(token.text)))
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

    def postfix(self, node: Node) -> Node:
        while self.token.kind == "mark" and self.token.text in {".", "["}:
            if self.next().text == ".":
                node = self.spread(node) if self.take("*") else getting(node, self.key())
            elif self.take("*"):
                self.expect("]")
                node = self.spread(node)
            else:
                key = self.condition()
                self.expect("]")
                node = getting(node, key)
        return node

    def key(self) -> Node:
        return constant(self.next().text)

    def spread(self, node: Node) -> Node:
        """Read what is taken of each element (`[*].a.b`): all that follows."""
        taken = self.postfix(lambda scope: scope[_IT])

        def value(scope: Scope) -> Value:
            found = node(scope)
            values = [] if found is None else found if isinstance(found, list) else [found]
            outcome: list[Any] = []
            for entry in values:
                self.evaluation.step()
                outcome.append(taken({**scope, _IT: entry}))
            return outcome

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
        if name in {"can", "try"}:
            return attempt(name, given)
        function = FUNCTIONS.get(name)
        if function is None:
            raise Unevaluable(f"the function '{name[:40]}' cannot be used here")
        return lambda scope: called(name, function, [node(scope) for node in given], is_spread=is_spread)

    def sequence(self) -> Node:
        nodes: list[Node] = []
        while not self.take("]"):
            nodes.append(self.condition())
            if not self.take(","):
                self.expect("]")
                break
        return lambda scope: [node(scope) for node in nodes]

    def mapping(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.take("}"):
            key = self.key() if self.token.kind == "name" else self.condition()
            if not self.take("="):
                self.expect(":")
            pairs.append((key, self.condition()))
            # A new line parts them as well as a comma.
            self.take(",")
        return lambda scope: {as_text(key(scope)): node(scope) for key, node in pairs}

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
        first = self.condition()
        second = None
        if is_map:
            self.expect("=>")
            second = self.condition()
            if self.take("..."):
                raise Unevaluable("'...' in a 'for' is evaluated by Terraform alone")
        wanted = self.condition() if self.take_word("if") else None
        del self.names[-len(names) :]
        self.expect("}" if is_map else "]")

        def scopes(scope: Scope) -> list[Scope]:
            found: list[Scope] = []
            for key, value in entries_of(source(scope)):
                self.evaluation.step()
                inner = {**scope, **dict(zip(names, (key, value) if len(names) > 1 else (value,), strict=True))}
                if wanted is None or as_truth(wanted(inner)):
                    found.append(inner)
            return found

        if second is None:
            return lambda scope: [first(inner) for inner in scopes(scope)]
        return lambda scope: {as_text(first(inner)): second(inner) for inner in scopes(scope)}

    def template(self, quoted: str) -> Node:
        try:
            return constant(literal(Expression(quoted, 0)))  # type: ignore[arg-type]
        except NotLiteral:
            parts, _ = split_template(quoted, 0)
        nodes = [self.part(part) for part in parts]
        # "${x}" is x itself, whatever its type.
        if len(nodes) == 1:
            return nodes[0]
        return lambda scope: joined("", [node(scope) for node in nodes])

    def part(self, part: str | Expression) -> Node:
        if isinstance(part, str):
            return constant(part)
        inner = self.evaluation.within(lambda: _Parser(part.text, self.evaluation))
        inner.names = self.names
        inner.depth = self.depth
        return self.evaluation.within(inner.whole)
