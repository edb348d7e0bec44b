"""SQL on `oauth2_provider_device_attempts`: how often a person has lately typed a device's code, but for the right ones."""

from datetime import datetime
from uuid import UUID

from homeport.database import Database

# Counted before it is known whether the code is right, so that attempts at once cannot pass the limit together.
PUT_ATTEMPT = """
insert into oauth2_provider_device_attempts as a (user_id, begun_at, failures) values ($1, $2, 1)
on conflict (user_id) do update set
    begun_at = case when a.begun_at <= $3 then excluded.begun_at else a.begun_at end,
    failures = case when a.begun_at <= $3 then 1 else a.failures + 1 end
returning failures, begun_at
"""
FORGIVE_ATTEMPT = (
    "update oauth2_provider_device_attempts set failures = failures - 1 where user_id = $1 and failures > 0"
)


async def put_attempt(db: Database, user_id: UUID, *, now: datetime, forgotten: datetime) -> tuple[int, datetime]:
    """Count one attempt. Returns how many there were since when; a count from before `forgotten` begins anew."""
    record = await db.fetchrow(PUT_ATTEMPT, user_id, now, forgotten)
    assert record is not None
    return record["failures"], record["begun_at"]


async def forgive_attempt(db: Database, user_id: UUID) -> None:
    """Take the latest attempt off the count: it was right."""
    await db.execute(FORGIVE_ATTEMPT, user_id)
