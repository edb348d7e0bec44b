"""Recording entries: of what was done, in the transaction that does it, and of what was tried in vain."""

from typing import Any
from uuid import UUID

import msgspec

from homeport.audit.queries import entries as queries
from homeport.audit.rules import difference
from homeport.audit.service.attempts import note_recorded
from homeport.audit.types import AuditAction, AuditResource, declaration_of
from homeport.database import Connection
from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.kit.request import BACKGROUND, RequestInfo, current_request

_WITHOUT_DIFF = frozenset({AuditAction.LOGIN, AuditAction.LOGOUT})


async def record(
    conn: Connection,
    *,
    subject_id: UUID,
    action: AuditAction,
    resource: AuditResource,
    before: msgspec.Struct | None = None,
    after: msgspec.Struct | None = None,
    resource_type: str = "",
    status_code: int = 200,
    additional_fields: dict[str, Any] | None = None,
    is_background: bool = False,
) -> None:
    """Write one entry inside the caller's transaction.

    `before` and `after` are rows of one declared type (None: there was, or is, none); the diff holds what changed.
    `resource_type` is needed only where neither row is given. Address, user agent and request id come from the request;
    not so with `is_background`: what the server does by itself upon the report of an agent or daemon is not theirs.
    """
    sample = after if after is not None else before
    declaration = declaration_of(type(sample)) if sample is not None else None
    if declaration is None and not resource_type:
        raise TypeError("audit.record needs a row or a resource type.")
    has_diff = declaration is not None and status_code < 400 and action not in _WITHOUT_DIFF
    await insert(
        conn,
        request=BACKGROUND if is_background else current_request(),
        subject_id=subject_id,
        action=action,
        resource=resource,
        resource_type=resource_type or (declaration.resource_type if declaration else ""),
        diff=difference(declaration, before, after) if has_diff and declaration else {},
        status_code=status_code,
        additional_fields=additional_fields or {},
    )
    conn.after_commit(note_recorded)


async def insert(
    conn: Connection,
    *,
    request: RequestInfo,
    subject_id: UUID,
    action: AuditAction,
    resource: AuditResource,
    resource_type: str,
    diff: dict[str, Any],
    status_code: int,
    additional_fields: dict[str, Any],
) -> None:
    """Write one entry as it is. Which part of the server acted, where nobody had signed in, stands in the additional fields."""
    subsystem = {"subsystem": request.subsystem} if request.subsystem else {}
    await queries.insert_entry(
        conn, new_id(), clock.now(), subject_id, resource.organization_id, request.ip, request.user_agent, resource_type,
        resource.id, resource.target, resource.icon, action.value, diff, status_code, {**additional_fields, **subsystem},
        UUID(request.request_id),
    )  # fmt: skip
