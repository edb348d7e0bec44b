"""The room's background loop. Any number of servers may run it: rows are locked one by one and held ones are skipped."""

from homeport.config import Settings
from homeport.database import Database, DatabaseError
from homeport.kit import clock
from homeport.provisioning import rules
from homeport.provisioning.service import reaper
from homeport.telemetry.logs import get_logger

SWEEP_SECONDS = 60.0

log = get_logger(__name__)


def sweep_limits(settings: Settings) -> rules.Limits:
    """Return when jobs are ended, as the operator has set it."""
    return rules.Limits(
        hung_after=settings.provisioner_hang_timeout,
        stop_after=settings.provisioner_force_cancel_interval + rules.STOP_AFTER_FORCE,
    )


async def sweep(db: Database, limits: rules.Limits | None = None) -> None:
    """Do one round: end still jobs, forget daemons that are gone, measure the queue."""
    ended = await reaper.reap(db, limits or rules.Limits())
    if ended:
        log.warning("ended jobs that nobody worked on", jobs=[str(job_id) for job_id in ended])
    await reaper.forget_the_gone(db)
    await reaper.measure_queue(db)


async def sweep_forever(db: Database, settings: Settings) -> None:
    """Do a round every minute (more often where jobs are given up earlier) until cancelled.

    A round that fails is logged, and the next one tries again.
    """
    limits = sweep_limits(settings)
    pause = min(SWEEP_SECONDS, limits.hung_after.total_seconds() / 5)
    while True:
        try:
            await sweep(db, limits)
        except DatabaseError as error:
            log.warning("a round of the job reaper failed", error=error.message, detail=error.detail)
        await clock.sleep(pause)
