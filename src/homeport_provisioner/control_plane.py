"""The daemon's side of the protocol: typed calls, each with the difference between "again", "lost" and "refused"."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import httpx
import msgspec

from homeport_provisioner.packing import packed
from homeport_provisioner.settings import Settings
from homeport_sdk.errors import ApiError, BadAnswer, ConnectionFailed
from homeport_sdk.http import SESSION_HEADER, HttpClient
from homeport_sdk.provisioner_protocol import (
    DAEMON_ID_HEADER,
    JOB_TOKEN_HEADER,
    KEY_HEADER,
    MOST_REPORT_BYTES,
    PSK_HEADER,
    AcquiredJob,
    AcquireJobRequest,
    CommitQuotaRequest,
    CommitQuotaResponse,
    CompleteJobRequest,
    FailJobRequest,
    Isolation,
    UpdateJobRequest,
    UpdateJobResponse,
)
from homeport_sdk.version import __version__

WAIT_SECONDS = 30
_CALL_SECONDS = 30.0
_LOST = frozenset({401, 403, 404, 409, 410})
_AGAIN = frozenset({408, 425, 429})
T = TypeVar("T")


class JobLost(Exception):
    """The job is somebody else's now, or has ended: whatever was done for it must be undone."""


class Backoff:
    """Pauses between attempts: growing, bounded, spread by chance."""

    def __init__(self, *, first: float = 0.2, most: float = 10.0) -> None:
        """`first` and `most` are seconds: the longest first pause, and the longest of all."""
        self._first = first
        self._most = most
        self._failures = 0

    def reset(self) -> None:
        """Forget failures: something worked."""
        self._failures = 0

    async def pause(self) -> None:
        """Wait after one more failure."""
        ceiling = min(self._most, self._first * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        await asyncio.sleep(random.uniform(ceiling / 2, ceiling))  # noqa: S311 - spreads load, guards nothing


def may_try_again(error: Exception) -> bool:
    """Whether the same call may succeed later: the server was not reached, is overloaded or broken."""
    if isinstance(error, ApiError):
        return error.status in _AGAIN or error.status >= 500
    return isinstance(error, ConnectionFailed | BadAnswer)


class ControlPlane:
    """One server, seen by one daemon. Use it as an async context manager."""

    def __init__(self, settings: Settings, *, isolation: Isolation = "") -> None:
        self._settings = settings
        self._isolation = isolation
        headers = {KEY_HEADER: settings.key, PSK_HEADER: settings.psk, SESSION_HEADER: settings.session_token}
        self._http = HttpClient(
            settings.url, headers={name: value for name, value in headers.items() if value}, timeout=_CALL_SECONDS
        )
        self.daemon_id: UUID | None = None

    async def __aenter__(self) -> "ControlPlane":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def acquire(self) -> AcquiredJob | None:
        """Wait for the next job; None when there was none for now. Raises ApiError, ConnectionFailed, BadAnswer."""
        settings = self._settings
        request = AcquireJobRequest(
            name=settings.name,
            version=f"v{__version__}",
            provisioners=list(settings.engines),
            tags=settings.tags,
            daemon_id=self.daemon_id,
            wait_seconds=WAIT_SECONDS,
            isolation=self._isolation,
        )
        response = await self._http.send(
            "POST",
            f"/api/v2/organizations/{settings.organization}/provisionerdaemons/acquire",
            content=msgspec.json.encode(request),
            headers={"Content-Type": "application/json"},
            timeout=httpx.Timeout(_CALL_SECONDS, read=WAIT_SECONDS + 15.0),
        )
        if response.status_code == 204:
            self._note_id(response.headers.get(DAEMON_ID_HEADER, ""))
            return None
        try:
            job = msgspec.json.decode(response.content, type=AcquiredJob)
        except msgspec.DecodeError as error:
            raise BadAnswer(f"The server handed out a job of an unexpected shape: {error}") from error
        self.daemon_id = job.daemon_id
        return job

    def _note_id(self, text: str) -> None:
        try:
            self.daemon_id = UUID(text) if text else self.daemon_id
        except ValueError as error:
            raise BadAnswer(f"The server named an impossible daemon id: {text[:64]}") from error

    def job(self, job: AcquiredJob) -> "JobCalls":
        """Return the calls about one job."""
        return JobCalls(self._http, job)

    async def knows_agent(self, token: str) -> bool:
        """Whether an agent with this token belongs to a finished build; asks until the server can say."""
        backoff = Backoff(most=5.0)
        while True:
            try:
                await self._http.send("GET", "/api/v2/workspaceagents/me/manifest", headers={SESSION_HEADER: token})
            except (ApiError, ConnectionFailed) as error:
                if not may_try_again(error):
                    return False
                await backoff.pause()
            else:
                return True


class JobCalls:
    """The calls about one job. Each is repeated until the server answers; raises JobLost, and ApiError for other refusals.

    Reports are counted: one that the server has taken, and whose answer got lost, counts once however often it is sent.
    """

    def __init__(self, http: HttpClient, job: AcquiredJob) -> None:
        self._http = http
        self._base = f"/provisionerjobs/{job.job_id}"
        self._headers = {JOB_TOKEN_HEADER: job.job_token}
        self._numbers = itertools.count(1)
        self._most_state = job.most_state_bytes

    async def download(self) -> bytes:
        """Fetch the template's source: a tar archive."""
        return await self._insist(
            lambda: self._http.call("GET", f"{self._base}/file", answer=bytes, headers=self._headers)
        )

    async def update(self, request: UpdateJobRequest) -> UpdateJobResponse:
        """Show a sign of life, with logs; the answer tells of a cancel."""
        answer: UpdateJobResponse = await self._report("update", request, UpdateJobResponse)
        return answer

    async def complete(self, request: CompleteJobRequest) -> None:
        """Report the result. Raises ApiError (400) where the server does not take it: then `fail` follows."""
        await self._report("complete", await packed(request, most=self._most_state), None)

    async def fail(self, request: FailJobRequest) -> None:
        """Report that there is no result: an error, or the end of a canceled job."""
        await self._report("fail", await packed(request, most=self._most_state), None)

    async def commit_quota(self, daily_cost: int) -> CommitQuotaResponse:
        """Ask whether the owner may spend this many credits a day."""
        return await self._insist(
            lambda: self._post("quota", CommitQuotaRequest(daily_cost=daily_cost), CommitQuotaResponse)
        )

    async def _report(
        self, verb: str, request: UpdateJobRequest | CompleteJobRequest | FailJobRequest, answer: Any
    ) -> Any:
        request.sequence = next(self._numbers)
        return await self._insist(lambda: self._post(verb, request, answer))

    async def _post(self, verb: str, body: object, answer: Any) -> Any:
        size = len(msgspec.json.encode(body))
        if size > MOST_REPORT_BYTES:
            # The server would close the connection in the middle of it, which looks like any trouble of the network.
            limit = MOST_REPORT_BYTES // 1024**2
            raise ApiError(413, f"A report has at most {limit} MiB, and this one {size / 1024**2:.1f} MiB.")
        return await self._http.call("POST", f"{self._base}/{verb}", body=body, answer=answer, headers=self._headers)

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        backoff = Backoff(most=5.0)
        while True:
            try:
                return await call()
            except (ApiError, ConnectionFailed, BadAnswer) as error:
                if isinstance(error, ApiError) and error.status in _LOST:
                    raise JobLost(str(error)) from error
                if not may_try_again(error):
                    raise
                await backoff.pause()
