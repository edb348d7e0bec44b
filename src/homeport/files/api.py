"""HTTP of files."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import Parameter

from homeport.access.routes import requires
from homeport.access.types import Identity
from homeport.database import Database
from homeport.files import service
from homeport.files.errors import UploadTooLarge
from homeport.files.rules.zips import tar_to_zip
from homeport.files.schemas import UploadResponse
from homeport.files.types import MAX_UPLOAD, TAR, ZIP_TYPES
from homeport.rbac import Subject


@dataclass
class UploadOperation(Operation):
    """Tells readers of the API document that the body is an archive as it is."""

    def __post_init__(self) -> None:
        """Describe the body, which the handler reads as a stream."""
        archive_bytes = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(content=dict.fromkeys([TAR, *sorted(ZIP_TYPES)], archive_bytes), required=True)


@post(
    "/files",
    summary="Upload an archive",
    description="Takes a tar or zip archive of up to 100 MiB. 201 for a new one, 200 for one that the caller has uploaded before.",
    tags=["Files"],
    opt=requires("file:create"),
    request_max_body_size=None,
    operation_class=UploadOperation,
    responses={200: ResponseSpec(UploadResponse, description="Uploaded before.", generate_examples=False)},
)
async def upload_file(
    request: Request[Any, Any, Any], subject: Subject, identity: Identity, db: Database
) -> Response[UploadResponse]:
    """Store the body as a file of the caller."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:12]) > MAX_UPLOAD:
        raise UploadTooLarge
    organizations = identity.organization_ids
    file, is_new = await service.upload(
        db, subject=subject, owner_id=identity.user_id, content_type=request.headers.get("content-type", ""),
        organization_id=organizations[0] if len(organizations) == 1 else None, body=request.stream(),
    )  # fmt: skip
    return Response(UploadResponse(hash=file.id), status_code=201 if is_new else 200)


@get(
    "/files/{file_id:str}",
    summary="Get an archive",
    tags=["Files"],
    opt=requires("file:read"),
    media_type=TAR,
)
async def get_file(
    file_id: UUID,
    subject: Subject,
    db: Database,
    format: Annotated[Literal["", "tar", "zip"], Parameter(query="format")] = "",
) -> Response[bytes]:
    """Return the archive's bytes, as tar or, when asked, as zip."""
    async with db.connection() as conn:
        file, data = await service.read_file(conn, subject, file_id)
    if format == "zip":
        # Compressing takes seconds for a large archive: nobody else waits for it.
        return Response(await asyncio.to_thread(tar_to_zip, data), media_type="application/zip")
    return Response(data, media_type=file.mimetype)


routes: list[HTTPRouteHandler] = [upload_file, get_file]


def router() -> Router:
    """Return the room's routes."""
    return Router("", route_handlers=routes)
