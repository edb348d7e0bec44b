"""An import inside a function says why it is there: `# lazy: reason`. Without one it hides a dependency or a cycle."""

import ast
from collections.abc import Iterator

from checks.source import Source, Violation

RULE = "lazy-import"


def check(source: Source) -> Iterator[Violation]:
    """Yield the imports inside functions that state no reason."""
    if not source.is_python:
        return
    seen: set[int] = set()
    for function in source.functions:
        for node in ast.walk(function):
            if not isinstance(node, ast.Import | ast.ImportFrom) or id(node) in seen:
                continue
            seen.add(id(node))
            if not source.has_reason(node, "# lazy"):
                yield source.violation(
                    node.lineno, RULE, "import at the top of the module, or say why not: `# lazy: reason`"
                )
