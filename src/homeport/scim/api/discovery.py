"""What SCIM says of itself (RFC 7644 4), the search of everything, and what it has not: bulk operations and `/Me`."""

from typing import Any

from litestar import Response, get, post, route
from litestar.enums import HttpMethod

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.routes import scim_route
from homeport.rbac import Subject
from homeport.scim.api.answers import AnyRequest, answer, document
from homeport.scim.errors import ScimError, error_body
from homeport.scim.rules.lists import read_query
from homeport.scim.service import discovery, everything
from homeport.scim.types import PREFIX

_METHODS = [HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE]


@get("/ServiceProviderConfig", opt=scim_route())
async def get_config(settings: Settings) -> Response[Any]:
    """Say which features there are."""
    return answer(discovery.get_config(settings))


@get("/ResourceTypes", opt=scim_route())
async def list_types(settings: Settings) -> Response[Any]:
    """Say which resources there are."""
    return answer(discovery.list_types(settings))


@get("/ResourceTypes/{id:str}", opt=scim_route())
async def get_type(id: str, settings: Settings) -> Response[Any]:
    """Describe one type of resources."""
    return answer(discovery.get_type(settings, id))


@get("/Schemas", opt=scim_route())
async def list_schemas(settings: Settings) -> Response[Any]:
    """Say which attributes there are."""
    return answer(discovery.list_schemas(settings))


@get("/Schemas/{id:str}", opt=scim_route())
async def get_schema(id: str, settings: Settings) -> Response[Any]:
    """Describe the attributes of one type of resources."""
    return answer(discovery.get_schema(settings, id))


@post("/.search", opt=scim_route(), status_code=200)
async def search(request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """List accounts and groups by what the body asks for."""
    query = read_query(await document(request))
    return answer(await everything.search(db, settings, subject=subject, query=query))


@post("/Bulk", opt=scim_route())
async def bulk() -> Response[Any]:
    """Say that there are no bulk operations, as the features do."""
    return answer(error_body(501, "Bulk operations are not supported; send the requests one by one."), 501)


@route("/Me", http_method=_METHODS, opt=scim_route())
async def me() -> Response[Any]:
    """Say that no account stands behind the token."""
    return answer(error_body(501, "The token is the deployment's, so there is no /Me. Use /Users/{id}."), 501)


@route([PREFIX, f"{PREFIX}/{{path:path}}"], http_method=_METHODS, opt=scim_route(), include_in_schema=False)
async def nothing() -> None:
    """Answer 404 at addresses that are none; where SCIM is switched off, all of them are, and the door says so."""
    raise ScimError(404, "There is nothing at this address. SCIM's addresses begin with /scim/v2.")


routes: list[Any] = [get_config, list_types, get_type, list_schemas, get_schema, search, bulk, me]
