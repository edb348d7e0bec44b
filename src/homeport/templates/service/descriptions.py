"""The `homeport.yaml` of a new version: what is no YAML is refused at once. What it says is for the engine that imports it."""

import asyncio
from uuid import UUID

from homeport.files.service import FileCache
from homeport.rbac import InternalName, system_subject
from homeport.templates.rules.descriptions import FILE_NAME, MOST_BYTES, require_yaml


async def check_stored(cache: FileCache, file_id: UUID) -> None:
    """Read over the description in an archive, if it has one. The caller has authorized whoever asks.

    Raises TemplateMistake (400) with file and line.
    """
    with await cache.acquire(system_subject(InternalName.FILE_READER), file_id) as opened:
        content = opened.read(FILE_NAME, limit=MOST_BYTES + 1) or b""
    if len(content) <= MOST_BYTES:
        await asyncio.to_thread(require_yaml, content)
