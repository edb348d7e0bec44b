"""Static files: read once at start, served under a path that holds the hash of their content, so browsers keep them forever."""

import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Any

from litestar import get
from litestar.response.base import ASGIResponse

from homeport.kit.errors import NotFound
from homeport.kit.routes import public

_FOLDER = Path(__file__).parent / "static"
_IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
_BRIEF = {"cache-control": "public, max-age=300"}


class Asset:
    """One static file in memory: its bytes, media type and the address under which pages name it."""

    def __init__(self, name: str, content: bytes) -> None:
        self.content = content
        self.digest = hashlib.sha256(content).hexdigest()[:16]
        self.url = f"/static/{self.digest}/{name}"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.media_type = f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith("json") else kind


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """Return all static files by their path below `static/`."""
    return {
        path.relative_to(_FOLDER).as_posix(): Asset(path.relative_to(_FOLDER).as_posix(), path.read_bytes())
        for path in sorted(_FOLDER.rglob("*"))
        if path.is_file()
    }


def static_url(name: str) -> str:
    """Return the address of a static file. Raises KeyError for one that does not exist."""
    return assets()[name].url


@get(
    "/static/{digest:str}/{name:path}",
    opt=public("pages need them before anybody signs in"),
    include_in_schema=False,
    sync_to_thread=False,
)
def serve_asset(digest: str, name: str) -> ASGIResponse:
    """Serve a static file; with a hash of other content only briefly cached, for pages of an older server."""
    asset = assets().get(name.lstrip("/"))
    if asset is None:
        raise NotFound("There is no such file.")
    headers = _IMMUTABLE if digest == asset.digest else _BRIEF
    return ASGIResponse(body=asset.content, media_type=asset.media_type, headers=headers)


@get("/favicon.ico", opt=public("browsers ask by themselves"), include_in_schema=False, sync_to_thread=False)
def serve_icon() -> ASGIResponse:
    """Serve the icon under the name that browsers try."""
    asset = assets()["icon.svg"]
    return ASGIResponse(body=asset.content, media_type=asset.media_type, headers=_BRIEF)


routes: list[Any] = [serve_asset, serve_icon]
