"""Handing out jobs: a long poll per daemon, one query per wake-up.

Daemons that could take the same jobs (same organization, engines, tags and isolation) form a line. Only the first of a line looks
into the table and listens; the others wait for its place. So a posted job wakes one daemon per line, and whoever
becomes first looks at once, which is why no posting is missed in between. Where messages are lost, the poll finds the job.
"""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import msgspec

from homeport.database import Connection, Database, DatabaseError, ForeignKeyViolation, Listener
from homeport.database.notify import RESYNC, Subscription
from homeport.kit import clock
from homeport.kit.crypto import hash_token
from homeport.kit.errors import HomeportError
from homeport.kit.ids import random_text
from homeport.provisioning import rules
from homeport.provisioning.errors import DaemonKeyInvalid
from homeport.provisioning.queries import daemons as daemon_queries
from homeport.provisioning.queries import jobs as queries
from homeport.provisioning.schemas import AcquiredJob, JobInput
from homeport.provisioning.service import inputs, metrics
from homeport.provisioning.service.jobs import CHANGED, POSTED, REVOKED, fail_job
from homeport.provisioning.types import DaemonRow, JobAcquired, ProvisionerJobRow
from homeport.telemetry.logs import get_logger

TOKEN_LENGTH = 43
POLL_SECONDS = 10.0

log = get_logger(__name__)


class Acquirer:
    """The lines of this process. Made once by the composition root."""

    def __init__(
        self,
        db: Database,
        listener: Listener,
        *,
        access_url: str = "",
        poll_seconds: float = POLL_SECONDS,
        hung_after: timedelta = rules.HUNG_AFTER,
    ) -> None:
        """`poll_seconds` bounds how long a lost message can hide a job, and how rarely a waiting daemon is marked as seen.

        `hung_after` is when the reaper gives a silent daemon up; the daemon itself does so earlier.
        """
        self._db = db
        self._listener = listener
        self._access_url = access_url
        self._poll_seconds = poll_seconds
        self._silence_seconds = (hung_after * rules.SILENCE_SHARE).total_seconds()
        self._lines: dict[Hashable, _Line] = {}
        self._returns: set[asyncio.Task[None]] = set()

    async def acquire(self, daemon: DaemonRow, *, wait_seconds: float) -> AcquiredJob | None:
        """Return the next job for this daemon, or None after `wait_seconds` without one.

        When the caller is cancelled while a job is being claimed, the job goes back into the queue. Raises 401 as soon as
        the daemon's key is deleted.
        """
        job = await self._find(daemon, wait_seconds)
        if job is None:
            return None
        try:
            # Not in the line: others wait there, and this may ask somebody elsewhere.
            return msgspec.structs.replace(job, input=await inputs.complete_input(self._db, job))
        except asyncio.CancelledError:
            self._release(job)
            raise
        except Exception as error:  # reason: the job is the daemon's, and goes on with what there is
            log.error("the input of a job could not be completed", job_id=str(job.job_id), exc_info=error)
            return job

    async def _find(self, daemon: DaemonRow, wait_seconds: float) -> AcquiredJob | None:
        if wait_seconds <= 0:
            return await self._claim_safely(daemon)
        if daemon.key_id is None:
            return await self._wait(daemon, wait_seconds)
        async with self._listener.subscribe(REVOKED, key=str(daemon.key_id)) as revoked:
            waiting = asyncio.create_task(self._wait(daemon, wait_seconds))
            watching = asyncio.create_task(self._until_revoked(daemon, revoked))
            try:
                await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
                return waiting.result() if waiting.done() else watching.result()
            finally:
                # What was being claimed for a caller who is gone goes back.
                for task in (waiting, watching):
                    task.cancel()
                await asyncio.gather(waiting, watching, return_exceptions=True)

    async def _until_revoked(self, daemon: DaemonRow, revoked: Subscription) -> None:
        """Raise as soon as the daemon's key is gone. Where messages may have been lost, its row tells."""
        while True:
            if RESYNC not in await revoked.wait():
                raise DaemonKeyInvalid
            await self._touch(daemon)

    async def _wait(self, daemon: DaemonRow, wait_seconds: float) -> AcquiredJob | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        async with self._line_of(daemon) as line:
            while not await line.step_forward(min(self._poll_seconds, max(deadline - loop.time(), 0))):
                if loop.time() >= deadline:
                    return None
                await self._touch(daemon)
            try:
                return await self._wait_in_front(daemon, deadline)
            finally:
                line.step_back()

    async def _wait_in_front(self, daemon: DaemonRow, deadline: float) -> AcquiredJob | None:
        loop = asyncio.get_running_loop()
        key = None if daemon.place is None else str(daemon.place)
        async with self._listener.subscribe(POSTED, key=key) as posted:
            while True:
                job = await self._claim_safely(daemon)
                if job is not None:
                    return job
                left = deadline - loop.time()
                if left <= 0:
                    return None
                if not await posted.wait(min(left, self._poll_seconds)):
                    await self._touch(daemon)

    async def _claim_safely(self, daemon: DaemonRow) -> AcquiredJob | None:
        claim = asyncio.get_running_loop().create_task(self._claim(daemon))
        try:
            return await asyncio.shield(claim)
        except asyncio.CancelledError:
            claim.add_done_callback(self._give_back)
            raise

    async def _claim(self, daemon: DaemonRow) -> AcquiredJob | None:
        while True:
            try:
                async with self._db.transaction() as conn:
                    is_empty, job = await self._claim_one(conn, daemon)
            except ForeignKeyViolation:
                # The daemon's row went with its key between its registration and this moment.
                raise DaemonKeyInvalid from None
            if is_empty or job is not None:
                return job

    async def _claim_one(self, conn: Connection, daemon: DaemonRow) -> tuple[bool, AcquiredJob | None]:
        """Return (True, None) when nothing waits, (False, None) when a job could not be prepared and has failed."""
        token, now = random_text(TOKEN_LENGTH), clock.now()
        job = await queries.claim_job(
            conn, organization_id=daemon.place, provisioners=daemon.provisioners, tags=daemon.tags, now=now,
            worker_id=daemon.id, worker_name=daemon.name, token_hash=hash_token(token), isolates=daemon.isolates,
            seen_after=now - rules.STALE_AFTER,
        )  # fmt: skip
        if job is None:
            return True, None
        if job.needs_isolation and not daemon.isolates:
            await fail_job(conn, job.id, error=rules.isolation_missing(daemon.name), now=now, cause="refused")
            return False, None
        job_input = await _prepare(conn, job)
        if job_input is None:
            return False, None
        waited = (clock.now() - job.created_at).total_seconds()
        conn.after_commit(lambda: metrics.wait_seconds.labels(job.type).observe(waited))
        await conn.notify(CHANGED, str(job.id))
        return False, AcquiredJob(
            daemon_id=daemon.id, job_id=job.id, job_token=token, type=job.type, provisioner=job.provisioner,
            organization_id=job.organization_id, created_at=job.created_at, file_id=job.file_id,
            initiator_username=await queries.find_username(conn, job.initiator_id),
            access_url=self._access_url, silence_seconds=self._silence_seconds, most_state_bytes=rules.MOST_STATE,
            input=job_input,
        )  # fmt: skip

    async def _touch(self, daemon: DaemonRow) -> None:
        async with self._db.transaction() as conn:
            await daemon_queries.wait_for_no_disk(conn)
            is_known = await daemon_queries.touch_daemon(conn, daemon.id, clock.now())
        if not is_known:
            raise DaemonKeyInvalid

    def _give_back(self, claim: "asyncio.Task[AcquiredJob | None]") -> None:
        job = None if claim.cancelled() or claim.exception() else claim.result()
        if job is not None:
            self._release(job)

    def _release(self, job: AcquiredJob) -> None:
        task = asyncio.get_running_loop().create_task(release_job(self._db, job.job_id, job.job_token))
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)

    @asynccontextmanager
    async def _line_of(self, daemon: DaemonRow) -> AsyncIterator["_Line"]:
        key = (daemon.place, daemon.isolates, frozenset(daemon.provisioners), frozenset(daemon.tags.items()))
        line = self._lines.setdefault(key, _Line())
        line.length += 1
        try:
            yield line
        finally:
            line.length -= 1
            if line.length == 0:
                self._lines.pop(key, None)


