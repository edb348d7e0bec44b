"""The job queue: echo jobs a second with four daemons, an acquire with few and with very many waiting, and how soon a daemon wakes."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx

from benchmarks.figures import Figure
from benchmarks.running import RunningServer, running_server
from homeport.database import Database

_DAEMONS = 4
_JOBS = 600
_FEW, _MANY = 100, 100_000
_SAMPLES = 40
_CHUNK = 10_000
_ASK = {"version": "v1", "provisioners": ["echo"]}
_POST = """
    insert into provisioner_jobs (id, organization_id, initiator_id, provisioner, type, input, tags, turn, file_id, created_at, updated_at)
    select gen_random_uuid(), $1, a.id, $3, 'template_version_dry_run', $4::jsonb, $5::jsonb, n / 50, $6, now(), now()
    from generate_series(1, $2::integer) n
    join (select gen_random_uuid() as id, number from generate_series(0, 49) number) a on a.number = n % 50
"""


async def run() -> list[Figure]:
    """Return jobs a second and milliseconds, on a real server with its PostgreSQL."""
    with running_server(daemons=0) as server:
        db = Database(server.database_url(), pool_size=4)
        try:
            return await _Queue(server, db).measure()
        finally:
            await db.close()


class _Queue:
    """A server, its database and a key by which daemons come in."""

    def __init__(self, server: RunningServer, db: Database) -> None:
        self._server, self._db = server, db
        key = server.call("POST", "/organizations/default/provisionerkeys", {"name": "bench"})["key"]
        headers = {"Coder-Provisioner-Daemon-Key": key}
        self._http = httpx.AsyncClient(base_url=f"{server.url}/api/v2", headers=headers, timeout=60)
        self._organization = UUID(server.call("GET", "/organizations/default")["id"])
        self._input: dict[str, Any] = {}
        self._file = uuid4()

    async def measure(self) -> list[Figure]:
        async with self._http:
            await self._prepare()
            before = self._server.cpu_seconds(), self._server.database_cpu_seconds()
            rate = await self._rate()
            after = self._server.cpu_seconds(), self._server.database_cpu_seconds()
            own, database = ((end - begun) * 1000 / _JOBS for begun, end in zip(before, after, strict=True))
            wake = await self._wake_milliseconds()
            few = await self._acquire_milliseconds(_FEW)
            many = await self._acquire_milliseconds(_MANY)
        return [
            Figure(f"queue: echo jobs through {_DAEMONS} daemons", rate, "/s", 150, "at_least"),
            Figure("queue: processor time of the server for a job", own, "ms"),
            Figure("queue: processor time of PostgreSQL for a job", database, "ms"),
            Figure(f"queue: acquire with {_FEW} waiting", few, "ms"),
            Figure(f"queue: acquire with {_MANY:,} waiting", many, "ms"),
            Figure("queue: acquire, many against few", many / few, "times", 1.5),
            Figure("queue: posted until taken (median)", statistics.median(wake), "ms", 20),
            Figure("queue: posted until taken (slowest)", max(wake), "ms"),
        ]

    async def _prepare(self) -> None:
        """Make a version whose dry runs are the jobs."""
        from homeport.files.rules import archive  # lazy: only here

        data = archive.pack({"echo.yaml": b"{}\n"})
        file = self._server.call("POST", "/files", data, content_type="application/x-tar")["hash"]
        wanted = {"provisioner": "echo", "storage_method": "file", "file_id": file}
        version = self._server.call("POST", "/organizations/default/templateversions", wanted)
        self._file = UUID(file)
        await self._end(await self._acquire("first"), {"template_import": {}})
        run = self._server.call("POST", f"/templateversions/{version['id']}/dry-run", {})
        self._input = await self._db.fetchval("select input from provisioner_jobs where id = $1", UUID(run["id"]))
        await self._end(await self._acquire("first"), {"dry_run": {}})

    async def _rate(self) -> float:
        """Let four daemons do jobs as real ones do: take, fetch, report, finish."""
        await self._post(_JOBS)
        begun = time.perf_counter()
        done = await asyncio.gather(*(self._work(f"daemon-{number}") for number in range(_DAEMONS)))
        assert sum(done) == _JOBS, done
        return _JOBS / (time.perf_counter() - begun)

    async def _work(self, name: str) -> int:
        done = 0
        while (job := await self._acquire(name, wait=0)) is not None:
            token = {"Homeport-Job-Token": job["job_token"]}
            path = f"/provisionerjobs/{job['job_id']}"
            (await self._http.get(f"{path}/file", headers=token)).raise_for_status()
            logs = [{"output": "hello", "stage": "Planning"}]
            (await self._http.post(f"{path}/update", json={"logs": logs}, headers=token)).raise_for_status()
            await self._end(job, {"dry_run": {}})
            done += 1
        return done

    async def _acquire_milliseconds(self, waiting: int) -> float:
        """Return the median of acquires through the API while so many jobs wait, half as many again for others."""
        for _ in range(max(waiting // _CHUNK, 1)):
            await self._post(min(waiting, _CHUNK))
            await self._post(min(waiting, _CHUNK) // 2, provisioner="terraform")
        await self._db.execute("analyze provisioner_jobs")

        async def one() -> None:
            assert await self._acquire("asker", wait=0) is not None

        return await _median_milliseconds(one)

    async def _wake_milliseconds(self) -> list[float]:
        """Return how long after its commit a job is in the hands of a daemon that waits for one."""
        found: list[float] = []
        for _ in range(_SAMPLES):
            waiting = asyncio.create_task(self._acquire("sleeper", wait=20))
            await asyncio.sleep(0.1)
            await self._post(1)
            posted = time.perf_counter()
            await self._db.execute("select pg_notify('provisioner_jobs', $1)", str(self._organization))
            job = await waiting
            found.append((time.perf_counter() - posted) * 1000)
            await self._end(job, {"dry_run": {}})
        return found

    async def _acquire(self, name: str, *, wait: float = 20) -> Any:
        body = {**_ASK, "name": name, "wait_seconds": wait}
        answer = await self._http.post("/organizations/default/provisionerdaemons/acquire", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def _end(self, job: Any, result: dict[str, Any]) -> None:
        headers = {"Homeport-Job-Token": job["job_token"]}
        (
            await self._http.post(f"/provisionerjobs/{job['job_id']}/complete", json=result, headers=headers)
        ).raise_for_status()

    async def _post(self, count: int, *, provisioner: str = "echo") -> None:
        await self._db.execute(_POST, self._organization, count, provisioner, self._input, _tags(), self._file)


def _tags() -> dict[str, str]:
    return {"scope": "organization", "owner": ""}


async def _median_milliseconds(call: Callable[[], Awaitable[None]]) -> float:
    times: list[float] = []
    for _ in range(_SAMPLES):
        begun = time.perf_counter()
        await call()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)
