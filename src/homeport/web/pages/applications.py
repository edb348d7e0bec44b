"""The part of the account page about applications: what one has allowed clients, and its end."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import post
from litestar.response import Redirect

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.errors import NotFound
from homeport.kit.http import MAX_PAGE, page
from homeport.kit.routes import requires
from homeport.oauth2.rules.wording import scope_words, shown_name
from homeport.oauth2.schemas.grants import OAuth2ProviderGrant
from homeport.oauth2.service import grants
from homeport.rbac import Subject
from homeport.web.forms import read_form
from homeport.web.rendering import View


class AllowedApplication(msgspec.Struct, frozen=True):
    """A grant as the account page shows it: the client's name as it can be shown, and what it may do in words."""

    grant: OAuth2ProviderGrant
    name: str
    scopes: list[str]
    last_used_at: Any


async def allowed_applications(db: Database, settings: Settings, subject: Subject) -> list[AllowedApplication]:
    """Return what the person has allowed, the latest first; nothing where the authorization server is switched off."""
    if not settings.oauth2_provider_enable:
        return []
    found = await grants.list_grants(db, settings, subject=subject, user="me", page=page(limit=MAX_PAGE))
    return [
        AllowedApplication(
            grant=each,
            name=shown_name(each.client_name),
            scopes=[scope_words(name) for name in each.scopes],
            last_used_at=each.last_used_at or None,
        )
        for each in found
    ]


@post(
    "/account/applications/{grant:str}/revoke",
    opt=requires("oauth2_app_code_token:delete", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def revoke_application(view: View, grant: str, db: Database, subject: Subject) -> Redirect:
    """End what was allowed: the application is signed out at once."""
    await read_form(view.request)
    try:
        grant_id = UUID(grant)
    except ValueError:
        raise NotFound("There is nothing allowed under this address.") from None
    await grants.revoke_grant(db, subject=subject, grant_id=grant_id)
    return view.go("/account?notice=application#applications")


routes: list[Any] = [revoke_application]
