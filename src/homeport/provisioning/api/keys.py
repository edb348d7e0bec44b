"""HTTP of the keys of remote daemons."""

from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler

from homeport.access.routes import provisioner_route, requires
from homeport.access.types import ProvisionerIdentity
from homeport.database import Database
from homeport.provisioning.schemas import (
    CreateProvisionerKeyRequest,
    CreateProvisionerKeyResponse,
    ProvisionerKey,
    ProvisionerKeyDaemons,
)
from homeport.provisioning.service import keys
from homeport.rbac import Subject

_KEYS = "/organizations/{organization:str}/provisionerkeys"


@post(_KEYS, summary="Create a provisioner key", tags=["Enterprise"], opt=requires("provisioner_daemon:create"))
async def create_key(
    organization: str, data: CreateProvisionerKeyRequest, subject: Subject, db: Database
) -> CreateProvisionerKeyResponse:
    """Make a key; the answer holds its secret, this once."""
    return CreateProvisionerKeyResponse(key=await keys.create_key(db, subject, organization, data))


@get(_KEYS, summary="List provisioner keys", tags=["Enterprise"], opt=requires("provisioner_daemon:read"))
async def list_keys(organization: str, subject: Subject, db: Database) -> list[ProvisionerKey]:
    """Return the keys that people made."""
    async with db.connection() as conn:
        return await keys.list_keys(conn, subject, organization)


@get(
    f"{_KEYS}/daemons",
    summary="List provisioner keys with their daemons",
    tags=["Enterprise"],
    opt=requires("provisioner_daemon:read"),
)
async def list_key_daemons(organization: str, subject: Subject, db: Database) -> list[ProvisionerKeyDaemons]:
    """Return keys and pseudo keys with their daemons."""
    async with db.connection() as conn:
        return await keys.list_key_daemons(conn, subject, organization)


@delete(
    f"{_KEYS}/{{provisionerkey:str}}",
    summary="Delete a provisioner key",
    tags=["Enterprise"],
    opt=requires("provisioner_daemon:delete"),
)
async def delete_key(organization: str, provisionerkey: str, subject: Subject, db: Database) -> None:
    """Delete a key by its name."""
    await keys.delete_key(db, subject, organization, provisionerkey)


@get(
    "/provisionerkeys/{provisionerkey:str}",
    summary="Get a provisioner key",
    tags=["Enterprise"],
    opt=provisioner_route(),
)
async def get_key(provisionerkey: str, daemon: ProvisionerIdentity, db: Database) -> ProvisionerKey:
    """Return the key that the daemon has presented; the path holds its secret."""
    async with db.connection() as conn:
        return await keys.read_own_key(conn, daemon, provisionerkey)


routes: list[HTTPRouteHandler] = [create_key, list_keys, list_key_daemons, delete_key, get_key]
