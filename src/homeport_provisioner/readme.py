"""Finds the page that presents a template."""

import os
from pathlib import Path

MOST_CHARACTERS = 262_144


def find_readme(source: Path) -> str | None:
    """Return the text of README.md at the top of a template, in whatever case it is written; None when there is none."""
    for name in sorted(os.listdir(source)):
        path = source / name
        if name.lower() == "readme.md" and path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                return file.read(MOST_CHARACTERS).replace("\0", "")
    return None
