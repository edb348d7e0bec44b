"""`/Groups` (RFC 7644 3)."""

from typing import Any

from litestar import Response, delete, get, patch, post, put

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.routes import scim_route
from homeport.rbac import Subject
from homeport.scim.api.answers import AnyRequest, answer, document, if_match, parameters, resource, shape
from homeport.scim.rules.bodies import read_operations
from homeport.scim.rules.lists import read_query
from homeport.scim.service import teams

_ONE = "/Groups/{id:str}"


@get("/Groups", opt=scim_route())
async def list_groups(request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """List groups."""
    query = read_query(parameters(request))
    return answer(await teams.list_groups(db, settings, subject=subject, query=query))


@post("/Groups/.search", opt=scim_route(), status_code=200)
async def search_groups(request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """List groups by what the body asks for."""
    query = read_query(await document(request))
    return answer(await teams.list_groups(db, settings, subject=subject, query=query))


@post("/Groups", opt=scim_route())
async def create_group(request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """Make a group."""
    asked = await document(request)
    made = await teams.create_group(db, settings, subject=subject, document=asked, shape=shape(request))
    return resource(request, made, 201)


@get(_ONE, opt=scim_route())
async def get_group(id: str, request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """Return a group."""
    return resource(request, await teams.get_group(db, settings, subject=subject, id=id, shape=shape(request)))


@put(_ONE, opt=scim_route())
async def replace_group(
    id: str, request: AnyRequest, db: Database, settings: Settings, subject: Subject
) -> Response[Any]:
    """Replace a group."""
    asked = await document(request)
    found = await teams.replace_group(
        db, settings, subject=subject, id=id, document=asked, shape=shape(request), if_match=if_match(request)
    )
    return resource(request, found)


@patch(_ONE, opt=scim_route())
async def patch_group(
    id: str, request: AnyRequest, db: Database, settings: Settings, subject: Subject
) -> Response[Any]:
    """Change a group by operations; 204 where nothing of it was asked for."""
    operations = read_operations(await document(request))
    found = await teams.patch_group(
        db, settings, subject=subject, id=id, operations=operations, shape=shape(request), if_match=if_match(request)
    )
    return Response(None, status_code=204) if found is None else resource(request, found)


@delete(_ONE, opt=scim_route())
async def delete_group(id: str, request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> None:
    """Delete a group."""
    await teams.delete_group(db, settings, subject=subject, id=id, if_match=if_match(request))


routes: list[Any] = [list_groups, search_groups, create_group, get_group, replace_group, patch_group, delete_group]
