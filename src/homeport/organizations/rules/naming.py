"""Names of groups made of what identity providers call them."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from homeport.kit.names import MAX_DISPLAY_NAME, is_valid_name
from homeport.organizations.rules.tenancy import MOST_GROUP_NAME
from homeport.organizations.types import EVERYONE

_MOST_NAME: Final = 64
_UNFIT: Final = re.compile(r"[^a-zA-Z0-9]+")
_NO_NAME: Final = "group"
# Names that a group never gets here: Everyone is the group of all members.
_TAKEN: Final = frozenset((EVERYONE.lower(),))


def name_candidates(display_name: str, random: Iterable[str]) -> Iterable[str]:
    """Yield valid names made from a display name: the nearest, then the same with what is random."""
    plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode()
    base = _UNFIT.sub("-", plain).strip("-").lower()[:_MOST_NAME].strip("-")
    if is_valid_name(base, most=_MOST_NAME) and base not in _TAKEN:
        yield base
    base = base or _NO_NAME
    for suffix in random:
        yield f"{base[: _MOST_NAME - len(suffix) - 1].strip('-')}-{suffix}"


def names_for(wanted: str, random: Iterable[str]) -> Iterable[str]:
    """Yield the names under which a group may be made for what a provider calls it: its own where that is one, then others.

    Under another name it is shown under the wanted one, which must be short enough for that.
    """
    if is_group_name(wanted):
        yield wanted
    if len(wanted) <= MAX_DISPLAY_NAME:
        yield from name_candidates(wanted, random)


def is_made_up(name: str, display_name: str) -> bool:
    """Tell whether a name was made of a display name that is none: such a group is known by the latter alone.

    Or else somebody in the provider's group "platform-team" would be in the one for its "Platform Team".
    """
    return not is_group_name(display_name) and name == next(iter(name_candidates(display_name, ())), "")


def is_group_name(name: str) -> bool:
    """Tell whether a group may be called so."""
    return is_valid_name(name, most=MOST_GROUP_NAME) and name.lower() not in _TAKEN


def is_showable(name: str) -> bool:
    """Tell whether a group may be shown under a provider's name for it, or be called so."""
    return is_group_name(name) or (len(name) <= MAX_DISPLAY_NAME and name.isprintable())
