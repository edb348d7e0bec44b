"""Which version the bundled provider says that it is: one that a template's constraints allow. Pure."""

import re
from collections.abc import Sequence

from homeport_provisioner.engine import EngineFailure

Version = tuple[int, int, int]
FOLLOWED: Version = (2, 18, 0)
"""The version of Coder's provider after whose documentation ours is made; what templates without constraint get."""
_CONSTRAINT = re.compile(r"\s*(=|!=|>=|<=|>|<|~>)?\s*v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?\s*")


def choose(constraints: Sequence[str]) -> str:
    """Return a version that fits all constraints; the one that is followed, if it does. Raises EngineFailure."""
    rules = [_read(part) for text in constraints for part in text.split(",") if part.strip()]
    exact = next((rule for rule in rules if rule[3]), None)
    if exact is not None and all(rule == exact for rule in rules):
        return ".".join(map(str, exact[1])) + exact[3]
    candidates = {FOLLOWED}
    for _, (major, minor, patch), _, _ in rules:
        candidates |= {
            (major, minor, patch),
            (major, minor, patch + 1),
            (major, minor, max(patch - 1, 0)),
            (major, max(minor - 1, 0), 0),
            (max(major - 1, 0), 0, 0),
        }
    fitting = [version for version in candidates if all(_fits(version, *rule) for rule in rules)]
    if not fitting:
        raise EngineFailure(
            f"No version of the provider coder/coder fits all constraints of the template: {'; '.join(constraints)}. "
            "Make those in required_providers agree."
        )
    return ".".join(map(str, FOLLOWED if FOLLOWED in fitting else max(fitting)))


def _read(text: str) -> tuple[str, Version, int, str]:
    """Read one constraint: how, against what, how many numbers were written, and a mark of a version before its release."""
    found = _CONSTRAINT.fullmatch(text)
    if found is None:
        raise EngineFailure(
            f"'{text.strip()}' is no constraint for versions of coder/coder, such as '>= 2.0' or '~> 2.4'."
        )
    how, *numbers, mark = found.groups()
    version = tuple(int(number or 0) for number in numbers)
    return how or "=", version, sum(number is not None for number in numbers), mark or ""  # type: ignore[return-value]


def _fits(version: Version, how: str, wanted: Version, written: int, mark: str) -> bool:
    if mark and how == "=":
        return False
    if how == "~>":
        # All numbers but the last one written are fixed.
        return version >= wanted and version[: written - 1] == wanted[: written - 1]
    return {
        "=": version == wanted,
        "!=": version != wanted,
        ">=": version >= wanted,
        "<=": version <= wanted,
        ">": version > wanted,
        "<": version < wanted,
    }[how]
