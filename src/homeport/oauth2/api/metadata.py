"""Discovery over HTTP (RFC 8414, RFC 9728). Public, cacheable for a minute, for pages of every site."""

from typing import Any

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ASGIApp

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.errors import NotFound
from homeport.kit.routes import public
from homeport.oauth2.api.ready import Ready
from homeport.oauth2.schemas.metadata import OAuth2AuthorizationServerMetadata, OAuth2ProtectedResourceMetadata
from homeport.oauth2.service import metadata

_SERVER = "/.well-known/oauth-authorization-server"
_RESOURCE = "/.well-known/oauth-protected-resource"
_TAGS = ["OAuth2"]
_WHY = "clients discover the server before they have any credential"
_HEADERS = {"Cache-Control": "public, max-age=60"}
_ready: dict[bytes, Ready] = {}


@get(
    _SERVER,
    opt=public(_WHY, has_cors=True),
    tags=_TAGS,
    summary="OAuth2 authorization server metadata",
    responses={
        200: ResponseSpec(OAuth2AuthorizationServerMetadata, generate_examples=False, description="The metadata.")
    },
)
async def server_metadata(db: Database, settings: Settings) -> ASGIApp:
    """Return the metadata of the authorization server (RFC 8414)."""
    return await _server(db, settings)


@get(f"{_SERVER}/{{path:path}}", opt=public(_WHY, has_cors=True), include_in_schema=False)
async def server_metadata_of_path(path: str, db: Database, settings: Settings) -> ASGIApp:
    """Return the metadata where the issuer's path is put in; other issuers are not here."""
    if not metadata.is_issuer_path(settings, path):
        raise NotFound("There is no authorization server with this path here.")
    return await _server(db, settings)


@get(_RESOURCE, opt=public(_WHY, has_cors=True), tags=_TAGS, summary="OAuth2 protected resource metadata")
async def resource_metadata(settings: Settings) -> Response[OAuth2ProtectedResourceMetadata]:
    """Return the metadata of the deployment as a protected resource (RFC 9728): its HTTP API."""
    return _resource(settings, "")


@get(
    f"{_RESOURCE}/{{path:path}}",
    opt=public(_WHY, has_cors=True),
    tags=_TAGS,
    summary="OAuth2 protected resource metadata by path",
)
async def resource_metadata_of_path(path: str, settings: Settings) -> Response[OAuth2ProtectedResourceMetadata]:
    """Return the metadata of the resource at a path: an MCP endpoint."""
    return _resource(settings, path)


async def _server(db: Database, settings: Settings) -> ASGIApp:
    body = await metadata.server_metadata_body(db, settings)
    if (ready := _ready.get(body)) is None:
        ready = _ready[body] = Ready(body, _HEADERS)
    return ready


def _resource(settings: Settings, path: str) -> Response[OAuth2ProtectedResourceMetadata]:
    found = metadata.resource_metadata(settings, path)
    if found is None:
        raise NotFound("There is no protected resource at this path.")
    return Response(found, headers=_HEADERS)


routes: list[Any] = [server_metadata, server_metadata_of_path, resource_metadata, resource_metadata_of_path]
