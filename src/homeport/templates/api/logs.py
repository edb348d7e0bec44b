"""HTTP of a version's import log: at once as JSON or text, or over a WebSocket as it grows."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, WebSocket, get, websocket
from litestar.handlers import BaseRouteHandler
from litestar.params import Parameter

from homeport.access.routes import requires
from homeport.database import Database, Listener
from homeport.kit.http import AfterLine, BeforeLine
from homeport.provisioning.api.streams import send_logs
from homeport.provisioning.schemas import ProvisionerJobLog
from homeport.provisioning.service import format_text
from homeport.rbac import Subject
from homeport.templates.service import contents

_PATH = "/templateversions/{templateversion:str}/logs"

Format = Annotated[Literal["json", "text"], Parameter(query="format", description="json or text.")]


@get(
    _PATH,
    summary="Get the import log of a version",
    description="With a WebSocket request the log is followed until the import ends, one line a message.",
    tags=["Templates"],
    opt=requires("template:read"),
)
async def get_logs(
    templateversion: UUID,
    subject: Subject,
    db: Database,
    after: AfterLine = 0,
    before: BeforeLine = None,
    form: Format = "json",
) -> Response[list[ProvisionerJobLog] | str]:
    """Return lines of the log."""
    async with db.connection() as conn:
        lines = await contents.list_import_logs(
            conn, subject=subject, version_id=templateversion, after=after, before=before or None
        )
    if form == "text":
        return Response(format_text(lines), media_type="text/plain")
    return Response(lines)


@websocket(_PATH, opt=requires("template:read"))
async def follow_logs(
    socket: WebSocket[Any, Any, Any],
    templateversion: UUID,
    subject: Subject,
    db: Database,
    listener: Listener,
    after: AfterLine = 0,
    before: BeforeLine = None,
) -> None:
    """Send the log as it grows."""
    batches = await contents.follow_import_logs(
        db, listener, subject=subject, version_id=templateversion, after=after, before=before or None
    )
    await send_logs(socket, batches)


routes: list[BaseRouteHandler] = [get_logs, follow_logs]
