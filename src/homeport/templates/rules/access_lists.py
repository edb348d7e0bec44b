"""Access lists of templates: what a role in them grants (spec: authorization-and-data 16)."""

from collections.abc import Mapping
from uuid import UUID

from homeport.kit.errors import FieldError
from homeport.templates.types import TemplateRole

Acl = dict[str, list[str]]

_ACTIONS: dict[TemplateRole, list[str]] = {"use": ["read", "use"], "admin": ["*"]}
USE = _ACTIONS["use"]


def role_of(actions: list[str]) -> TemplateRole:
    """Return the role that a list of actions amounts to."""
    if "*" in actions:
        return "admin"
    return "use" if "use" in actions or "read" in actions else ""


def apply_roles(acl: Acl, changes: Mapping[UUID, TemplateRole]) -> Acl:
    """Return the list with these roles set; an empty role takes the entry out."""
    changed = dict(acl)
    for key, role in changes.items():
        if role:
            changed[str(key)] = list(_ACTIONS[role])
        else:
            changed.pop(str(key), None)
    return changed


def find_unknown(
    changes: Mapping[UUID, TemplateRole], known: set[UUID], field: str, noun: str, place: str
) -> list[FieldError]:
    """Return an error for each id that is to get a role and does not exist. Stale ids may always be taken out."""
    return [
        FieldError(f"{field}.{key}", f"There is no such {noun} in this {place}.")
        for key, role in changes.items()
        if role and key not in known
    ]
