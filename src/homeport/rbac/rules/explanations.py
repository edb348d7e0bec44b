"""Refusals in words: which permission on what is missing for whom, why, and who has it.

Only what the asker may know is told: the object that they may read (or the place where they create), their own roles and
scopes, and what built-in roles grant, which is no secret.
"""

from uuid import UUID

from homeport.kit.errors import Forbidden
from homeport.rbac.rules.assignments import ASSIGNABLE, role_kind
from homeport.rbac.rules.roles import MEMBER, ORGANIZATION_ROLE_NAMES, SITE_ROLE_NAMES, built_in_roles
from homeport.rbac.rules.subjects import Subject
from homeport.rbac.types import Action, Object, Pair, Role, RoleName

_ANY_ORGANIZATION = UUID(int=0)
_SITE_ROLES = tuple(built_in_roles())
_ORGANIZATION_ROLES = tuple(built_in_roles(_ANY_ORGANIZATION))


def explain(subject: Subject, action: Action, target: Object, *, has_without_scope: bool) -> str:
    """Say why `subject` may not do `action` to `target`. `has_without_scope`: only the scope of the credential refuses."""
    pair = (target.type, action)
    missing = f"The permission that is missing is {target.type}:{action}{_place(action, target)}."
    if has_without_scope:
        return f"{missing} {subject.friendly_name} has it, but {_credential(subject, pair)}."
    if banning := _banning_roles(subject, pair, target):
        return f"{missing} {subject.friendly_name} is refused it by the role {' and '.join(banning)}."
    return f"{missing} {subject.friendly_name} does not have it. {who_has(pair, target)}"


def who_has(pair: Pair, target: Object) -> str:
    """Say which built-in roles have a permission on an object, in one sentence."""
    site = [role.name for role in _SITE_ROLES if role.grants.site.get(pair, 0) > 0]
    parts = [", ".join(site)] if site else []
    if target.organization_id is not None or target.any_organization:
        local = [role.name for role in _ORGANIZATION_ROLES if role.grants.organization.get(pair, 0) > 0]
        where = "any organization" if target.any_organization else "its organization"
        parts += [f"in {where} {', '.join(local)}"] if local else []
    has_own = any(role.grants.user.get(pair, 0) > 0 for role in _SITE_ROLES if role.name == MEMBER)
    sentence = f"Built-in roles that have it: {'; '.join(parts)}." if parts else "No built-in role has it."
    return f"{sentence} Everybody has it on what is their own." if has_own and target.owner_id is not None else sentence


def assignment_refusal(subject: Subject, role: RoleName) -> Forbidden:
    """Return the error for a role that `subject` may not give or take by the matrix of names (`assignments.py`)."""
    kind = role_kind(role)
    site = [name for name in SITE_ROLE_NAMES if kind in ASSIGNABLE.get(name, ())]
    local = [name for name in ORGANIZATION_ROLE_NAMES if role.organization_id and kind in ASSIGNABLE.get(name, ())]
    who = f"{', '.join(site)}; in the organization {', '.join(local)}" if local else ", ".join(site)
    return Forbidden(
        f"You may not give or take the role '{role.name}'.",
        detail=f"None of the roles of {subject.friendly_name} allows it. These do: {who}.",
    )


def _place(action: Action, target: Object) -> str:
    kind = target.type.replace("_", " ")
    if target.any_organization:
        return " in any organization"
    if action != Action.CREATE and (target.name or isinstance(target.id, UUID)):
        return f" on the {kind} {target.name or target.id}"
    return f" in the organization {target.organization_id}" if target.organization_id is not None else ""


def _credential(subject: Subject, pair: Pair) -> str:
    if subject.kind == "agent":
        return "not the agent of a workspace"
    if any(role.grants.site.get(pair, 0) > 0 for role in subject.scope.roles):
        return "the token that was used is held to other objects"
    return f"the token that was used does not (its scopes: {subject.scope.name}); use one with this scope"


def _banning_roles(subject: Subject, pair: Pair, target: Object) -> list[str]:
    """Return the subject's own roles that refuse the permission where the object is."""
    return sorted({role.name for role in subject.roles if _bans(role, pair, target)})


def _bans(role: Role, pair: Pair, target: Object) -> bool:
    if role.grants.site.get(pair, 0) < 0:
        return True
    is_there = role.organization_id is not None and role.organization_id == target.organization_id
    return is_there and not target.any_organization and role.grants.organization.get(pair, 0) < 0
