"""Values as Terraform gives them, some of which are not known yet, and problems with the place where they are. Pure."""

from dataclasses import dataclass, field, replace
from typing import Any

Values = dict[str, Any]
Step = str | int
Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that a later step of Terraform tells. `code` and `data` are how Terraform wrote it, with what it knows already."""

    code: int = 0
    data: bytes = b"\0"


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or a warning, and which attribute it is about."""

    summary: str
    detail: str = ""
    path: Path = ()
    is_warning: bool = False


@dataclass(slots=True)
class Problems:
    """What was found so far."""

    found: list[Problem] = field(default_factory=list)

    def error(self, path: Path, summary: str, detail: str = "") -> None:
        """Note an error."""
        self.found.append(Problem(summary, detail, path))

    def warn(self, path: Path, summary: str, detail: str = "") -> None:
        """Note a warning."""
        self.found.append(Problem(summary, detail, path, is_warning=True))

    def forgive(self) -> None:
        """Make warnings of all errors."""
        self.found = [replace(problem, is_warning=True) for problem in self.found]

    @property
    def has_errors(self) -> bool:
        """Whether there are others than warnings."""
        return any(not problem.is_warning for problem in self.found)


def known_text(values: Values, name: str) -> str:
    """Return a text; empty when it is missing or not known yet."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def blocks_of(values: Values, name: str) -> list[tuple[int, Values]]:
    """Return the nested blocks that are known, with their places."""
    found = values.get(name)
    blocks = found if isinstance(found, list) else []
    return [(place, block) for place, block in enumerate(blocks) if isinstance(block, dict)]
