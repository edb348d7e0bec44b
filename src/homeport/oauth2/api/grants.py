"""HTTP of what people have allowed clients: a list, and its end."""

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get
from litestar.params import QueryParameter

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.http import LimitParameter, OffsetParameter, page
from homeport.kit.routes import requires
from homeport.oauth2.api.no_store import NoStore
from homeport.oauth2.schemas.grants import OAuth2ProviderGrant
from homeport.oauth2.service import grants
from homeport.rbac import Subject

_OPTIONS: dict[str, Any] = {"tags": ["OAuth2"], "middleware": [NoStore]}


@get(
    "/oauth2-provider/grants",
    opt=requires("oauth2_app_code_token:read"),
    summary="List OAuth2 grants",
    **_OPTIONS,
)
async def list_grants(
    subject: Subject,
    db: Database,
    settings: Settings,
    user: Annotated[str, QueryParameter(description="Only of this person: an id, a username or `me`.")] = "",
    client_id: Annotated[str, QueryParameter(description="Only of this client.")] = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
) -> list[OAuth2ProviderGrant]:
    """List what people have allowed clients, the latest first: one's own, and for owners everybody's."""
    wanted = page(limit=limit, offset=offset)
    return await grants.list_grants(db, settings, subject=subject, user=user, client_id=client_id, page=wanted)


@delete(
    "/oauth2-provider/grants/{grant:uuid}",
    opt=requires("oauth2_app_code_token:delete"),
    status_code=204,
    summary="Revoke OAuth2 grant",
    **_OPTIONS,
)
async def revoke_grant(grant: UUID, subject: Subject, db: Database) -> None:
    """End a grant: its codes, refresh tokens and access tokens end at once."""
    await grants.revoke_grant(db, subject=subject, grant_id=grant)


@delete(
    "/oauth2/tokens",
    opt=requires("oauth2_app_code_token:delete"),
    status_code=204,
    summary="Delete OAuth2 application tokens",
    **_OPTIONS,
)
async def revoke_client(
    subject: Subject,
    db: Database,
    client_id: Annotated[str, QueryParameter(description="The client whose tokens end.")] = "",
) -> None:
    """End all tokens that a client holds in the caller's name; that there are none is no error."""
    await grants.revoke_client(db, subject=subject, client_id=client_id)


routes: list[Any] = [list_grants, revoke_grant]
root_routes: list[Any] = [revoke_client]
