"""Where a page of ours points: files, and names in them, as `path:name`. Tests hold that all of it exists.

A page that leads a reader through the code is worth something only as long as every step is there.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

_ENDINGS = "py|js|css|html|sql|md|toml|yaml|yml|json|txt|sh"
_PATH = re.compile(rf"`(?P<path>[\w.@-]+(?:/[\w.@-]+)*\.(?:{_ENDINGS}))(?::\s*(?P<name>[A-Za-z_][\w.]*))?(?=[`\s:(])")
_FOLDER = re.compile(r"`(?P<path>[\w.-]+(?:/[\w.-]+)*)/`")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^(?:```|    )")


class Place(NamedTuple):
    """What a line (from 1) of a page points to: a path as it stands there, and perhaps a name in that file."""

    line: int
    path: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.name}" if self.name else self.path


def find_places(text: str) -> Iterator[Place]:
    """Yield the files and folders (`kit/`) that stand between backticks, with their names; examples in blocks are left out."""
    for number, line in _prose(text):
        for found in _PATH.finditer(line):
            yield Place(number, found["path"], (found["name"] or "").rstrip("."))
        for found in _FOLDER.finditer(line):
            yield Place(number, found["path"])


def find_links(text: str) -> Iterator[Place]:
    """Yield the targets of links that lead to files, without their anchors."""
    for number, line in _prose(text):
        for found in _LINK.finditer(line):
            path = found["target"].partition("#")[0]
            if path and "://" not in path:
                yield Place(number, path)


def explain(place: Place, folders: Sequence[Path]) -> str:
    """Say what is wrong with a place; empty when its path is in one of the folders and its name in that file."""
    paths = [folder / place.path for folder in folders if (folder / place.path).exists()]
    if not paths:
        return f"there is no {place.path}"
    if not place.name or any(place.name in names_in(path) for path in paths if path.is_file()):
        return ""
    return f"{place.path} has no {place.name}"


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the functions, classes, methods (`Class.method`) and constants of a Python module, or the functions of a script."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return frozenset(re.findall(r"\bfunction\s+(\w+)\s*\(", text))
    return frozenset(_definitions(ast.parse(text).body))


def _definitions(body: Sequence[ast.stmt], within: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield within + node.name
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{within}{node.name}.")
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (within + target.id for target in targets if isinstance(target, ast.Name))


def _prose(text: str) -> Iterator[tuple[int, str]]:
    is_block = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            is_block = not is_block
        elif not is_block and not _FENCE.match(line):
            yield number, line
