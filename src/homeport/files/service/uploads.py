"""Storing what people upload in a browser."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from homeport.database import Database
from homeport.files.rules.uploads import as_tar
from homeport.files.service.archives import upload
from homeport.files.types import TAR, FileRow
from homeport.rbac import Subject


async def upload_by_hand(
    db: Database, *, subject: Subject, organization_id: UUID, data: bytes
) -> tuple[FileRow, bytes]:
    """Store an archive of any kind as a file of the subject; returns it with its tar.

    Raises 400 for what is no archive or a harmful one, 413 for one that is too large when it is unpacked.
    """
    tar = await asyncio.to_thread(as_tar, data)
    file, _ = await upload(
        db,
        subject=subject,
        owner_id=subject.id,
        organization_id=organization_id,
        content_type=TAR,
        body=_whole(tar),
    )
    return file, tar


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data
