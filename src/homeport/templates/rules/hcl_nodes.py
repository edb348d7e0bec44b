"""Pieces of expressions that were read: functions of the names that hold around them, telling a value. Pure."""

from collections.abc import Callable, Mapping

from homeport.templates.rules.hcl_values import (
    Unevaluable,
    Value,
    Wrong,
    as_list,
    as_number,
    as_truth,
    combine,
    member,
    reconciled,
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


def choosing(asked: Node, first: Node, second: Node) -> Node:
    """Choose one of two values. Its type depends on the other as well, as far as that can be told."""

    def value(scope: Scope) -> Value:
        chosen, other = (first, second) if as_truth(asked(scope)) else (second, first)
        found = chosen(scope)
        if found is None or isinstance(found, str):
            return found
        try:
            passed_over = other(scope)
        except Unevaluable:
            return found
        return reconciled(found, [passed_over])

    return value


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
    """Return the first value that is not wrong, or whether there is one. What only Terraform could tell stays so."""

    def value(scope: Scope) -> Value:
        for node in given:
            try:
                found = node(scope)
                return True if name == "can" else found
            except Wrong:
                continue
        if name == "can":
            return False
        raise Wrong("none of what try() is given can be evaluated")

    return value


def called(name: str, function: Callable[..., Value], values: list[Value], *, is_spread: bool) -> Value:
    """Call a function. Raises Unevaluable for values that it does not take."""
    if is_spread:
        values[-1:] = as_list(values[-1])
    try:
        return function(*values)
    except (TypeError, ValueError, LookupError, ArithmeticError, StopIteration) as error:
        raise Wrong(f"the function '{name}' cannot take these values") from error
