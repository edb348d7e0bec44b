"""Dynamic registration (RFC 7591): a client makes itself known. Open to everybody, so there is a switch, a cap, and an expiry."""

from datetime import timedelta
from typing import Any, Final

import msgspec

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.kit.request import current_request
from homeport.oauth2.errors import OAuthError, invalid_client_metadata
from homeport.oauth2.queries import clients as queries
from homeport.oauth2.rules.credentials import CredentialKind
from homeport.oauth2.rules.registration import MOST_BYTES, Metadata, read_metadata
from homeport.oauth2.schemas.registration import OAuth2ClientInformation
from homeport.oauth2.service.client_trail import record_app
from homeport.oauth2.service.credentials import new_credential
from homeport.oauth2.service.secrets import insert_new_secret
from homeport.oauth2.service.settings import is_registration_open
from homeport.oauth2.types import AppRow, ClientKind

_LOCK: Final = "oauth2 dynamic registration"
# When the cap is reached, clients that nobody has allowed anything within this time make room for new ones.
_SHORTEST_LIFE: Final = timedelta(hours=1)
_MOST_REMOVED: Final = 500


async def register_client(
    db: Database, settings: Settings, *, content_type: str, body: bytes
) -> OAuth2ClientInformation:
    """Store a client and return what it needs to know; its secret and its token are shown this once.

    Raises invalid_redirect_uri, invalid_client_metadata, and 403 while registration is switched off.
    """
    found = read_metadata(read_object(content_type, body))
    async with db.transaction() as conn:
        if not await is_registration_open(conn, settings):
            raise OAuthError(
                "invalid_request",
                "Dynamic client registration is disabled on this server; ask its administrator for a client.",
                status=403,
            )
        await make_room(conn, settings)
        token = new_credential(CredentialKind.REGISTRATION_TOKEN)
        row = msgspec.structs.replace(
            new_row(found, ClientKind.DYNAMIC, is_scope_limit=False),
            dynamically_registered=True,
            registration_access_token=token.secret_hash,
            registration_ip=current_request().ip,
        )
        await queries.insert_app(conn, row)
        secret = (await insert_new_secret(conn, row.id))[1] if found.has_secret else ""
        await record_app(conn, AuditAction.REGISTER, after=row)
    return information(row, settings, token=token.text, secret=secret)


async def make_room(conn: Connection, settings: Settings) -> None:
    """Hold the cap on clients that nobody answers for: at it, unused ones go; when that makes no room, raise 429."""
    await conn.lock(_LOCK)
    if await queries.count_unregistered_apps(conn) < settings.oauth2_dynamic_client_limit:
        return
    await _delete_unused(conn, _SHORTEST_LIFE)
    if await queries.count_unregistered_apps(conn) >= settings.oauth2_dynamic_client_limit:
        raise OAuthError(
            "temporarily_unavailable",
            "This server knows as many clients without an owner as it allows; try later, or ask its administrator.",
            status=429,
        )


async def delete_unused_clients(db: Database, settings: Settings) -> int:
    """Delete clients that made themselves known and that nobody needs; return how many. For a background loop."""
    async with db.transaction() as conn:
        return await _delete_unused(conn, settings.oauth2_unused_client_lifetime)


def new_row(found: Metadata, kind: ClientKind, *, is_scope_limit: bool) -> AppRow:
    """Return the row of a new client that has said this of itself."""
    now = clock.now()
    return AppRow(
        id=new_id(),
        icon="",
        dynamically_registered=False,
        kind=kind,
        metadata_url=None,
        service_user_id=None,
        created_by=None,
        client_secret_expires_at=None,
        is_scope_limit=is_scope_limit,
        registration_access_token=None,
        registration_ip="",
        metadata_fetched_at=None,
        metadata_expires_at=None,
        last_used_at=None,
        created_at=now,
        updated_at=now,
        **columns(found),
    )


def columns(found: Metadata) -> dict[str, Any]:
    """Return the columns that hold what a client has said of itself."""
    return {
        "name": found.name,
        "callback_url": found.redirect_uris[0] if found.redirect_uris else "",
        "redirect_uris": list(found.redirect_uris),
        "client_type": str(found.client_type),
        "grant_types": [str(grant) for grant in found.grant_types],
        "response_types": list(found.response_types),
        "token_endpoint_auth_method": str(found.auth_method),
        "application_type": found.application_type,
        "scope": found.scope,
        "contacts": list(found.contacts),
        "client_uri": found.client_uri,
        "logo_uri": found.logo_uri,
        "tos_uri": found.tos_uri,
        "policy_uri": found.policy_uri,
        "jwks_uri": found.jwks_uri,
        "jwks": found.jwks,
        "software_id": found.software_id,
        "software_version": found.software_version,
    }


def read_object(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the JSON object in the body of a request. Raises invalid_client_metadata."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise invalid_client_metadata("The body must be JSON, with Content-Type application/json.")
    if len(body) > MOST_BYTES:
        raise invalid_client_metadata(f"The body has more than {MOST_BYTES} bytes.")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid_client_metadata("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise invalid_client_metadata("The body must be a JSON object.")
    return found


def information(row: AppRow, settings: Settings, *, token: str, secret: str = "") -> OAuth2ClientInformation:
    """Return what a client learns of its registration."""
    expires_at = row.client_secret_expires_at
    return OAuth2ClientInformation(
        client_id=row.client_id,
        client_id_issued_at=int(row.created_at.timestamp()),
        client_secret=secret,
        client_secret_expires_at=(int(expires_at.timestamp()) if expires_at else 0) if secret else None,
        registration_access_token=token,
        registration_client_uri=f"{settings.access_url.rstrip('/')}/oauth2/clients/{row.id}",
        client_name=row.name,
        redirect_uris=row.redirect_uris,
        grant_types=row.grant_types,
        response_types=row.response_types,
        token_endpoint_auth_method=row.token_endpoint_auth_method,
        application_type=row.application_type,
        scope=row.scope,
        contacts=row.contacts,
        client_uri=row.client_uri,
        logo_uri=row.logo_uri,
        tos_uri=row.tos_uri,
        policy_uri=row.policy_uri,
        jwks_uri=row.jwks_uri,
        jwks=row.jwks,
        software_id=row.software_id,
        software_version=row.software_version,
    )


async def _delete_unused(conn: Connection, life: timedelta) -> int:
    removed = await queries.delete_unused_apps(conn, before=clock.now() - life, most=_MOST_REMOVED)
    for row in removed:
        await record_app(conn, AuditAction.DELETE, before=row, reason="unused")
    return len(removed)
