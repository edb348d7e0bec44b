"""Clients that make themselves known (RFC 7591) and manage what they have said (RFC 7592)."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Request, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.routes import public
from homeport.oauth2.api.no_store import NoStore
from homeport.oauth2.schemas.registration import OAuth2ClientInformation, OAuth2ErrorBody
from homeport.oauth2.service import configuring, registering

_TAGS = ["OAuth2"]
_CLIENT = "/oauth2/clients/{client_id:str}"
_REFUSALS = {
    400: ResponseSpec(
        OAuth2ErrorBody, generate_examples=False, description="invalid_redirect_uri or invalid_client_metadata"
    ),
    401: ResponseSpec(OAuth2ErrorBody, generate_examples=False, description="invalid_token"),
}
_OPTIONS: dict[str, Any] = {"tags": _TAGS, "middleware": [NoStore]}
_TOKEN = public("the registration access token is checked by the service", has_cors=True)
AnyRequest = Request[Any, Any, Any]
_TEXT: Final = Schema(type=OpenAPIType.STRING)
_TEXTS: Final = Schema(type=OpenAPIType.ARRAY, items=_TEXT)
_LISTS: Final = ("redirect_uris", "grant_types", "response_types", "contacts")
_WORDS: Final = (
    "client_name", "token_endpoint_auth_method", "application_type", "scope", "client_uri", "logo_uri", "tos_uri",
    "policy_uri", "jwks_uri", "software_id", "software_version",
)  # fmt: skip


@dataclass
class TakesMetadata(Operation):
    """The description of an operation whose body the service reads: members that are not known are ignored."""

    def __post_init__(self) -> None:
        body = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                **dict.fromkeys(_LISTS, _TEXTS),
                **dict.fromkeys(_WORDS, _TEXT),
                "jwks": Schema(type=OpenAPIType.OBJECT),
            },
            description="What a client says of itself (RFC 7591 section 2). Null and empty members are absent.",
        )
        self.request_body = RequestBody({"application/json": OpenAPIMediaType(schema=body)}, required=True)


@post(
    "/oauth2/register",
    opt={**public("clients register before they have any credential", has_cors=True), "rate_limit": "register"},
    summary="OAuth2 dynamic client registration",
    description="Takes the JSON of RFC 7591 section 2. The secret and the registration access token are shown this once.",
    responses={400: _REFUSALS[400]},
    operation_class=TakesMetadata,
    **_OPTIONS,
)
async def register_client(request: AnyRequest, db: Database, settings: Settings) -> OAuth2ClientInformation:
    """Make a client known."""
    return await registering.register_client(
        db, settings, content_type=request.headers.get("content-type", ""), body=await request.body()
    )


@get(_CLIENT, opt=_TOKEN, summary="Get OAuth2 client configuration", responses={401: _REFUSALS[401]}, **_OPTIONS)
async def read_client(client_id: str, request: AnyRequest, db: Database, settings: Settings) -> OAuth2ClientInformation:
    """Return a client's registration to the client itself (RFC 7592 section 2.1)."""
    return await configuring.read_registration(
        db, settings, client_id=client_id, authorization=request.headers.get("authorization", "")
    )


@put(
    _CLIENT,
    opt=_TOKEN,
    summary="Update OAuth2 client configuration",
    responses=_REFUSALS,
    operation_class=TakesMetadata,
    **_OPTIONS,
)
async def update_client(
    client_id: str, request: AnyRequest, db: Database, settings: Settings
) -> OAuth2ClientInformation:
    """Replace a client's registration (RFC 7592 section 2.2)."""
    return await configuring.update_registration(
        db,
        settings,
        client_id=client_id,
        authorization=request.headers.get("authorization", ""),
        content_type=request.headers.get("content-type", ""),
        body=await request.body(),
    )


@delete(_CLIENT, opt=_TOKEN, summary="Delete OAuth2 client configuration", responses={401: _REFUSALS[401]}, **_OPTIONS)
async def delete_client(client_id: str, request: AnyRequest, db: Database) -> None:
    """Delete a client and everything that it was granted (RFC 7592 section 2.3)."""
    await configuring.delete_registration(
        db, client_id=client_id, authorization=request.headers.get("authorization", "")
    )


routes: list[Any] = [register_client, read_client, update_client, delete_client]
