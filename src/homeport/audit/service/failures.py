"""Writing down requests that have failed."""

from homeport.audit.service.attempts import Trail
from homeport.audit.service.recording import insert
from homeport.database import Database, DatabaseError
from homeport.kit.request import current_request
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)
_NOT_FOUND = 404


async def record_failure(db: Database, trail: Trail, status: int) -> None:
    """Write the one entry of a failed request, in a transaction of its own; nothing where there is nothing to tell.

    That is: it did not fail, no object was found (404: nobody learns that there is one), or its change was recorded already.
    An entry that cannot be written does not change the answer; the log tells of it.
    """
    attempt, trail.attempt = trail.attempt, None
    if attempt is None or status < 400 or status == _NOT_FOUND or trail.is_recorded:
        return
    try:
        async with db.transaction() as conn:
            await insert(
                conn,
                request=current_request(),
                subject_id=attempt.subject_id,
                action=attempt.action,
                resource=attempt.resource,
                resource_type=attempt.resource_type,
                diff={},
                status_code=status,
                additional_fields=attempt.additional_fields,
            )
    except DatabaseError as error:
        _log.warning("a failed request could not be recorded", status=status, error=str(error))
