"""Clients that owners manage, and their secrets (spec: identity 5.1)."""

from typing import Any, Final
from uuid import UUID

import msgspec

from homeport.audit import AuditAction, AuditResource, attempt
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.identity.rules import user_object
from homeport.kit import clock
from homeport.kit.errors import BadRequest, Conflict, FieldError, NotFound
from homeport.kit.http import Page
from homeport.kit.ids import new_id
from homeport.oauth2.queries import clients as queries
from homeport.oauth2.rules import scopes
from homeport.oauth2.rules.apps import DEFAULT_GRANTS, Wanted, check
from homeport.oauth2.rules.objects import APP, SECRET
from homeport.oauth2.schemas.management import (
    OAuth2AppEndpoints,
    OAuth2ProviderApp,
    OAuth2ProviderApps,
    OAuth2ProviderAppSecret,
    OAuth2ProviderAppSecretFull,
    PostOAuth2ProviderAppRequest,
    PutOAuth2ProviderAppRequest,
)
from homeport.oauth2.service.client_trail import record_app, record_secret
from homeport.oauth2.service.identities import choose_identity, create_identity
from homeport.oauth2.service.narrowing import end_what_is_beyond
from homeport.oauth2.service.secrets import insert_new_secret
from homeport.oauth2.service.trail import APP as APP_AUDIT
from homeport.oauth2.service.trail import SECRET as SECRET_AUDIT
from homeport.oauth2.types import AppRow, AuthMethod, ClientKind, ClientType
from homeport.rbac import Action, Subject, require

_NOUN: Final = "OAuth2 application"
_SECRET_NOUN: Final = "OAuth2 application secret"
MOST_SECRETS: Final = 20


async def list_apps(
    db: Database,
    settings: Settings,
    *,
    subject: Subject,
    text: str = "",
    user_id: UUID | None = None,
    page: Page | None = None,
) -> OAuth2ProviderApps:
    """Return clients by name, and how many there are: all, those that a search finds, or those that hold a user's token.

    Needs oauth2_app:read, and to see which clients work for somebody else user:read on them. Without a page: all.
    """
    require(subject, Action.READ, APP, noun=_NOUN)
    if user_id is not None and user_id != subject.id:
        require(subject, Action.READ, user_object(user_id), noun="user")
    text, now = text.strip()[:2048].replace("\x00", ""), clock.now()
    async with db.connection() as conn:
        rows = await queries.list_apps(
            conn,
            text=text,
            user_id=user_id,
            now=now,
            limit=page.limit if page else None,
            offset=page.offset if page else 0,
        )
        count = await queries.count_apps(conn, text=text, user_id=user_id, now=now) if page else len(rows)
    return OAuth2ProviderApps([app_view(row, settings) for row in rows], count)


async def read_app(db: Database, settings: Settings, *, subject: Subject, app_id: UUID) -> OAuth2ProviderApp:
    """Return a client. Needs oauth2_app:read."""
    require(subject, Action.READ, APP, noun=_NOUN)
    async with db.connection() as conn:
        return app_view(_found(await queries.find_app(conn, app_id)), settings)


async def create_app(
    db: Database, settings: Settings, *, subject: Subject, request: PostOAuth2ProviderAppRequest
) -> OAuth2ProviderApp:
    """Register a client; a confidential one gets its secrets apart. Needs oauth2_app:create."""
    require(subject, Action.CREATE, APP, noun=_NOUN)
    is_public = request.client_type == ClientType.PUBLIC
    wanted = Wanted(
        name=request.name,
        icon=request.icon,
        callbacks=_callbacks(request.callback_url, request.redirect_uris or ()),
        callback_field=_callback_field(request.callback_url),
        client_type=request.client_type,
        auth_method=request.token_endpoint_auth_method or (AuthMethod.NONE if is_public else AuthMethod.SECRET_POST),
        grant_types=tuple(DEFAULT_GRANTS if request.grant_types is None else dict.fromkeys(request.grant_types)),
        scope=request.scope,
        client_uri=request.client_uri,
        jwks_uri=request.jwks_uri,
        jwks=request.jwks,
        has_identity=bool(request.service_user or request.service_organization),
    )
    check(wanted)
    now = clock.now()
    async with db.transaction() as conn:
        row = AppRow(
            id=new_id(), created_by=subject.id, kind=ClientKind.REGISTERED, dynamically_registered=False, metadata_url=None,
            client_secret_expires_at=None, is_scope_limit=True, contacts=[], logo_uri="", tos_uri="", policy_uri="",
            software_id="", software_version="", registration_access_token=None, registration_ip="",
            metadata_fetched_at=None, metadata_expires_at=None, last_used_at=None, created_at=now, updated_at=now,
            service_user_id=await _identity(conn, subject, request.service_user, request.service_organization, wanted.name),
            **_columns(wanted),
        )  # fmt: skip
        await queries.insert_app(conn, row)
        await record_app(conn, AuditAction.CREATE, after=row, subject_id=subject.id)
    return app_view(row, settings)


