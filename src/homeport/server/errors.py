"""Errors at the HTTP edge: every exception becomes the reference's JSON body, and nothing inner is shown."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request
from litestar import Response as LitestarResponse
from litestar.exceptions import HTTPException, InternalServerException, ValidationException

from homeport.access.errors import ResourceRefused
from homeport.database import DatabaseError, DatabaseUnavailable
from homeport.kit.errors import FieldError, HomeportError
from homeport.kit.http import Response
from homeport.kit.request import current_request
from homeport.oauth2.errors import OAuthError
from homeport.scim.errors import body_of, is_scim
from homeport.scim.types import MEDIA_TYPE
from homeport.telemetry.logs import get_logger
from homeport.web import errors as web_errors

_logger = get_logger(__name__)
_OAUTH = "/oauth2/"
_OAUTH_CODES = {
    401: "invalid_token",
    403: "access_denied",
    # Somebody else was faster, or the database is away: the same request may do in a moment.
    409: "temporarily_unavailable",
    429: "too_many_requests",
    503: "temporarily_unavailable",
}
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PATH = re.compile(r"(?:at|in) `\$\.?(?P<path>[^`]*)`$")
# What the framework says of a body that is not there.
_NO_BODY = "'data'"
_PLACE = re.compile(r" - at `")
_GONE = "client disconnected prematurely"
_CUT_SHORT = "Input data was truncated"
_NOT_VALID = "The request is not valid."
_BODY_NOT_VALID = "The request body is not valid."
# Stands for the method of what has none.
WEBSOCKET = "WebSocket"
_BODY_NOT_JSON = "The request body is not JSON."


class Refusal(msgspec.Struct, frozen=True):
    """What a client is told about an error."""

    status: int
    message: str
    detail: str = ""
    validations: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = {}

    @property
    def body(self) -> Response:
        """Return the JSON answer `{message, detail?, validations?}`."""
        return Response(message=self.message, detail=self.detail, validations=list(self.validations))


def handle(request: Request[Any, Any, Any], error: Exception) -> Any:
    """Answer any exception: in JSON, or with a readable page where a person is asking."""
    path = request.url.path
    refusal = refusal_of(error, method=request.method, path=path)
    if is_scim(path):
        body = body_of(error, refusal.status, refusal.message, refusal.detail, refusal.validations)
        return LitestarResponse(body, status_code=refusal.status, headers=refusal.headers, media_type=MEDIA_TYPE)
    if web_errors.wants_page(path, request.headers.get("accept", "")):
        if isinstance(error, OAuthError):
            page = web_errors.render_oauth(error)
        else:
            page = web_errors.render(request, refusal.status, refusal.message, refusal.detail)
        for name, value in refusal.headers.items():
            page.headers.setdefault(name.lower(), value)
        return page
    return LitestarResponse(
        content=_content(error, refusal, path),
        status_code=refusal.status,
        headers={**(_NOT_STORED if path.startswith(_OAUTH) else {}), **refusal.headers},
        media_type="application/json",
    )


def _content(error: Exception, refusal: Refusal, path: str) -> Any:
    """Return the body: below /oauth2, and at protected resources, what clients of OAuth expect (RFC 6749 5.2, 6750 3.1)."""
    if isinstance(error, OAuthError):
        code = error.code
    elif isinstance(error, ResourceRefused):
        code = error.code or "unauthorized"
    elif path.startswith(_OAUTH):
        code = _OAUTH_CODES.get(refusal.status, "server_error" if refusal.status >= 500 else "invalid_request")
    else:
        return refusal.body
    return {"error": code, "error_description": refusal.message}


def refusal_of(error: Exception, *, method: str, path: str) -> Refusal:
    """Return what the client is told, and log what is our mistake or the database's."""
    if isinstance(error, DatabaseUnavailable):
        _logger.warning("database unavailable", reason=str(error))
        message = "The database is not reachable at the moment; try again shortly."
        return Refusal(503, message, headers={"Retry-After": "1"})
    if isinstance(error, HomeportError):
        return _of_service(error)
    if isinstance(error, InternalServerException) and error.detail == _GONE:
        # Nobody's mistake here, and nobody is left to read the answer; a broken body looks the same.
        return Refusal(400, "The request was cut off.")
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _of_framework(error, method, path)
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        return Refusal(400, _BODY_NOT_VALID, _first_line(text), _body_errors(text))
    if isinstance(error, msgspec.DecodeError):
        return Refusal(400, _BODY_NOT_JSON, _decoder_words(str(error)))
    _logger.error("unexpected error", method=method, path=path, exc_info=error)
    return Refusal(500, "An unexpected error happened; the server's log has it.", _request_id())


