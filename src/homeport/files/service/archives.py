"""Storing and reading archives. Who may read a file: its owner, whoever holds `file:read` on it, or who may change what uses it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

from homeport.database import Connection, Database
from homeport.files import queries
from homeport.files.errors import ContentTypeRefused, FileForbidden, FileNotFound, UploadTooLarge
from homeport.files.rules import archive
from homeport.files.rules.zips import zip_to_tar
from homeport.files.service.memory import Held, Memory
from homeport.files.types import MAX_UPLOAD, TAR, ZIP_TYPES, FileRow, Reach
from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, require

Reader = Callable[[Connection, Subject, UUID], Awaitable[Reach]]

_readers: list[Reader] = []
_uploads = Memory(4 * MAX_UPLOAD)


def register_reader(reader: Reader) -> None:
    """Let another room say whether a subject may read a file because of what uses it (for templates, which use files)."""
    _readers.append(reader)


async def upload(
    db: Database,
    *,
    subject: Subject,
    owner_id: UUID,
    organization_id: UUID | None,
    content_type: str,
    body: AsyncIterator[bytes],
) -> tuple[FileRow, bool]:
    """Check and store an archive; returns the file and whether it is new for this owner.

    A zip is stored as the tar of its entries. Raises 400 for another content type or a harmful archive, 413 beyond 100 MiB, and
    503 when others upload so much at this moment that memory would run short.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind != TAR and kind not in ZIP_TYPES:
        raise ContentTypeRefused(kind)
    _require_create(subject, owner_id, organization_id)
    with _uploads.hold() as held:
        data = await _collect(body, held)
        data, hashed = await asyncio.to_thread(_prepare, data, is_zip=kind in ZIP_TYPES)
        async with db.transaction() as conn:
            return await _store(conn, owner_id=owner_id, organization_id=organization_id, data=data, hashed=hashed)


async def store_archive(
    conn: Connection, *, subject: Subject, owner_id: UUID, organization_id: UUID | None, data: bytes
) -> FileRow:
    """Store a tar that the server itself has packed, such as an example. Needs `file:create` and `file:read`."""
    _require_create(subject, owner_id, organization_id)
    file, _ = await _store(
        conn, owner_id=owner_id, organization_id=organization_id, data=data, hashed=hashlib.sha256(data).digest()
    )
    require(subject, Action.READ, file_object(file), noun="File")
    return file


async def get_file(conn: Connection, subject: Subject, file_id: UUID) -> FileRow:
    """Return a file that the subject may read, or raise 404; 403 where only what uses the file may be read."""
    file = await queries.find_file(conn, file_id)
    if file is None:
        # Nothing to decide about: a decision on the bare type keeps unknown and foreign ids alike.
        is_allowed(subject, Action.READ, Object(ResourceType.FILE))
        raise FileNotFound
    if is_allowed(subject, Action.READ, file_object(file)):
        return file
    reaches = [await reader(conn, subject, file_id) for reader in _readers]
    if "allowed" in reaches:
        return file
    raise FileForbidden if "visible" in reaches else FileNotFound


async def read_file(conn: Connection, subject: Subject, file_id: UUID) -> tuple[FileRow, bytes]:
    """Return a file and its bytes, as `get_file` allows."""
    file = await get_file(conn, subject, file_id)
    return file, await read_content(conn, file_id)


async def read_content(conn: Connection, file_id: UUID) -> bytes:
    """Return a file's bytes without asking who reads: for callers that have authorized by what uses the file."""
    data = await queries.find_data(conn, file_id)
    if data is None:
        raise FileNotFound
    return data


def _require_create(subject: Subject, owner_id: UUID, organization_id: UUID | None) -> None:
    target = Object(ResourceType.FILE, owner_id=owner_id, organization_id=organization_id)
    require(subject, Action.CREATE, target, noun="File")


def file_object(file: FileRow) -> Object:
    """Return what is decided upon when a file is read."""
    return Object(ResourceType.FILE, id=file.id, owner_id=file.created_by, organization_id=file.organization_id)


async def _collect(body: AsyncIterator[bytes], held: Held) -> bytes:
    data = bytearray()
    async for chunk in body:
        data += chunk
        if len(data) > MAX_UPLOAD:
            raise UploadTooLarge
        held.grow(len(chunk))
    return bytes(data)


def _prepare(data: bytes, *, is_zip: bool) -> tuple[bytes, bytes]:
    """Check an archive and return the tar with its hash (blocking: for a thread)."""
    if is_zip:
        data = zip_to_tar(data)
    archive.validate(data)
    return data, hashlib.sha256(data).digest()


async def _store(
    conn: Connection, *, owner_id: UUID, organization_id: UUID | None, data: bytes, hashed: bytes
) -> tuple[FileRow, bool]:
    known = await queries.find_file_by_hash(conn, hashed, owner_id)
    if known is not None:
        return known, False
    file = FileRow(
        id=new_id(), hash=hashed, organization_id=organization_id, created_by=owner_id, mimetype=TAR, size=len(data),
        created_at=clock.now(),
    )  # fmt: skip
    stored = await queries.insert_file(conn, file, data)
    if stored is not None:
        return stored, True
    # Somebody else of the same owner was faster.
    known = await queries.find_file_by_hash(conn, hashed, owner_id)
    assert known is not None
    return known, False
