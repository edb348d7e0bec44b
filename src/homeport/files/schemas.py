"""Wire shapes of files."""

from uuid import UUID

import msgspec


class UploadResponse(msgspec.Struct, frozen=True):
    """The uploaded file's id; the reference calls it `hash`."""

    hash: UUID
