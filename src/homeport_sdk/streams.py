"""WebSockets of the API: byte streams (SSH, terminals) and JSON messages (logs, watching)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from homeport_sdk.errors import ApiError, ConnectionFailed, FieldError
from homeport_sdk.http import HttpClient

T = TypeVar("T")
MAX_MESSAGE = 16 * 1024 * 1024


class _Refusal(msgspec.Struct):
    message: str = ""
    detail: str = ""
    validations: list[FieldError] | None = None


@asynccontextmanager
async def open_stream(
    client: HttpClient, path: str, *, query: Mapping[str, Any] | None = None
) -> AsyncIterator[ClientConnection]:
    """Open a WebSocket below `/api/v2` with the client's credentials.

    Raises ApiError for a refusal, ConnectionFailed.
    """
    parameters = urlencode({key: value for key, value in (query or {}).items() if value is not None})
    address = "ws" + client.url.removeprefix("http") + f"/api/v2{path}" + (f"?{parameters}" if parameters else "")
    try:
        connection = await connect(
            address,
            additional_headers=client.headers,
            max_size=MAX_MESSAGE,
            compression=None,
            open_timeout=30,
            ping_interval=20,
            proxy=None if client.is_loopback else True,
        )
    except InvalidStatus as error:
        raise _read_refusal(error) from error
    except (OSError, WebSocketException, TimeoutError) as error:
        raise ConnectionFailed(
            f"The server at {client.url} cannot be reached: {error or type(error).__name__}."
        ) from error
    try:
        yield connection
    finally:
        await connection.close()


async def messages(
    client: HttpClient, path: str, *, answer: type[T], query: Mapping[str, Any] | None = None
) -> AsyncIterator[T]:
    """Yield the JSON messages of a WebSocket until the server closes it.

    A message that is a list is yielded item by item.
    """
    decoder = msgspec.json.Decoder(answer | list[answer], strict=False)  # type: ignore[valid-type]
    async with open_stream(client, path, query=query) as connection:
        try:
            async for text in connection:
                decoded = decoder.decode(text)
                for item in decoded if isinstance(decoded, list) else [decoded]:
                    yield item
        except ConnectionClosed as error:
            if error.rcvd is None or error.rcvd.code not in {1000, 1001}:
                raise ConnectionFailed(f"The stream of {path} was cut off: {error}.") from error


def _read_refusal(error: InvalidStatus) -> ApiError:
    response = error.response
    try:
        body = msgspec.json.decode(response.body or b"", type=_Refusal)
    except msgspec.DecodeError:
        body = _Refusal()
    message = body.message or f"The server answered {response.status_code} {response.reason_phrase}."
    return ApiError(response.status_code, message, detail=body.detail, validations=tuple(body.validations or ()))