class _Line:
    """Daemons that could take the same jobs; the lock is the place in front."""

    def __init__(self) -> None:
        self.length = 0
        self._front = asyncio.Lock()

    async def step_forward(self, seconds: float) -> bool:
        """Wait up to `seconds` for the place in front."""
        if not self._front.locked():
            return await self._front.acquire()
        try:
            async with asyncio.timeout(seconds):
                return await self._front.acquire()
        except TimeoutError:
            return False

    def step_back(self) -> None:
        """Leave the place in front to the next."""
        self._front.release()


async def release_job(db: Database, job_id: UUID, token: str) -> None:
    """Put a job back that was claimed for somebody who is gone; nothing happens where the token no longer owns it."""
    async with db.transaction() as conn:
        organization_id = await queries.release_job(conn, job_id, hash_token(token), clock.now())
        if organization_id is not None:
            await conn.notify(POSTED, str(organization_id))
            await conn.notify(CHANGED, str(job_id))


async def _prepare(conn: Connection, job: ProvisionerJobRow) -> JobInput | None:
    """Build the job's input; a job that cannot be prepared ends as failed, so that it does not block the queue."""
    try:
        async with conn.savepoint():
            await conn.emit(JobAcquired(job=job))
            return await inputs.build_input(conn, job)
    except DatabaseError:
        raise
    except HomeportError as error:
        reason = error.message
    except Exception as error:  # reason: whatever is wrong with one job must not stop the jobs behind it
        log.error("a job could not be prepared", job_id=str(job.id), exc_info=error)
        reason = "The job could not be prepared; the server's log says why."
    await fail_job(conn, job.id, error=reason, now=clock.now(), cause="refused")
    return None
