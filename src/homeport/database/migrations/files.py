"""The SQL files of this release: its newest migration, and the functions, views and triggers with their hashes."""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from homeport.database import sql

# The order of creation: views may call functions, triggers need both.
KINDS = ("functions", "views", "triggers")

_MIGRATION = re.compile(r"(\d{4})_[a-z0-9_]+\.py")


@dataclass(frozen=True)
class Definition:
    """One function, view or trigger as its file says it."""

    kind: str
    name: str
    text: str

    @property
    def hash(self) -> str:
        """SHA-256 of the file's text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def newest_revision() -> str:
    """Return the number of the newest migration, such as "0007", from the names of the files."""
    names = (path.name for path in (Path(__file__).parent / "versions").iterdir())
    return max(found[1] for name in names if (found := _MIGRATION.fullmatch(name)))


def list_definitions() -> list[Definition]:
    """Return all definitions in the order in which they are created."""
    root: Traversable = resources.files(sql)
    found: list[Definition] = []
    for kind in KINDS:
        folder = root.joinpath(kind)
        if not folder.is_dir():
            continue
        files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
        found += [Definition(kind, file.name[:-4], file.read_text(encoding="utf-8")) for file in files]
    return found
