"""`python -m checks [paths…]`, from the root of the repository.

Prints `file:line: rule: message` for every broken rule; exits with 1 when there is one.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from checks.rules import ALL
from checks.source import Source, Violation

_IGNORED_FOLDERS = frozenset({".git", ".venv", ".cache", "__pycache__", "build", "dist", "node_modules"})


def project_files(root: Path) -> list[str]:
    """Return the paths of the files that belong to the project: what git tracks or would add, or all without git."""
    listing = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        cwd=root,
        check=False,
        capture_output=True,
    )
    if listing.returncode == 0:
        return sorted(path for path in set(listing.stdout.decode().split("\0")) if path and (root / path).is_file())
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not _IGNORED_FOLDERS.intersection(path.parts))


def check_files(root: Path, paths: Iterable[str]) -> Iterator[Violation]:
    """Run every rule on every readable text file; a Python file that does not parse is a violation itself."""
    for path in paths:
        try:
            source = Source(path, (root / path).read_text(encoding="utf-8"))
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        try:
            for rule in ALL:
                yield from rule(source)
        except SyntaxError as error:
            yield source.violation(error.lineno or 0, "syntax", error.msg)


def main(arguments: list[str]) -> int:
    """Check the named files, or all of the project; return 1 when a rule is broken."""
    root = Path.cwd()
    violations = sorted(check_files(root, arguments or project_files(root)))
    for violation in violations:
        sys.stdout.write(f"{violation}\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
