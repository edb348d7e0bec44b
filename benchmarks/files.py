"""The cache of files: fifty who ask for one archive at once share one fetch, and so do all who share an id."""

import asyncio
import os
import time
from collections.abc import Sequence
from uuid import UUID

from benchmarks.figures import Figure
from benchmarks.running import running_server
from homeport.database import Database
from homeport.files.rules import archive
from homeport.files.service import FileCache, metrics, store_archive
from homeport.rbac import InternalName, Subject, expand_roles, system_subject

_CALLERS, _FILES, _MEGABYTE = 50, 200, 1024 * 1024
_READER = system_subject(InternalName.FILE_READER)


def run() -> list[Figure]:
    """Return fetches and milliseconds of fifty acquires of one file of 5 MiB, and of ten acquires each of 200 small files."""
    with running_server(daemons=0) as server:
        return asyncio.run(_measure(server.database_url()))


async def _measure(url: str) -> list[Figure]:
    db = Database(url, pool_size=4)
    try:
        large = await _store(db, [archive.pack({"main.tf": os.urandom(5 * _MEGABYTE)})])
        small = await _store(db, [archive.pack({"main.tf": str(number).encode()}) for number in range(_FILES)])
        one, seconds = await _acquire(FileCache(db), large * _CALLERS)
        many, many_seconds = await _acquire(FileCache(db), small * 10)
        return [
            Figure(f"{_CALLERS} parallel acquires of one file: fetches", one, "", 1),
            Figure(f"{_CALLERS} parallel acquires of one file of 5 MiB", seconds * 1e3, "ms"),
            Figure(f"ten acquires each of {_FILES} files: fetches", many, "", _FILES),
            Figure(f"ten acquires each of {_FILES} files", many_seconds * 1e3, "ms"),
        ]
    finally:
        await db.close()


async def _store(db: Database, archives: Sequence[bytes]) -> list[UUID]:
    owner = await db.fetchval("select id from users where not is_system limit 1")
    uploader = Subject.build(owner, roles=expand_roles(["owner"], {}), scope=_READER.scope, friendly_name="benchmark")
    async with db.transaction() as conn:
        return [
            (await store_archive(conn, subject=uploader, owner_id=owner, organization_id=None, data=data)).id
            for data in archives
        ]


async def _acquire(files: FileCache, ids: Sequence[UUID]) -> tuple[float, float]:
    """Acquire all at once; return fetches and seconds."""
    before = metrics.opened_files._value.get()
    begun = time.perf_counter()
    opened = await asyncio.gather(*(files.acquire(_READER, file_id) for file_id in ids))
    seconds = time.perf_counter() - begun
    for one in opened:
        one.close()
    if files.count:
        raise RuntimeError("files are left in the cache")
    return metrics.opened_files._value.get() - before, seconds
