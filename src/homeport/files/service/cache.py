"""Archives that many read at once: one copy in memory for as long as somebody uses it (spec: authorization-and-data 15).

Content is fetched once per id, as the subject that may read files. Whether a caller may read it is decided for that caller, every
time: a refusal is nobody else's, and nothing of it stays.
"""

import asyncio
from collections.abc import Mapping
from contextvars import copy_context
from types import MappingProxyType, TracebackType
from typing import Self
from uuid import UUID

import msgspec

from homeport.database import Database
from homeport.files import queries
from homeport.files.errors import FetchInterrupted, FileNotFound
from homeport.files.rules import archive
from homeport.files.service import metrics
from homeport.files.service.archives import file_object
from homeport.files.types import FileRow
from homeport.rbac import Action, InternalName, Subject, decisions, require, system_subject

_NOUN = "File"


class Content(msgspec.Struct, frozen=True):
    """What the cache holds of a file: its row, its bytes, and where in them each file of the archive lies."""

    file: FileRow
    data: bytes
    places: Mapping[str, archive.Place]


class _Entry:
    """A file in the cache; `fetch` goes on whoever stops waiting for it."""

    def __init__(self, fetch: "asyncio.Task[Content]") -> None:
        self.fetch = fetch
        self.references = 0
        self.is_settled = False


class OpenFile:
    """A reference to a file in the cache, given back by `close` or at the end of `with`."""

    def __init__(self, cache: "FileCache", file_id: UUID, entry: _Entry, content: Content) -> None:
        self._cache, self._file_id, self._entry = cache, file_id, entry
        self._content: Content | None = content

    def close(self) -> None:
        """Give the reference back. Closing again does nothing."""
        if self._content is not None:
            self._content = None
            self._cache._release(self._file_id, self._entry)

    @property
    def file(self) -> FileRow:
        """What is known of the file."""
        return self._open().file

    @property
    def places(self) -> Mapping[str, archive.Place]:
        """The files in the archive by name, in its order."""
        return self._open().places

    def read(self, name: str, *, limit: int) -> bytes | None:
        """Return at most `limit` bytes of a file in the archive, or None where there is none of this name."""
        content = self._open()
        place = content.places.get(name)
        return None if place is None else content.data[place.offset : place.offset + min(place.size, limit)]

    def __enter__(self) -> Self:
        """Use the file until the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the reference back."""
        self.close()

    def _open(self) -> Content:
        if self._content is None:
            raise ValueError("The file has been given back to the cache.")
        return self._content


class FileCache:
    """The files that this process has open. Made once a process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._entries: dict[UUID, _Entry] = {}

    @property
    def count(self) -> int:
        """How many files are held or being fetched."""
        return len(self._entries)

    async def acquire(self, subject: Subject, file_id: UUID) -> OpenFile:
        """Open a file that the subject may read. Whoever gets the reference closes it.

        Callers of one id share one fetch; those of other ids do not wait for it. A caller who is cancelled leaves the fetch to
        the others. One that fails is forgotten: who had joined it tries once more. Raises 404 for an unknown file, and what
        `require` raises where the subject may not read it; then the reference is gone again.
        """
        has_joined = file_id in self._entries
        try:
            return await self._acquire(subject, file_id)
        except FileNotFound:
            raise
        except _FetchFailed as failure:
            if not has_joined:
                raise failure.reason from failure.reason.__cause__
        try:
            return await self._acquire(subject, file_id)
        except _FetchFailed as failure:
            raise failure.reason from failure.reason.__cause__

    async def _acquire(self, subject: Subject, file_id: UUID) -> OpenFile:
        entry = self._refer(file_id)
        try:
            # Not awaited itself: a cancelled caller would take the fetch along, and its being cancelled would look like ours.
            await asyncio.wait({entry.fetch})
            content = _outcome(entry.fetch)
            require(subject, Action.READ, file_object(content.file), noun=_NOUN)
        except BaseException:  # reason: also a cancelled caller gives its reference back
            self._release(file_id, entry)
            raise
        return OpenFile(self, file_id, entry, content)

    def _refer(self, file_id: UUID) -> _Entry:
        entry = self._entries.get(file_id)
        metrics.references.labels("false" if entry is None else "true").inc()
        if entry is None:
            entry = self._entries[file_id] = _Entry(self._start(file_id))
            entry.fetch.add_done_callback(lambda _: self._settle(file_id))
            metrics.open_files.inc()
            metrics.opened_files.inc()
        entry.references += 1
        metrics.open_references.inc()
        return entry

    def _start(self, file_id: UUID) -> "asyncio.Task[Content]":
        """Begin a fetch that is nobody's: what it decides is no part of the request that happened to come first."""
        context = copy_context()
        context.run(decisions.set, None)
        return asyncio.create_task(self._fetch(file_id), context=context)

    async def _fetch(self, file_id: UUID) -> Content:
        """Read a file as the subject that may read files, whoever asked first."""
        async with self._db.connection() as conn:
            file = await queries.find_file(conn, file_id)
            data = None if file is None else await queries.find_data(conn, file_id)
        if file is None or data is None:
            raise FileNotFound
        require(system_subject(InternalName.FILE_READER), Action.READ, file_object(file), noun=_NOUN)
        places = await asyncio.to_thread(archive.index, data)
        return Content(file, data, MappingProxyType(places))

    def _settle(self, file_id: UUID) -> None:
        """Count what has come, or forget that it was tried; a fetch for which nobody waits any more is not kept either."""
        entry = self._entries[file_id]
        entry.is_settled = True
        size = _size(entry)
        metrics.open_bytes.inc(size)
        metrics.opened_bytes.inc(size)
        if not _has_come(entry.fetch) or entry.references == 0:
            self._remove(file_id, entry)

    def _release(self, file_id: UUID, entry: _Entry) -> None:
        entry.references -= 1
        metrics.open_references.dec()
        if entry.references == 0 and entry.is_settled and self._entries.get(file_id) is entry:
            self._remove(file_id, entry)

    def _remove(self, file_id: UUID, entry: _Entry) -> None:
        del self._entries[file_id]
        metrics.open_files.dec()
        metrics.open_bytes.dec(_size(entry))


def _has_come(fetch: "asyncio.Task[Content]") -> bool:
    return not fetch.cancelled() and fetch.exception() is None


def _size(entry: _Entry) -> int:
    return entry.fetch.result().file.size if _has_come(entry.fetch) else 0


class _FetchFailed(Exception):
    """The shared fetch has failed, for a reason that may be gone the next time."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _outcome(fetch: "asyncio.Task[Content]") -> Content:
    if fetch.cancelled():
        raise _FetchFailed(FetchInterrupted())
    error = fetch.exception()
    if isinstance(error, FileNotFound):
        # One of their own for each: a raised error carries the traceback of whoever raised it.
        raise FileNotFound
    if error is not None:
        raise _FetchFailed(error)
    return fetch.result()
