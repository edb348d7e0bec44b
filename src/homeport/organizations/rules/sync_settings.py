"""Which settings of the sync may be stored, and what changes of a mapping leave. Refusals name the field."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from homeport.kit.errors import invalid_field
from homeport.kit.names import is_storable
from homeport.kit.patterns import UnusablePattern
from homeport.organizations.rules.claims import MOST_LENGTH
from homeport.organizations.rules.naming import is_showable
from homeport.organizations.rules.syncing import compiled
from homeport.organizations.schemas import IDPSyncMapping
from homeport.organizations.types import GroupSync

MOST_FIELD: Final = 256
MOST_ENTRIES: Final = 2000
MOST_TARGETS: Final = 200

T = TypeVar("T")


def check_field(field: str) -> str:
    """Return the name of a claim without white space around it, or raise a 400."""
    name = field.strip()
    if len(name) > MOST_FIELD or not name.isprintable() or not is_storable(name):
        raise invalid_field("field", f"Give the name of a claim, of at most {MOST_FIELD} printable characters.")
    return name


def check_claim_field(field: str) -> str:
    """Return the claim that a request asks about, or raise a 400."""
    if not field.strip() or len(field) > MOST_FIELD or not is_storable(field):
        raise invalid_field("claimField", f"Name the claim, in at most {MOST_FIELD} characters.")
    return field.strip()


def check_mapping(mapping: Mapping[str, Sequence[T]], field: str = "mapping") -> dict[str, list[T]]:
    """Return a mapping with each target once and no value without targets, or raise a 400 that names `field`."""
    found = {value: list(dict.fromkeys(targets)) for value, targets in mapping.items() if targets}
    if len(found) > MOST_ENTRIES:
        raise invalid_field(field, f"Map at most {MOST_ENTRIES} values; these are {len(found)}.")
    for value, targets in found.items():
        _check_value(value, field)
        if len(targets) > MOST_TARGETS:
            raise invalid_field(field, f"{value[:64]!r} stands for more than {MOST_TARGETS} targets.")
    return found


def check_groups(settings: GroupSync) -> GroupSync:
    """Return settings of groups whose filter can be matched and whose names can be had, or raise a 400."""
    if settings.regex_filter:
        if not is_storable(settings.regex_filter):
            raise invalid_field("regex_filter", "This pattern holds characters that no name has.")
        try:
            compiled(settings.regex_filter)
        except UnusablePattern as error:
            raise invalid_field("regex_filter", f"This pattern cannot be used: {error}.") from None
    for value, name in settings.legacy_group_name_mapping.items():
        _check_value(value, "legacy_group_name_mapping")
        if not name or name != name.strip() or not is_showable(name):
            raise invalid_field("legacy_group_name_mapping", f"{name[:64]!r} is no name of a group.")
    if len(settings.legacy_group_name_mapping) > MOST_ENTRIES:
        raise invalid_field("legacy_group_name_mapping", f"Map at most {MOST_ENTRIES} values.")
    return settings


def changed_mapping(
    mapping: Mapping[str, Sequence[T]], *, add: Iterable[tuple[str, T]], remove: Iterable[tuple[str, T]]
) -> dict[str, list[T]]:
    """Return a mapping without what is removed and with what is added; what is in both lists is added."""
    found = {value: list(targets) for value, targets in mapping.items()}
    for value, target in remove:
        found[value] = [one for one in found.get(value, ()) if one != target]
    for value, target in add:
        found[value] = [*(one for one in found.get(value, ()) if one != target), target]
    return {value: targets for value, targets in found.items() if targets}


def mapping_lines(lines: Iterable[IDPSyncMapping], field: str, read: Callable[[str], T]) -> list[tuple[str, T]]:
    """Return lines of a mapping, from a value to what `read` makes of the target, or raise a 400 that names `field`."""
    found = []
    for line in lines:
        given, gets = line.given or line.given_capital, line.gets or line.gets_capital
        if not given or not gets:
            raise invalid_field(
                field, "Each line names a value of the claim (given) and what people get for it (gets)."
            )
        _check_value(given, field)
        try:
            found.append((given, read(gets)))
        except ValueError:
            raise invalid_field(field, f"{gets[:64]!r} is not an id.") from None
    return found


def new_targets(before: Mapping[str, Sequence[T]], after: Mapping[str, Sequence[T]]) -> set[T]:
    """Return the targets that come with a change; only these are asked about, so that old ones may be cleared up later."""
    return _targets(after) - _targets(before)


def _targets(mapping: Mapping[str, Sequence[T]]) -> set[T]:
    return {target for targets in mapping.values() for target in targets}


def _check_value(value: str, field: str) -> None:
    if not value.strip() or value != value.strip() or len(value) > MOST_LENGTH or not value.isprintable():
        raise invalid_field(
            field,
            f"{value[:64]!r} is no value of a claim: use 1 to {MOST_LENGTH} printable characters without white space around them.",
        )
