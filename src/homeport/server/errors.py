"""Errors at the HTTP edge: every exception becomes the reference's JSON body, and nothing inner is shown."""

import re
from typing import Any

import msgspec
from litestar import Request
from litestar import Response as LitestarResponse
from litestar.exceptions import HTTPException, ValidationException

from homeport.database import DatabaseError, DatabaseUnavailable
from homeport.kit.errors import FieldError, HomeportError
from homeport.kit.http import Response
from homeport.kit.request import current_request
from homeport.telemetry.logs import get_logger
from homeport.web import errors as web_errors

_logger = get_logger(__name__)
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PATH = re.compile(r"(?:at|in) `\$\.?(?P<path>[^`]*)`$")
_PLACE = re.compile(r" - at `")
_CUT_SHORT = "Input data was truncated"


def answer(
    request: Request[Any, Any, Any],
    status: int,
    message: str,
    *,
    detail: str = "",
    validations: tuple[FieldError, ...] = (),
    headers: dict[str, str] | None = None,
) -> Any:
    """Build the JSON answer `{message, detail?, validations?}`, or a readable page where a person is asking."""
    if web_errors.wants_page(request.url.path):
        return web_errors.render(request, status, message)
    body = Response(message=message, detail=detail, validations=list(validations))
    return LitestarResponse(content=body, status_code=status, headers=headers or {}, media_type="application/json")


def handle_homeport_error(request: Request[Any, Any, Any], error: HomeportError) -> Any:
    """Answer an error that a service raised; what the database says of itself stays in the log."""
    if error.status == 503:
        _logger.warning("not available", message=error.message, detail=error.detail)
    elif error.status >= 500:
        _logger.error("request failed", message=error.message, detail=error.detail, exc_info=error)
    if isinstance(error, DatabaseError):
        return answer(request, error.status, error.message, detail=f"request id {current_request().request_id}")
    return answer(
        request, error.status, error.message, detail=error.detail, validations=error.validations, headers=error.headers
    )


def handle_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Any:
    """Answer an error that the framework raised.

    Unknown routes, wrong methods, bodies and parameters that do not fit.
    """
    if isinstance(error, ValidationException):
        return answer(request, 400, "The request is not valid.", validations=_parameter_errors(error))
    if error.status_code == 400:
        return answer(
            request,
            400,
            "The request body is not valid.",
            detail=_first_line(error.detail),
            validations=_body_errors(error.detail),
        )
    if error.status_code == 404:
        return answer(request, 404, "Route not found.", detail=f"There is nothing at {request.url.path}.")
    if error.status_code == 405:
        return answer(
            request, 405, f"The method {request.method} is not allowed here.", headers=dict(error.headers or {})
        )
    if error.status_code == 413:
        return answer(request, 413, "The request body is too large.")
    if error.status_code >= 500:
        return handle_unexpected(request, error)
    return answer(
        request,
        error.status_code,
        _first_line(error.detail) or "The request was refused.",
        headers=dict(error.headers or {}),
    )


def handle_unavailable(request: Request[Any, Any, Any], error: DatabaseUnavailable) -> Any:
    """Answer 503 while the database is away: it comes back by itself."""
    _logger.warning("database unavailable", reason=str(error))
    return answer(
        request, 503, "The database is not reachable at the moment; try again shortly.", headers={"Retry-After": "1"}
    )


def handle_unexpected(request: Request[Any, Any, Any], error: Exception) -> Any:
    """Answer 500 without any inner detail; the log has it under the request's id."""
    _logger.error("unexpected error", method=request.method, path=request.url.path, exc_info=error)
    return answer(
        request,
        500,
        "An unexpected error happened; the server's log has it.",
        detail=f"request id {current_request().request_id}",
    )


def _first_line(text: str) -> str:
    return text.splitlines()[0][:500] if text else ""


def _parameter_errors(error: ValidationException) -> tuple[FieldError, ...]:
    extra = error.extra if isinstance(error.extra, list) else []
    found = [_parameter_error(item) for item in extra if isinstance(item, dict)]
    return tuple(found) or (FieldError("", _first_line(error.detail)),)


def _parameter_error(item: dict[str, Any]) -> FieldError:
    """Name the field as the client knows it: the framework calls the whole body `data`."""
    message = str(item.get("message", "The value is not valid."))
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


HANDLERS: dict[Any, Any] = {
    HomeportError: handle_homeport_error,
    HTTPException: handle_http_error,
    DatabaseUnavailable: handle_unavailable,
    msgspec.ValidationError: lambda request, error: answer(
        request,
        400,
        "The request body is not valid.",
        detail=_first_line(str(error)),
        validations=_body_errors(str(error)),
    ),
    msgspec.DecodeError: lambda request, error: answer(
        request, 400, "The request body is not JSON.", detail=_decoder_words(str(error))
    ),
    Exception: handle_unexpected,
}
