"""Answers to questions about permissions: for any number of them one query, and none where no object is named."""

from collections.abc import Collection
from uuid import UUID

from homeport.access import queries
from homeport.access.checks import Check, Found, answer, read_checks
from homeport.access.schemas import AuthorizationRequest
from homeport.database import Database
from homeport.database.rows import Record
from homeport.rbac import NO_ACL, Object, ResourceType, Subject


async def check_permissions(db: Database, *, subject: Subject, request: AuthorizationRequest) -> dict[str, bool]:
    """Say for each check whether `subject` may. Raises BadRequest for types, actions and ids that mean nothing."""
    checks = read_checks(request.checks, me=subject.id)
    found = await _find(db, [check for check in checks.values() if check.id is not None])
    return {name: answer(subject, check, found) for name, check in checks.items()}


async def _find(db: Database, checks: Collection[Check]) -> Found:
    if not checks:
        return {}
    rows = await queries.list_objects(
        db,
        types={check.row_type for check in checks},
        ids={check.id for check in checks if isinstance(check.id, UUID)},
        key_ids={check.id for check in checks if isinstance(check.id, str)},
    )
    found: dict[tuple[ResourceType, UUID | str], list[Object]] = {}
    for row in rows:
        type_ = ResourceType(row["type"])
        id_ = row["id"] if type_ == ResourceType.API_KEY else UUID(row["id"])
        found.setdefault((type_, id_), []).append(_object(row))
    return found


def _object(row: Record) -> Object:
    type_ = ResourceType(row["object_type"])
    return Object(
        type_,
        id=row["id"] if type_ == ResourceType.API_KEY else row["object_id"] or "",
        organization_id=row["organization_id"],
        owner_id=row["owner_id"],
        user_acl=row["user_acl"] or NO_ACL,
        group_acl=row["group_acl"] or NO_ACL,
    )
