"""What claims mean: which organizations, groups and roles somebody shall have, and whether they may come at all."""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final
from uuid import UUID

from homeport.kit.patterns import Pattern, UnusablePattern
from homeport.organizations.rules.claims import UnusableClaim
from homeport.organizations.types import EVERYONE, GroupSync, OrganizationSync, WantedGroups

# States times characters of all names together: a tenth of a second, in which nobody else is served.
MOST_WORK: Final = 2_000_000


def wanted_organizations(settings: OrganizationSync, values: Iterable[str], default_id: UUID) -> set[UUID]:
    """Return the organizations that these values stand for. Values that no mapping names stand for nothing."""
    wanted = {target for value in values for target in settings.mapping.get(value, ())}
    return wanted | {default_id} if settings.assign_default else wanted


def wanted_groups(settings: GroupSync, values: Iterable[str], *, everyone_id: UUID) -> WantedGroups:
    """Return the groups that these values stand for. Raises UnusableClaim, UnusablePattern.

    Ids of the mapping come first; what has none is a name, which the other mapping may change and the filter may drop. The
    group of all members is nothing that somebody is put into.
    """
    ids: set[UUID] = set()
    names: dict[str, str] = {}
    for value in values:
        if value in settings.mapping:
            ids.update(settings.mapping[value])
            continue
        name = settings.legacy_group_name_mapping.get(value, value)
        if name.lower() != EVERYONE.lower():
            names.setdefault(name.lower(), name)
    return WantedGroups(frozenset(ids - {everyone_id}), tuple(_filtered(names.values(), settings.regex_filter)))


def wanted_names(mapping: Mapping[str, Collection[str]], values: Iterable[str]) -> set[str]:
    """Return the names of roles that these values stand for: by the mapping, else the value itself."""
    return {name for value in values for name in mapping.get(value, (value,))}


def is_admitted(allowed: Collection[str], values: Iterable[str], name_mapping: Mapping[str, str]) -> bool:
    """Tell whether one of the groups, by the names that they have here, is among those that may sign in."""
    return not allowed or any(name_mapping.get(value, value) in allowed for value in values)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Pattern:
    """Compile a filter. Raises UnusablePattern."""
    return Pattern(pattern)


def _filtered(names: Iterable[str], pattern: str | None) -> Iterable[str]:
    if not pattern:
        yield from names
        return
    filtering = compiled(pattern)
    work = 0
    for name in names:
        work += filtering.cost(name)
        if work > MOST_WORK:
            raise UnusableClaim("its values are too many and too long for the filter")
        try:
            is_wanted = filtering.search(name)
        except UnusablePattern as error:
            raise UnusableClaim(f"the filter cannot be used on one of its values: {error}") from None
        if is_wanted:
            yield name
