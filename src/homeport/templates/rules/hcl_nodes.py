"""Pieces of expressions that were read: functions of the names that hold around them, telling a value. Pure."""

from collections.abc import Callable, Mapping

from homeport.templates.rules.hcl_values import (
    Unevaluable,
    Value,
    as_number,
    as_truth,
    bounded,
    combine,
    member,
)

# Names that hold inside of an expression: of `for`, and such as `each` and `count`.
Scope = Mapping[str, Value]
Node = Callable[[Scope], Value]


def constant(value: Value) -> Node:
    """Always tell one value."""
    return lambda _: value


def joining(sign: str, left: Node, right: Node) -> Node:
    """Join two values by an operator; of `&&` and `||` the second is evaluated only where it counts."""
    if sign == "&&":
        return lambda scope: as_truth(left(scope)) and as_truth(right(scope))
    if sign == "||":
        return lambda scope: as_truth(left(scope)) or as_truth(right(scope))
    return lambda scope: combine(sign, left(scope), right(scope))


def signed(sign: str, node: Node) -> Node:
    """Put a sign before a value."""
    return (lambda scope: not as_truth(node(scope))) if sign == "!" else (lambda scope: -as_number(node(scope)))


def getting(node: Node, key: Node) -> Node:
    """Take a member of a value."""
    return lambda scope: member(node(scope), key(scope))


def named(scope: Scope, name: str) -> Value:
    """Tell what a name of a scope stands for. Raises Unevaluable."""
    if name not in scope:
        raise Unevaluable(f"there is no '{name}' here")
    return scope[name]


def along(value: Value, path: tuple[str, ...]) -> Value:
    """Follow a path of members into a value. Raises Unevaluable."""
    for key in path:
        value = member(value, key)
    return value


def attempt(name: str, given: list[Node]) -> Node:
    """Return the first value that can be told, or whether there is one."""

    def value(scope: Scope) -> Value:
        for node in given:
            try:
                found = node(scope)
                return True if name == "can" else found
            except Unevaluable:
                continue
        if name == "can":
            return False
        raise Unevaluable("none of what try() is given can be evaluated")

    return value


def called(name: str, function: Callable[..., Value], values: list[Value], *, is_spread: bool) -> Value:
    """Call a function. Raises Unevaluable for values that it does not take."""
    if is_spread:
        values[-1:] = values[-1] if isinstance(values[-1], list) else values[-1:]
    try:
        return bounded(function(*values))
    except (TypeError, ValueError, LookupError, StopIteration) as error:
        raise Unevaluable(f"the function '{name}' cannot take these values") from error
