"""Rows of files. No I/O."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

TAR = "application/x-tar"
ZIP_TYPES = frozenset({"application/zip", "application/x-zip-compressed"})
MAX_UPLOAD = 100 * 1024 * 1024

# What another room says about reading a file through an object of its own: it may be read, the object that uses the
# file may be read but not changed, or the room knows nothing about it.
Reach = Literal["allowed", "visible", "unknown"]


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `files` without its data. `hash` is the SHA-256 of the stored bytes."""

    id: UUID
    hash: bytes
    organization_id: UUID | None
    created_by: UUID
    mimetype: str
    size: int
    created_at: datetime