async def update_app(
    db: Database, settings: Settings, *, subject: Subject, app_id: UUID, request: PutOAuth2ProviderAppRequest
) -> OAuth2ProviderApp:
    """Change a client. What goes beyond a narrower scope ends. Needs oauth2_app:update. Not for clients with a document."""

    async def work(conn: Connection) -> AppRow:
        before = await _lock(conn, subject, app_id, Action.UPDATE)
        if before.kind == ClientKind.METADATA_DOCUMENT:
            raise Conflict("This client is what the document at its address says; change the document.")
        service_user_id = before.service_user_id if request.service_user is None else None
        wanted = _changed(before, request, has_identity=service_user_id is not None)
        check(wanted, known_name=before.name)
        if request.service_user or request.service_organization:
            service_user_id = await _identity(
                conn, subject, request.service_user or "", request.service_organization, wanted.name
            )
        after = msgspec.structs.replace(
            before,
            **_columns(wanted),
            is_scope_limit=before.is_scope_limit if request.scope is None else True,
            service_user_id=service_user_id,
            updated_at=clock.now(),
        )
        await queries.update_app(conn, after)
        await end_what_is_beyond(conn, settings, before=before, after=after)
        await record_app(conn, AuditAction.WRITE, before=before, after=after, subject_id=subject.id)
        return after

    return app_view(await db.run(work, isolation="read_committed"), settings)


async def delete_app(db: Database, *, subject: Subject, app_id: UUID) -> None:
    """Delete a client with its secrets and everything that it was granted. Needs oauth2_app:delete."""

    async def work(conn: Connection) -> None:
        row = await _lock(conn, subject, app_id, Action.DELETE)
        await queries.delete_app(conn, row.id)
        await record_app(conn, AuditAction.DELETE, before=row, subject_id=subject.id)

    await db.run(work, isolation="read_committed")


async def list_secrets(db: Database, *, subject: Subject, app_id: UUID) -> list[OAuth2ProviderAppSecret]:
    """Return a client's secrets by their last characters, the oldest first. Needs oauth2_app_secret:read."""
    require(subject, Action.READ, SECRET, noun=_SECRET_NOUN)
    async with db.connection() as conn:
        _found(await queries.find_app(conn, app_id))
        rows = await queries.list_secrets(conn, app_id)
    return [
        OAuth2ProviderAppSecret(id=row.id, client_secret_truncated=row.display_secret, last_used_at=row.last_used_at)
        for row in rows
    ]


async def create_secret(db: Database, *, subject: Subject, app_id: UUID) -> OAuth2ProviderAppSecretFull:
    """Make a secret; it is shown this once. Needs oauth2_app_secret:create. Public clients have none."""
    async with db.transaction() as conn:
        app = await _lock_for_secret(conn, subject, app_id, Action.CREATE)
        if app.is_public or app.token_endpoint_auth_method == AuthMethod.PRIVATE_KEY_JWT:
            raise BadRequest("This client has no secrets: it is public, or proves itself by a signature.")
        if len(await queries.list_secrets(conn, app.id)) >= MOST_SECRETS:
            raise BadRequest(f"This client has {MOST_SECRETS} secrets; delete one that is not used any more.")
        row, text = await insert_new_secret(conn, app.id)
        await record_secret(conn, AuditAction.CREATE, app, after=row, subject_id=subject.id)
    return OAuth2ProviderAppSecretFull(id=row.id, client_secret_full=text)


async def delete_secret(db: Database, *, subject: Subject, app_id: UUID, secret_id: UUID) -> None:
    """Delete a secret, and with it the tokens that were issued through it. Needs oauth2_app_secret:delete."""

    async def work(conn: Connection) -> None:
        app = await _lock_for_secret(conn, subject, app_id, Action.DELETE)
        row = await queries.lock_secret(conn, secret_id)
        if row is None:
            raise NotFound("There is no such secret.")
        if row.app_id != app.id:
            raise BadRequest("This secret belongs to another application.")
        await queries.delete_secret(conn, row.id)
        await record_secret(conn, AuditAction.DELETE, app, before=row, subject_id=subject.id)

    await db.run(work, isolation="read_committed")


