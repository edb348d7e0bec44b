"""The required behaviours (tests/requirements/*.toml) against the tests that name them.

A behaviour is a row with `id`, `source`, `text` and, where a later change brings it, `status = "open"`. Tests name the
ids that they prove by `@pytest.mark.requirement("ID")`; they are read from the syntax trees, so nothing is imported.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_ID = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*")
_KEYS = {"id", "source", "text", "status"}


class Requirement(NamedTuple):
    """One required behaviour and the file that lists it."""

    id: str
    file: str
    is_open: bool


class Naming(NamedTuple):
    """A place where a test names an id."""

    id: str
    place: str


def problems(root: Path) -> list[str]:
    """Return what is wrong between the manifest and the tests under `root`, a sentence each."""
    found: list[str] = []
    requirements = list(_read_manifest(root, found))
    namings = list(_read_tests(root, found))
    files = defaultdict(list)
    for requirement in requirements:
        files[requirement.id].append(requirement.file)
    found += [f"{id}: listed more than once ({', '.join(where)})" for id, where in files.items() if len(where) > 1]
    found += [
        f"{naming.place}: {naming.id} is in no tests/requirements/*.toml"
        for naming in namings
        if naming.id not in files
    ]
    named = defaultdict(list)
    for naming in namings:
        named[naming.id].append(naming.place)
    for requirement in requirements:
        proofs = [place for id, places in named.items() if _proves(id, requirement.id) for place in places]
        if requirement.is_open and proofs:
            found.append(f"{requirement.id}: {proofs[0]} proves it, so mark it covered in {requirement.file}")
        if not requirement.is_open and not proofs:
            found.append(f"{requirement.id}: no test names it ({requirement.file})")
    return sorted(found)


def _proves(named: str, required: str) -> bool:
    return named == required or named.startswith(f"{required}-")


def _read_manifest(root: Path, found: list[str]) -> Iterator[Requirement]:
    for path in sorted((root / "requirements").glob("*.toml")):
        document = tomllib.loads(path.read_text())
        rows = document.pop("requirement", [])
        if document or not rows:
            found.append(f"{path.name}: holds [[requirement]] rows and nothing else")
        for row in rows:
            id = str(row.get("id", ""))
            if not _ID.fullmatch(id):
                found.append(f"{path.name}: {id!r} is no id (capitals and digits, joined by hyphens)")
            empty = [key for key in ("source", "text") if not str(row.get(key, "")).strip()]
            found += [f"{id}: has no {key} ({path.name})" for key in empty]
            if row.keys() - _KEYS or row.get("status", "covered") not in {"open", "covered"}:
                found.append(f"{id}: unknown key or status ({path.name})")
            yield Requirement(id, path.name, row.get("status") == "open")


def _read_tests(root: Path, found: list[str]) -> Iterator[Naming]:
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
            if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("mark.requirement"):
                continue
            place = f"{path.relative_to(root).as_posix()}:{node.lineno}"
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield Naming(argument.value, place)
                else:
                    found.append(f"{place}: name the requirement by its id, as a plain string")
