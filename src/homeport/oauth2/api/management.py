"""HTTP of what owners manage: clients, their secrets, and what is decided at run time (spec: identity 5.1)."""

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, post, put
from litestar.params import QueryParameter

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.http import LimitParameter, OffsetParameter, page
from homeport.kit.routes import requires
from homeport.oauth2.api.no_store import NoStore
from homeport.oauth2.schemas.management import (
    OAuth2ProviderApp,
    OAuth2ProviderAppSecret,
    OAuth2ProviderAppSecretFull,
    OAuth2ProviderSettings,
    PostOAuth2ProviderAppRequest,
    PutOAuth2ProviderAppRequest,
    PutOAuth2ProviderSettingsRequest,
)
from homeport.oauth2.service import apps
from homeport.oauth2.service import settings as provider_settings
from homeport.rbac import Subject

_APPS = "/oauth2-provider/apps"
_APP = f"{_APPS}/{{app:str}}"
_SECRETS = f"{_APP}/secrets"
_SETTINGS = "/oauth2-provider/settings"
_OPTIONS: dict[str, Any] = {"tags": ["OAuth2"], "middleware": [NoStore]}


@get(_APPS, opt=requires("oauth2_app:read"), summary="List OAuth2 applications", **_OPTIONS)
async def list_apps(
    subject: Subject,
    db: Database,
    settings: Settings,
    user_id: Annotated[UUID | None, QueryParameter(description="Only those that hold a token of this user.")] = None,
    text: Annotated[str, QueryParameter(name="q", description="Part of the name, or a client_id.")] = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
) -> list[OAuth2ProviderApp]:
    """List clients by name; without a limit and an offset all of them."""
    window = page(limit=limit, offset=offset) if limit or offset else None
    found = await apps.list_apps(db, settings, subject=subject, text=text, user_id=user_id, page=window)
    return found.apps


@post(_APPS, opt=requires("oauth2_app:create"), summary="Create OAuth2 application", **_OPTIONS)
async def create_app(
    data: PostOAuth2ProviderAppRequest, subject: Subject, db: Database, settings: Settings
) -> OAuth2ProviderApp:
    """Register a client."""
    return await apps.create_app(db, settings, subject=subject, request=data)


@get(_APP, opt=requires("oauth2_app:read"), summary="Get OAuth2 application", **_OPTIONS)
async def get_app(app: UUID, subject: Subject, db: Database, settings: Settings) -> OAuth2ProviderApp:
    """Return a client."""
    return await apps.read_app(db, settings, subject=subject, app_id=app)


@put(_APP, opt=requires("oauth2_app:update"), summary="Update OAuth2 application", **_OPTIONS)
async def update_app(
    app: UUID, data: PutOAuth2ProviderAppRequest, subject: Subject, db: Database, settings: Settings
) -> OAuth2ProviderApp:
    """Change a client."""
    return await apps.update_app(db, settings, subject=subject, app_id=app, request=data)


@delete(_APP, opt=requires("oauth2_app:delete"), summary="Delete OAuth2 application", **_OPTIONS)
async def delete_app(app: UUID, subject: Subject, db: Database) -> None:
    """Delete a client with its secrets and everything that it was granted."""
    await apps.delete_app(db, subject=subject, app_id=app)


@get(_SECRETS, opt=requires("oauth2_app_secret:read"), summary="List OAuth2 application secrets", **_OPTIONS)
async def list_secrets(app: UUID, subject: Subject, db: Database) -> list[OAuth2ProviderAppSecret]:
    """List a client's secrets, by their last characters."""
    return await apps.list_secrets(db, subject=subject, app_id=app)


@post(_SECRETS, opt=requires("oauth2_app_secret:create"), summary="Create OAuth2 application secret", **_OPTIONS)
async def create_secret(app: UUID, subject: Subject, db: Database) -> OAuth2ProviderAppSecretFull:
    """Make a secret; the answer holds it, this once."""
    return await apps.create_secret(db, subject=subject, app_id=app)


@delete(
    f"{_SECRETS}/{{secret:str}}",
    opt=requires("oauth2_app_secret:delete"),
    summary="Delete OAuth2 application secret",
    **_OPTIONS,
)
async def delete_secret(app: UUID, secret: UUID, subject: Subject, db: Database) -> None:
    """Delete a secret and the tokens that were issued through it."""
    await apps.delete_secret(db, subject=subject, app_id=app, secret_id=secret)


@get(_SETTINGS, opt=requires("oauth2_app:update"), summary="Get OAuth2 provider settings", **_OPTIONS)
async def get_settings(subject: Subject, db: Database, settings: Settings) -> OAuth2ProviderSettings:
    """Return what is decided at run time."""
    return await provider_settings.read_settings(db, settings, subject=subject)


@put(_SETTINGS, opt=requires("oauth2_app:update"), summary="Update OAuth2 provider settings", **_OPTIONS)
async def update_settings(
    data: PutOAuth2ProviderSettingsRequest, subject: Subject, db: Database, settings: Settings
) -> OAuth2ProviderSettings:
    """Decide; what is left out stays."""
    return await provider_settings.update_settings(db, settings, subject=subject, request=data)


routes: list[Any] = [
    list_apps,
    create_app,
    get_app,
    update_app,
    delete_app,
    list_secrets,
    create_secret,
    delete_secret,
    get_settings,
    update_settings,
]