def app_view(row: AppRow, settings: Settings) -> OAuth2ProviderApp:
    """Return a client as the wire shows it."""
    root = settings.access_url.rstrip("/")
    return OAuth2ProviderApp(
        id=row.id,
        name=row.name,
        callback_url=row.callback_url,
        icon=row.icon,
        endpoints=OAuth2AppEndpoints(
            authorization=f"{root}/oauth2/authorize",
            token=f"{root}/oauth2/tokens",
            token_revoke=f"{root}/oauth2/revoke",
            device_authorization=f"{root}/oauth2/device",
        ),
        client_id=row.client_id,
        kind=row.kind,
        client_type=row.client_type,
        redirect_uris=row.callbacks,
        grant_types=row.grant_types,
        token_endpoint_auth_method=row.token_endpoint_auth_method,
        dynamically_registered=row.dynamically_registered,
        created_at=row.created_at,
        updated_at=row.updated_at,
        scope=row.scope,
        scope_limit=row.scope_limit,
        client_uri=row.client_uri,
        jwks_uri=row.jwks_uri,
        service_user_id=row.service_user_id,
        last_used_at=row.last_used_at,
    )


async def _identity(conn: Connection, subject: Subject, user: str, organization: str, name: str) -> UUID | None:
    if user and organization:
        words = "Use service_user or service_organization, not both."
        raise BadRequest(words, validations=(FieldError("service_user", words),))
    if user:
        return await choose_identity(conn, subject=subject, value=user)
    if organization:
        return await create_identity(conn, subject=subject, organization=organization, client_name=name)
    return None


def _changed(before: AppRow, request: PutOAuth2ProviderAppRequest, *, has_identity: bool) -> Wanted:
    def kept(value: Any, old: Any) -> Any:
        return old if value is None else value

    others = [uri for uri in before.callbacks if uri != before.callback_url]
    jwks = request.jwks if request.jwks is not None else (None if request.jwks_uri else before.jwks)
    return Wanted(
        name=request.name,
        icon=request.icon,
        callbacks=_callbacks(request.callback_url, kept(request.redirect_uris, others)),
        callback_field=_callback_field(request.callback_url),
        client_type=before.client_type,
        auth_method=kept(request.token_endpoint_auth_method, before.token_endpoint_auth_method),
        grant_types=tuple(dict.fromkeys(kept(request.grant_types, before.grant_types))),
        scope=kept(request.scope, before.scope),
        client_uri=kept(request.client_uri, before.client_uri),
        jwks_uri=kept(request.jwks_uri, "" if request.jwks is not None else before.jwks_uri),
        jwks=jwks,
        has_identity=has_identity or bool(request.service_user or request.service_organization),
    )


def _columns(wanted: Wanted) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "icon": wanted.icon,
        "callback_url": wanted.callbacks[0] if wanted.callbacks else "",
        "redirect_uris": list(wanted.callbacks),
        "client_type": str(wanted.client_type),
        "token_endpoint_auth_method": str(wanted.auth_method),
        "grant_types": [str(grant) for grant in wanted.grant_types],
        "response_types": ["code"] if "authorization_code" in wanted.grant_types else [],
        "application_type": "native" if wanted.client_type == ClientType.PUBLIC else "web",
        "scope": " ".join(scopes.split(wanted.scope)),
        "client_uri": wanted.client_uri,
        "jwks_uri": wanted.jwks_uri,
        "jwks": wanted.jwks,
    }


def _callbacks(first: str, others: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*([first] if first else []), *others]))


def _callback_field(first: str) -> str:
    return "callback_url" if first else "redirect_uris"


async def _lock(conn: Connection, subject: Subject, app_id: UUID, action: Action) -> AppRow:
    """Return the locked client that the request is about. Raises 404 where clients are not readable, 403, 404."""
    row = await queries.lock_app(conn, app_id)
    if row is not None:
        done = AuditAction.DELETE if action is Action.DELETE else AuditAction.WRITE
        attempt(APP_AUDIT, subject_id=subject.id, action=done, resource=AuditResource(row.id, row.name))
    require(subject, action, APP, noun=_NOUN)
    return _found(row)


async def _lock_for_secret(conn: Connection, subject: Subject, app_id: UUID, action: Action) -> AppRow:
    """Return the locked client that a secret is made for or taken from; until one is found, the entry is about the client."""
    row = await queries.lock_app(conn, app_id)
    if row is not None:
        done = AuditAction.DELETE if action is Action.DELETE else AuditAction.CREATE
        attempt(SECRET_AUDIT, subject_id=subject.id, action=done, resource=AuditResource(row.id, row.name))
    require(subject, action, SECRET, noun=_SECRET_NOUN)
    return _found(row)


def _found(row: AppRow | None) -> AppRow:
    if row is None:
        raise NotFound("There is no such OAuth2 application.")
    return row
