"""The room's background loop. Any number of servers may run it: rows are locked one by one and held ones are skipped."""

from homeport.database import Database, DatabaseError
from homeport.kit import clock
from homeport.provisioning.service import reaper
from homeport.telemetry.logs import get_logger

SWEEP_SECONDS = 60.0

log = get_logger(__name__)


async def sweep(db: Database) -> None:
    """Do one round: end still jobs, forget daemons that are gone, measure the queue."""
    ended = await reaper.reap(db)
    if ended:
        log.warning("ended jobs that nobody worked on", jobs=[str(job_id) for job_id in ended])
    await reaper.forget_the_gone(db)
    await reaper.measure_queue(db)


async def sweep_forever(db: Database) -> None:
    """Do a round every minute until cancelled; a round that fails is logged and the next one tries again."""
    while True:
        try:
            await sweep(db)
        except DatabaseError as error:
            log.warning("a round of the job reaper failed", error=error.message, detail=error.detail)
        await clock.sleep(SWEEP_SECONDS)
