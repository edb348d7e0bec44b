"""The room's background loop. Any number of servers may run it: rows are locked one by one and held ones are skipped."""

from homeport.config import Settings
from homeport.database import Database, DatabaseError
from homeport.kit import clock
from homeport.provisioning import rules
from homeport.provisioning.service import reaper
from homeport.telemetry.logs import get_logger

SWEEP_SECONDS = 60.0
# Where the clock jumps, or the machine has slept, jobs look silent whose daemons report the next moment.
JUMP_SECONDS = 30.0
GRACE_SECONDS = 60.0

log = get_logger(__name__)


def sweep_limits(settings: Settings) -> rules.Limits:
    """Return when jobs are ended, as the operator has set it."""
    return rules.Limits(
        hung_after=settings.provisioner_hang_timeout,
        stop_after=settings.provisioner_force_cancel_interval + rules.STOP_AFTER_FORCE,
    )


async def sweep(db: Database, limits: rules.Limits | None = None) -> None:
    """Do one round: take jobs back, end still ones, forget daemons that are gone, measure the queue."""
    limits = limits or rules.Limits()
    returned = await reaper.release_unheard(db, limits)
    if returned:
        log.warning("took jobs back from daemons that never reported", jobs=[str(job_id) for job_id in returned])
    ended = await reaper.reap(db, limits)
    if ended:
        log.warning("ended jobs that nobody worked on", jobs=[str(job_id) for job_id in ended])
    await reaper.forget_the_gone(db)
    await reaper.measure_queue(db)


async def sweep_forever(db: Database, settings: Settings) -> None:
    """Do a round several times a minute until cancelled, more often where jobs are given up earlier.

    A round that fails is logged, and the next one tries again. After a jump of the clock nothing is ended until daemons have
    had the time to report by the new one.
    """
    limits = sweep_limits(settings)
    pause = min(SWEEP_SECONDS, limits.unheard_after.total_seconds() / 2)
    offset, begins_at = _clock_offset(), clock.monotonic()
    while True:
        jump, offset = _clock_offset() - offset, _clock_offset()
        if abs(jump) > JUMP_SECONDS:
            log.warning("the clock has jumped: no job is ended for a moment", seconds=round(jump))
            begins_at = clock.monotonic() + GRACE_SECONDS
        try:
            if clock.monotonic() >= begins_at:
                await sweep(db, limits)
        except DatabaseError as error:
            log.warning("a round of the job reaper failed", error=error.message, detail=error.detail)
        await clock.sleep(pause)


def _clock_offset() -> float:
    """Return by how much the clock on the wall is ahead of the one that only counts: it changes where the former jumps."""
    return clock.now().timestamp() - clock.monotonic()
