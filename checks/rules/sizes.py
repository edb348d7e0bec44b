"""Modules that can be read in one sitting, functions that fit a screen, handlers that only translate HTTP."""

import ast
from collections.abc import Iterator

from checks.rules.routes import is_handler
from checks.source import Function, Source, Violation

RULE = "size"
MODULE_LINES = 450
FUNCTION_LINES = 60
HANDLER_LINES = 20
GENERATED = frozenset({"src/homeport_sdk/models.py"})


def check(source: Source) -> Iterator[Violation]:
    """Yield the modules, functions and handlers that have outgrown their limit."""
    if not source.is_python or source.path in GENERATED:
        return
    if len(source.lines) > MODULE_LINES:
        yield source.violation(
            MODULE_LINES, RULE, f"{len(source.lines)} lines, at most {MODULE_LINES}: split it, one module per use case"
        )
    for function in source.functions:
        # Parameters are a declaration, on the command line with a line of help each: what counts is the body.
        length = _body_lines(function)
        if length > FUNCTION_LINES:
            yield source.violation(
                function.lineno, RULE, f"`{function.name}` has {length} lines, at most {FUNCTION_LINES}"
            )
        if _body_lines(function) > HANDLER_LINES and _serves_http(source, function):
            yield source.violation(
                function.lineno,
                RULE,
                f"handler `{function.name}` has {_body_lines(function)} lines, at most {HANDLER_LINES}: "
                "decisions belong into the service",
            )


def _body_lines(function: Function) -> int:
    """Count the lines of the body below the docstring."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def _serves_http(source: Source, function: Function) -> bool:
    return any(
        is_handler(source, decorator.func if isinstance(decorator, ast.Call) else decorator)
        for decorator in function.decorator_list
    )
