"""Every module and every public function says what it is for. In tests, names do that, so only modules need to."""

import ast
from collections.abc import Iterator

from checks.source import Source, Violation

RULE = "docstring"


def check(source: Source) -> Iterator[Violation]:
    """Yield the modules and public functions without a docstring."""
    if not source.is_python or "migrations" in source.parts:
        return
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield source.violation(1, RULE, "the module does not say what it is for")
    if source.is_test:
        return
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _check_function(source, node)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not node.bases:
            # A class with bases mostly implements what a base documents; which methods are new to it is not seen here.
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _check_function(source, member)


def _check_function(source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Violation]:
    is_setter = any(
        isinstance(decorator, ast.Attribute) and decorator.attr == "setter" for decorator in node.decorator_list
    )
    is_overload = any(source.origin(decorator) == "typing.overload" for decorator in node.decorator_list)
    if node.name.startswith("_") or is_setter or is_overload or (ast.get_docstring(node) or "").strip():
        return
    yield source.violation(node.lineno, RULE, f"`{node.name}` does not say what it does")
