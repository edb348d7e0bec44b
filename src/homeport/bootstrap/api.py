"""HTTP of what brings agents to machines: nobody there is signed in yet, and nothing here is secret."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.response import Stream

from homeport.bootstrap.errors import BundleGone
from homeport.bootstrap.rules import is_same, manifest
from homeport.bootstrap.service.catalog import bundles, version
from homeport.bootstrap.service.scripts import init_script
from homeport.bootstrap.types import Bundle
from homeport.config import Settings
from homeport.kit.routes import public

_CHUNK: Final = 256 * 1024
_ASK_AGAIN: Final = "public, no-cache"
_KEEP: Final = "public, max-age=31536000, immutable"
_REASON: Final = "machines fetch the agent before anybody knows them"

Asked = Request[Any, Any, Any]


@get(
    "/init-script/{os:str}/{arch:str}",
    opt=public(_REASON),
    tags=["InitScript"],
    summary="Get agent init script",
    description="A POSIX shell script that brings the agent to a machine of this platform and becomes it.",
    media_type=MediaType.TEXT,
    sync_to_thread=False,
)
def get_init_script(request: Asked, settings: Settings, os: str, arch: str) -> Response[str]:
    """Return the script; 404 for platforms without an agent."""
    text = init_script(settings.access_url, os, arch)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": _ASK_AGAIN}
    if is_same(request.headers.get("if-none-match", ""), etag):
        return Response("", status_code=304, headers=headers, media_type=MediaType.TEXT)
    return Response(text, headers=headers, media_type=MediaType.TEXT)


@get("/bin/agent.json", opt=public(_REASON), include_in_schema=False)
async def list_bundles(request: Asked) -> Response[bytes]:
    """Say which bundles there are, for which Pythons and machines."""
    body = msgspec.json.encode(manifest(await asyncio.to_thread(bundles), version=version()))
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": _ASK_AGAIN}
    if is_same(request.headers.get("if-none-match", ""), etag):
        return Response(b"", status_code=304, headers=headers, media_type=MediaType.JSON)
    return Response(body, headers=headers, media_type=MediaType.JSON)


@get("/bin/{file:str}", opt=public(_REASON), include_in_schema=False)
async def get_bundle(request: Asked, file: str) -> Response[bytes] | Stream:
    """Send a bundle. Its name says what is in it, so whoever has it need not ask again."""
    found = next((each for each in await asyncio.to_thread(bundles) if each.file == file), None)
    if found is None:
        raise BundleGone
    headers = {"etag": f'"{found.sha256}"', "cache-control": _KEEP}
    if is_same(request.headers.get("if-none-match", ""), headers["etag"]):
        return Response(b"", status_code=304, headers=headers, media_type="application/gzip")
    headers["content-length"] = str(found.size)
    return Stream(_pieces(found), headers=headers, media_type="application/gzip")


async def _pieces(bundle: Bundle) -> AsyncIterator[bytes]:
    for part in bundle.parts:
        if isinstance(part, Path):
            with await asyncio.to_thread(part.open, "rb") as file:
                while piece := await asyncio.to_thread(file.read, _CHUNK):
                    yield piece
        else:
            for start in range(0, len(part), _CHUNK):
                yield part[start : start + _CHUNK]


routes: list[Any] = [get_init_script]
root_routes: list[Any] = [list_bundles, get_bundle]
