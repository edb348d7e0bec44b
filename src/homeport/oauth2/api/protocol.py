"""The endpoints that clients call: tokens, revocation, introspection, device authorization. Forms in, JSON out.

`/oauth2/tokens` is the reference's address of the token endpoint and the one in our metadata; `/oauth2/token`, which
clients guess, answers alike.
"""

from typing import Any

from litestar import MediaType, Request, Response, post

from homeport.access.rate_limits import RateLimits
from homeport.config import Settings
from homeport.database import Database
from homeport.kit.routes import public
from homeport.oauth2.api.documents import form_operation
from homeport.oauth2.api.no_store import NoStore
from homeport.oauth2.rules.forms import Form, names_in, read_form
from homeport.oauth2.schemas.tokens import OAuth2DeviceResponse, OAuth2IntrospectionResponse, OAuth2TokenResponse
from homeport.oauth2.service import devices, introspection, revocation
from homeport.oauth2.service.attempts import Attempts
from homeport.oauth2.service.tokens import endpoint
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)
_TAGS = ["OAuth2"]
_WHY = "clients prove themselves by what they send"
_MOST_BYTES = 64 * 1024
_OPTIONS: dict[str, Any] = {
    "status_code": 200,
    "tags": _TAGS,
    "middleware": [NoStore],
    "request_max_body_size": _MOST_BYTES,
}


@post(
    "/oauth2/tokens",
    opt=public(_WHY, has_cors=True),
    summary="OAuth2 token exchange",
    operation_class=form_operation(endpoint.PARAMETERS, "grant_type"),
    **_OPTIONS,
)
async def token(
    request: Request[Any, Any, Any], db: Database, settings: Settings, rate_limits: RateLimits
) -> Response[OAuth2TokenResponse]:
    """Turn a code, a refresh token, a device code or a client's own credentials into tokens (RFC 6749)."""
    return await _tokens(request, db, settings, rate_limits)


@post("/oauth2/token", opt=public(_WHY, has_cors=True), include_in_schema=False, **_OPTIONS)
async def token_alias(
    request: Request[Any, Any, Any], db: Database, settings: Settings, rate_limits: RateLimits
) -> Response[OAuth2TokenResponse]:
    """Answer as `/oauth2/tokens`: a path of its own, because the document names each operation once."""
    return await _tokens(request, db, settings, rate_limits)


@post(
    "/oauth2/revoke",
    opt=public(_WHY, has_cors=True),
    summary="Revoke OAuth2 tokens (RFC 7009)",
    operation_class=form_operation(revocation.PARAMETERS, "token"),
    media_type=MediaType.TEXT,
    **_OPTIONS,
)
async def revoke(
    request: Request[Any, Any, Any], db: Database, settings: Settings, rate_limits: RateLimits
) -> Response[bytes]:
    """End a token of the client that asks. The answer is empty, whether or not there was one."""
    form = await _form(request, revocation.PARAMETERS)
    await revocation.revoke(db, settings, Attempts(rate_limits), authorization=_authorization(request), form=form)
    return Response(b"", media_type=MediaType.TEXT)


@post(
    "/oauth2/introspect",
    opt=public(_WHY, has_cors=True),
    summary="Introspect OAuth2 tokens (RFC 7662)",
    operation_class=form_operation(introspection.PARAMETERS, "token"),
    **_OPTIONS,
)
async def introspect(
    request: Request[Any, Any, Any], db: Database, settings: Settings, rate_limits: RateLimits
) -> Response[OAuth2IntrospectionResponse]:
    """Say what a token of the client that asks is good for."""
    form = await _form(request, introspection.PARAMETERS)
    answer = await introspection.introspect(
        db, settings, Attempts(rate_limits), authorization=_authorization(request), form=form
    )
    return Response(answer)


@post(
    "/oauth2/device",
    opt={**public(_WHY, has_cors=True), "rate_limit": "authorize"},
    summary="OAuth2 device authorization (RFC 8628)",
    operation_class=form_operation(devices.PARAMETERS),
    **_OPTIONS,
)
async def device(
    request: Request[Any, Any, Any], db: Database, settings: Settings, rate_limits: RateLimits
) -> Response[OAuth2DeviceResponse]:
    """Give a device the code that it polls with and the one that a person types."""
    form = await _form(request, devices.PARAMETERS)
    answer = await devices.answer_device_authorization(
        db, settings, Attempts(rate_limits), authorization=_authorization(request), form=form
    )
    return Response(answer)


async def _tokens(
    request: Request[Any, Any, Any], db: Database, settings: Settings, rate_limits: RateLimits
) -> Response[OAuth2TokenResponse]:
    form = await _form(request, endpoint.PARAMETERS)
    answer = await endpoint.answer_token_request(
        db, settings, Attempts(rate_limits), authorization=_authorization(request), form=form
    )
    return Response(answer)


async def _form(request: Request[Any, Any, Any], known: frozenset[str]) -> Form:
    query = request.scope["query_string"]
    if query and (misplaced := names_in(query) & known):
        # Somebody's secret may stand in logs of proxies now; the names alone are ours, so they may be written.
        _log.warning("a client has sent parameters in a query", path=request.url.path, names=sorted(misplaced))
    return read_form(request.headers.get("content-type", ""), await request.body(), query, known)


def _authorization(request: Request[Any, Any, Any]) -> str:
    return str(request.headers.get("authorization", ""))


routes: list[Any] = [token, token_alias, revoke, introspect, device]
