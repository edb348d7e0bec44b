"""`/Users` (RFC 7644 3)."""

from typing import Any

from litestar import Response, delete, get, patch, post, put

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.routes import scim_route
from homeport.rbac import Subject
from homeport.scim.api.answers import AnyRequest, answer, document, if_match, parameters, resource, shape
from homeport.scim.rules.bodies import read_operations
from homeport.scim.rules.lists import read_query
from homeport.scim.service import people

_ONE = "/Users/{id:str}"


@get("/Users", opt=scim_route())
async def list_users(request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """List accounts."""
    query = read_query(parameters(request))
    return answer(await people.list_users(db, settings, subject=subject, query=query))


@post("/Users/.search", opt=scim_route(), status_code=200)
async def search_users(request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """List accounts by what the body asks for."""
    query = read_query(await document(request))
    return answer(await people.list_users(db, settings, subject=subject, query=query))


@post("/Users", opt=scim_route())
async def create_user(request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """Make an account."""
    asked = await document(request)
    made = await people.create_user(db, settings, subject=subject, document=asked, shape=shape(request))
    return resource(request, made, 201)


@get(_ONE, opt=scim_route())
async def get_user(id: str, request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """Return an account."""
    return resource(request, await people.get_user(db, settings, subject=subject, id=id, shape=shape(request)))


@put(_ONE, opt=scim_route())
async def replace_user(
    id: str, request: AnyRequest, db: Database, settings: Settings, subject: Subject
) -> Response[Any]:
    """Replace what is said of an account."""
    asked = await document(request)
    found = await people.replace_user(
        db, settings, subject=subject, id=id, document=asked, shape=shape(request), if_match=if_match(request)
    )
    return resource(request, found)


@patch(_ONE, opt=scim_route())
async def patch_user(id: str, request: AnyRequest, db: Database, settings: Settings, subject: Subject) -> Response[Any]:
    """Change an account by operations."""
    operations = read_operations(await document(request))
    found = await people.patch_user(
        db, settings, subject=subject, id=id, operations=operations, shape=shape(request), if_match=if_match(request)
    )
    return resource(request, found)


@delete(_ONE, opt=scim_route())
async def delete_user(id: str, request: AnyRequest, db: Database, subject: Subject) -> None:
    """Delete an account."""
    await people.delete_user(db, subject=subject, id=id, if_match=if_match(request))


routes: list[Any] = [list_users, search_users, create_user, get_user, replace_user, patch_user, delete_user]
