"""What a request is about, declared once by the service that serves it, for the entry of a request that fails.

A refusal undoes the transaction of the change, and an entry written there would go with it. So services say what they are
about to do, and to what, as soon as they have found the object; the layer around all requests (`server/attempts.py`)
writes it down in a transaction of its own, with the status of the answer and without a diff, when the request has failed.
"""

from contextvars import ContextVar
from typing import Any
from uuid import UUID

import msgspec

from homeport.audit.types import AuditAction, AuditResource, Declaration


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Who tries to do what to which object."""

    subject_id: UUID
    action: AuditAction
    resource: AuditResource
    resource_type: str
    additional_fields: dict[str, Any]


class Trail:
    """What one request has declared so far. `is_recorded`: a change was committed with its entry, so the request did something."""

    __slots__ = ("attempt", "failure", "is_recorded")

    def __init__(self) -> None:
        self.attempt: Attempt | None = None
        self.failure = 0
        self.is_recorded = False


_trail: ContextVar[Trail | None] = ContextVar("homeport_audit_trail", default=None)


def begin() -> Trail:
    """Begin the trail of the request that is being served, and return it."""
    trail = Trail()
    _trail.set(trail)
    return trail


def attempt(
    kind: Declaration | str,
    *,
    subject_id: UUID,
    action: AuditAction,
    resource: AuditResource,
    additional_fields: dict[str, Any] | None = None,
) -> None:
    """Say what the request is about: call it once the object is found, before deciding about it.

    Should the request fail, one entry tells of it. What is declared later in the same request replaces this. `kind` is the
    declaration of the object's rows, or a resource type.
    """
    trail = _trail.get()
    if trail is not None:
        trail.attempt = Attempt(
            subject_id=subject_id,
            action=action,
            resource=resource,
            resource_type=kind if isinstance(kind, str) else kind.resource_type,
            additional_fields=additional_fields or {},
        )


def note_failure(status: int) -> None:
    """Say that what was declared has failed although the answer will not show it, as those of tools do not."""
    trail = _trail.get()
    if trail is not None:
        trail.failure = status


def note_recorded() -> None:
    """Say that an entry of a change is committed."""
    trail = _trail.get()
    if trail is not None:
        trail.is_recorded = True