def _of_service(error: HomeportError) -> Refusal:
    """Tell what a service raised; what the database says of itself stays in the log."""
    if error.status == 503 or (isinstance(error, DatabaseError) and error.status < 500):
        _logger.warning("not done", message=error.message, detail=error.detail)
    elif error.status >= 500:
        _logger.error("request failed", message=error.message, detail=error.detail, exc_info=error)
    detail = _request_id() if isinstance(error, DatabaseError) else error.detail
    return Refusal(error.status, error.message, detail, error.validations, error.headers)


def _of_framework(error: HTTPException, method: str, path: str) -> Refusal:
    """Tell of unknown routes, wrong methods, bodies and parameters that do not fit."""
    headers = dict(error.headers or {})
    if isinstance(error, ValidationException):
        return Refusal(400, _NOT_VALID, validations=_parameter_errors(error))
    if error.status_code == 400 and method == WEBSOCKET:
        # The framework has no words for a route that is none for WebSockets.
        return Refusal(405, f"There is no WebSocket at {path}.")
    if error.status_code == 400:
        return Refusal(400, _BODY_NOT_VALID, _first_line(error.detail), _body_errors(error.detail))
    if error.status_code == 404:
        return Refusal(404, "Route not found.", f"There is nothing at {path}.")
    if error.status_code == 405:
        return Refusal(405, f"The method {method} is not allowed here.", headers=headers)
    if error.status_code == 413:
        return Refusal(413, "The request body is too large.")
    return Refusal(error.status_code, _first_line(error.detail) or "The request was refused.", headers=headers)


def _request_id() -> str:
    return f"request id {current_request().request_id}"


def _first_line(text: str) -> str:
    return text.splitlines()[0][:500] if text else ""


def _parameter_errors(error: ValidationException) -> tuple[FieldError, ...]:
    extra = error.extra if isinstance(error.extra, list) else []
    found = [_parameter_error(item) for item in extra if isinstance(item, dict)]
    return tuple(found) or (FieldError("request", _first_line(error.detail)),)


def _parameter_error(item: dict[str, Any]) -> FieldError:
    """Name the field as the client knows it: the framework calls the whole body `data`."""
    message = str(item.get("message", "The value is not valid."))
    if message == _NO_BODY:
        return FieldError("body", "The request has no body; send one.")
    place = _PATH.search(message)
    parent = place.group("path") if place else str(item.get("key", "")).removeprefix("data").lstrip(".")
    missing = _MISSING.search(message)
    if missing:
        return FieldError(f"{parent}.{missing.group(1)}".lstrip("."), "This field is required.")
    # Cut only now: the place stands at the end, behind a value that may be long.
    return FieldError(parent or "body", _PLACE.split(message)[0][:500])


def _body_errors(detail: str) -> tuple[FieldError, ...]:
    """Read the field's name out of msgspec's message, where there is one."""
    found = _parameter_error({"message": detail})
    return () if found.field == "body" else (found,)


def _decoder_words(text: str) -> str:
    """Return why a text is no JSON. The decoder calls half of a surrogate pair near the end a text that ends too early."""
    return "It ends too early, or half of a surrogate pair stands in it." if text == _CUT_SHORT else _first_line(text)


HANDLERS: dict[Any, Any] = {Exception: handle}
