"""Subjects and ids that several tests use."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from homeport.rbac import Role, Scope, Subject, expand_roles, scope_named

ME = UUID(int=0x1)
SOMEBODY = UUID(int=0x2)
ORG = UUID(int=0x10)
OTHER_ORG = UUID(int=0x20)
THIRD_ORG = UUID(int=0x30)
GROUP = UUID(int=0x40)
OTHER_GROUP = UUID(int=0x50)
ALL = scope_named("all")


def holder(
    site: Sequence[str] = (),
    organizations: Mapping[UUID, Sequence[str]] | None = None,
    *,
    id_: UUID = ME,
    groups: Iterable[UUID] = (),
    scope: Scope = ALL,
) -> Subject:
    """Return a subject with built-in roles."""
    return subject(expand_roles(site, organizations or {}), id_=id_, groups=groups, scope=scope)


def subject(roles: Iterable[Role], *, id_: UUID = ME, groups: Iterable[UUID] = (), scope: Scope = ALL) -> Subject:
    """Return a subject with exactly these roles."""
    return Subject.build(id_, roles=roles, groups=groups, scope=scope, friendly_name="test")
