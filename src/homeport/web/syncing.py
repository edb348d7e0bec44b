"""Mappings of claims as people write them into a form: one line each, `value -> target`, with names in place of ids. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar
from uuid import UUID

from homeport.kit.errors import HomeportError, invalid_field
from homeport.web.forms import Problems

ARROW: Final = " -> "
T = TypeVar("T")


def mapping_lines(mapping: Mapping[str, Sequence[object]], names: Mapping[UUID, str]) -> str:
    """Write a mapping; what has no name any more is written as its id."""
    return "\n".join(
        f"{value}{ARROW}{names.get(target, target) if isinstance(target, UUID) else target}"
        for value, targets in mapping.items()
        for target in targets
    )


def read_lines(text: str, field: str, read: Callable[[str], T]) -> dict[str, list[T]]:
    """Read a mapping; the last arrow of a line counts. Raises a 400 at `field` that says which line, and ValueError's words why."""
    found: dict[str, list[T]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        # As it is written here, for names may hold an arrow themselves; people may leave out the spaces.
        value, arrow, target = line.rpartition(ARROW if ARROW in line else ARROW.strip())
        if not arrow or not value.strip() or not target.strip():
            raise invalid_field(
                field, f"Line {number}: write a value of the claim, an arrow, and what it means: value -> name."
            )
        try:
            found.setdefault(value.strip(), []).append(read(target.strip()))
        except ValueError as error:
            raise invalid_field(field, f"Line {number}: {error}.") from None
    return found


def target_reader(ids: Mapping[str, UUID], noun: str) -> Callable[[str], UUID]:
    """Return what reads a name, or an id, of what `ids` names in small letters."""

    def read(target: str) -> UUID:
        if (known := ids.get(target.lower())) is not None:
            return known
        try:
            return UUID(target)
        except ValueError:
            raise ValueError(f"there is no {noun} named '{target[:64]}'") from None

    return read


def problems_of(error: HomeportError, names: Mapping[str, str]) -> Problems:
    """Return what was wrong with a form whose fields have other names than the request's; the same name may be the page's own."""
    problems = Problems(error, known=frozenset(names) | frozenset(names.values()))
    problems.fields = {names.get(field, field): words for field, words in problems.fields.items()}
    return problems
