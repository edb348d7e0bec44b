"""Nothing that ships is a promise: no `NotImplementedError`, no marker of work to come back to."""

import ast
import re
from collections.abc import Iterator

from checks.source import Source, Violation

RULE = "unfinished"
_MARKER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")


def check(source: Source) -> Iterator[Violation]:
    """Yield the places that say that something is left to be done."""
    if not source.is_python:
        return
    for line, comment in source.comments.items():
        if _MARKER.search(comment):
            yield source.violation(line, RULE, "do it now, or leave it out and write an issue")
    if not source.is_shipped:
        return
    for node in source.nodes:
        raised = node.exc if isinstance(node, ast.Raise) else None
        kind = raised.func if isinstance(raised, ast.Call) else raised
        if isinstance(node, ast.Raise) and isinstance(kind, ast.Name) and kind.id == "NotImplementedError":
            yield source.violation(node.lineno, RULE, "build it, or declare the method abstract")
