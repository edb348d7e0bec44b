"""Errors at the HTTP edge: every exception becomes the reference's JSON body, and nothing inner is shown."""

import re
from typing import Any

import msgspec
from litestar import Request
from litestar import Response as LitestarResponse
from litestar.exceptions import HTTPException, ValidationException

from homeport.access.errors import ResourceRefused
from homeport.database import DatabaseUnavailable
from homeport.kit.errors import FieldError, HomeportError
from homeport.kit.http import Response
from homeport.kit.request import current_request
from homeport.oauth2.errors import OAuthError
from homeport.telemetry.logs import get_logger
from homeport.web import errors as web_errors

_logger = get_logger(__name__)
_OAUTH = "/oauth2/"
_OAUTH_CODES = {401: "invalid_token", 403: "access_denied", 429: "too_many_requests", 503: "temporarily_unavailable"}
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PATH = re.compile(r"at `\$\.?(?P<path>[^`]*)`")


def answer(
    request: Request[Any, Any, Any],
    status: int,
    message: str,
    *,
    detail: str = "",
    validations: tuple[FieldError, ...] = (),
    headers: dict[str, str] | None = None,
) -> Any:
    """Build the JSON answer `{message, detail?, validations?}`, or a readable page where a person is asking.

    Below /oauth2 it is the body that clients of OAuth expect, whatever has gone wrong.
    """
    if web_errors.wants_page(request):
        return web_errors.render(request, status, message)
    if request.url.path.startswith(_OAUTH):
        error = OAuthError(_OAUTH_CODES.get(status, "server_error" if status >= 500 else "invalid_request"), message)
        return _oauth_answer(error, status, headers or {})
    body = Response(message=message, detail=detail, validations=list(validations))
    return LitestarResponse(content=body, status_code=status, headers=headers or {}, media_type="application/json")


def handle_homeport_error(request: Request[Any, Any, Any], error: HomeportError) -> Any:
    """Answer an error that a service raised."""
    if error.status == 503:
        _logger.warning("not available", message=error.message, detail=error.detail)
    elif error.status >= 500:
        _logger.error("request failed", message=error.message, detail=error.detail, exc_info=error)
    return answer(
        request, error.status, error.message, detail=error.detail, validations=error.validations, headers=error.headers
    )


def handle_oauth_error(request: Request[Any, Any, Any], error: OAuthError) -> Any:
    """Answer an error of an OAuth endpoint in the standards' own form (RFC 6749 section 5.2), or a person by a page."""
    if web_errors.wants_page(request):
        return web_errors.render_oauth(error)
    return _oauth_answer(error, error.status, {})


def _oauth_answer(error: OAuthError, status: int, headers: dict[str, str]) -> Any:
    body = {"error": error.code, "error_description": error.message}
    return LitestarResponse(
        content=body, status_code=status, headers={**error.headers, **headers}, media_type="application/json"
    )


def handle_resource_refusal(_: Request[Any, Any, Any], error: ResourceRefused) -> Any:
    """Answer a refusal at a protected resource; the challenge is in its headers (RFC 6750 section 3)."""
    body = {"error": error.code or "unauthorized", "error_description": error.message}
    return LitestarResponse(
        content=body, status_code=error.status, headers=error.headers, media_type="application/json"
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
    message = str(item.get("message", "The value is not valid."))[:500]
    place = _PATH.search(message)
    parent = place.group("path") if place else str(item.get("key", "")).removeprefix("data").lstrip(".")
    missing = _MISSING.search(message)
    if missing:
        return FieldError(f"{parent}.{missing.group(1)}".lstrip("."), "This field is required.")
    return FieldError(parent or "body", message.split(" - at ")[0])


def _body_errors(detail: str) -> tuple[FieldError, ...]:
    """Read the field's name out of msgspec's message, where there is one."""
    found = _parameter_error({"message": detail})
    return () if found.field == "body" else (found,)


HANDLERS: dict[Any, Any] = {
    OAuthError: handle_oauth_error,
    ResourceRefused: handle_resource_refusal,
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
        request, 400, "The request body is not JSON.", detail=_first_line(str(error))
    ),
    Exception: handle_unexpected,
}
