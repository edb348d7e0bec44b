"""HTTP of dynamic parameters: a version's form evaluated once, or over a WebSocket as it is filled in."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import WebSocket, post, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import BaseRouteHandler

from homeport.access.routes import requires
from homeport.database import Database
from homeport.kit.crypto import Cipher
from homeport.kit.errors import BadRequest, TooLarge
from homeport.rbac import Subject
from homeport.templates.schemas.forms import DynamicParametersRequest, DynamicParametersResponse
from homeport.templates.service import forms

_PATH = "/templateversions/{templateversion:str}/dynamic-parameters"
_LONGEST_FRAME = 1024 * 1024
# The form as nobody has filled it in yet: no request has this id.
_UNASKED = -1

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(DynamicParametersRequest)


@post(
    f"{_PATH}/evaluate",
    summary="Evaluate dynamic parameters",
    description="Says which values a build would get, and what is wrong with them.",
    tags=["Templates"],
    opt=requires("template:read"),
    status_code=200,
)
async def evaluate_parameters(
    templateversion: UUID, data: DynamicParametersRequest, subject: Subject, db: Database, cipher: Cipher
) -> DynamicParametersResponse:
    """Evaluate a version's form with these inputs."""
    return await forms.evaluate(db, cipher, subject=subject, version_id=templateversion, request=data)


@websocket(_PATH, opt=requires("template:read"))
async def follow_parameters(
    socket: WebSocket[Any, Any, Any], templateversion: UUID, subject: Subject, db: Database, cipher: Cipher
) -> None:
    """Send the form as it is at first, then once for each message that says what was entered."""
    async with db.connection() as conn:
        form = await forms.open_form(conn, cipher, subject=subject, version_id=templateversion)
    first = await forms.evaluate_form(db, form, DynamicParametersRequest(id=_UNASKED))
    await socket.accept()
    try:
        await socket.send_text(_encode(first).decode())
        while True:
            request = _read(await socket.receive_data(mode="text"))
            answer = await forms.evaluate_form(db, form, request)
            await socket.send_text(_encode(answer).decode())
    except WebSocketDisconnect:
        return


def _read(frame: str) -> DynamicParametersRequest:
    if len(frame) > _LONGEST_FRAME:
        raise TooLarge(f"A message has at most {_LONGEST_FRAME // 1024} KiB.")
    try:
        return _decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise BadRequest(f"The message is not valid: {error}") from error


routes: list[BaseRouteHandler] = [evaluate_parameters, follow_parameters]
