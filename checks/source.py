"""A file as the rules see it: path, text, syntax tree, comments, and what its names were imported from."""

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cached_property
from pathlib import PurePosixPath
from typing import NamedTuple


class Violation(NamedTuple):
    """One broken rule at one place; `line` counts from 1, and is 0 for the file as a whole."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source:
    """A tracked text file. `path` is relative to the root of the repository and uses forward slashes."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.parts = PurePosixPath(path).parts

    @property
    def is_python(self) -> bool:
        """Whether this is a Python module."""
        return self.path.endswith(".py")

    @property
    def is_test(self) -> bool:
        """Whether this stands under `tests/`."""
        return self.parts[0] == "tests"

    @property
    def is_shipped(self) -> bool:
        """Whether this is part of an installed package."""
        return self.parts[0] == "src"

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the file, without their ends."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree. Raises SyntaxError."""
        return ast.parse(self.text, filename=self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method, nested ones too."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def comments(self) -> dict[int, str]:
        """The comments by line, with their hash sign."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}

    @cached_property
    def imported(self) -> dict[str, str]:
        """The dotted origin of each name that an import binds, wherever in the file it stands."""
        origins: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    origins[bound] = alias.name if alias.asname else bound
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return origins

    def origin(self, node: ast.AST) -> str:
        """Return the dotted name that an expression refers to by way of imports; empty when it is none."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, "")
        if isinstance(node, ast.Attribute):
            base = self.origin(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""

    def has_reason(
        self, node: ast.stmt | ast.expr | ast.ExceptHandler, marker: str, last_line: int | None = None
    ) -> bool:
        """Tell whether a comment `# <marker>: why` stands on a line of `node`, up to `last_line` where given."""
        end = last_line or node.end_lineno or node.lineno
        comments = (self.comments.get(line, "") for line in range(node.lineno, end + 1))
        return any(comment.partition(f"{marker}:")[2].strip() for comment in comments)

    def violation(self, line: int, rule: str, message: str) -> Violation:
        """Build a violation in this file."""
        return Violation(self.path, line, rule, message)


def docstring_nodes(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the constants that are docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value
