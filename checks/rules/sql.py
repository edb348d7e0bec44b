"""SQL of the server stands in `queries.py`, a `queries/` folder or `.sql` files, where a test prepares all of it."""

import ast
import re
from collections.abc import Iterator

from checks.source import Source, Violation, docstring_nodes

RULE = "sql"
# Keywords all upper or all lower: a sentence for people ("Select a template from the list") begins with one capital.
_STATEMENTS = (
    r"select\s+(?:.+\s)?from\s",
    r"select\s+[a-z_.]+\s*\(",
    r"select\s+(?:1|\$\d|current_|exists\b)",
    r"insert\s+into\s",
    r"update\s+(?:only\s+)?[\w.\"]+\s+(?:as\s+\w+\s+)?set\s",
    r"delete\s+from\s",
    r"merge\s+into\s",
    r"with\s+(?:recursive\s+)?\w+\s*(?:\([^)]*\)\s*)?as\s+(?:(?:not\s+)?materialized\s+)?\(",
    r"(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:unique\s+)?(?:table|index|view|database|schema|role|function|trigger|type|extension)\s",
    r"truncate\s+(?:table\s+)?[\w.\"]+",
    r"lock\s+table\s",
    r"set\s+(?:local|session)\s",
    r"(?:listen|notify)\s+[a-z_]+\s*$",
)
_LEADING_COMMENTS = r"^(?:\s|--[^\n]*\n|/\*.*?\*/)*"


def _upper_keywords(pattern: str) -> str:
    """Write the words of a pattern in capitals, but leave its escapes and character classes as they are."""
    return re.sub(
        r"\\.|\[[^\]]*\]|[a-z]+", lambda match: match[0] if match[0][0] in "\\[" else match[0].upper(), pattern
    )


_SQL = tuple(
    re.compile(_LEADING_COMMENTS + "(?:" + "|".join(patterns) + ")", re.DOTALL)
    for patterns in (_STATEMENTS, tuple(map(_upper_keywords, _STATEMENTS)))
)


def looks_like_sql(text: str) -> bool:
    """Tell whether `text` begins like an SQL statement."""
    return any(pattern.search(text) for pattern in _SQL)


def check(source: Source) -> Iterator[Violation]:
    """Yield the string constants of the server that hold SQL in a place that is not for it."""
    if not source.is_python or source.parts[:2] != ("src", "homeport") or _may_hold_sql(source.parts):
        return
    docstrings = {id(node) for node in docstring_nodes(source.tree)}
    for node in source.nodes:
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        if is_text and looks_like_sql(str(getattr(node, "value", ""))):
            line = getattr(node, "lineno", 0)
            yield source.violation(line, RULE, "SQL belongs into queries.py, a queries/ folder or a .sql file")


def _may_hold_sql(parts: tuple[str, ...]) -> bool:
    return parts[-1] == "queries.py" or "queries" in parts[:-1] or parts[2:4] == ("database", "migrations")
