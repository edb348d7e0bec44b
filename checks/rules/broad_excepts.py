"""Who catches everything and goes on says why, on the same line: `# reason: …`. `suppress(Exception)` does so too.

A handler that ends by raising again what it caught only cleans up, and needs no reason.
"""

import ast
from collections.abc import Iterator

from checks.source import Source, Violation

RULE = "broad-except"
_BROAD = {"Exception", "BaseException"}


def check(source: Source) -> Iterator[Violation]:
    """Yield the handlers that catch everything and state no reason."""
    if not source.is_python:
        return
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler):
            is_broad = (node.type is None or _names_everything(node.type)) and not _raises_again(node)
            last_line = (node.type.end_lineno if node.type else None) or node.lineno
        elif isinstance(node, ast.Call) and source.origin(node.func) == "contextlib.suppress":
            is_broad = any(_names_everything(argument) for argument in node.args)
            last_line = node.end_lineno or node.lineno
        else:
            continue
        if is_broad and not source.has_reason(node, "# reason", last_line):
            yield source.violation(
                node.lineno, RULE, "name the errors that are expected, or say why all of them: `# reason: …`"
            )


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _names_everything(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return any(_names_everything(element) for element in node.elts)
    return isinstance(node, ast.Name) and node.id in _BROAD
