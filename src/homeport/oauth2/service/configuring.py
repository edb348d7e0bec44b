"""Management of a registration by the client itself (RFC 7592), with the token that it got when it registered.

Whatever is wrong with the token, or with the client_id, is answered alike: nobody learns which clients there are.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.crypto import tokens_equal
from homeport.oauth2.errors import OAuthError, invalid_client_metadata
from homeport.oauth2.queries import clients as queries
from homeport.oauth2.rules.credentials import CredentialKind, read_credential
from homeport.oauth2.rules.registration import Metadata, read_metadata
from homeport.oauth2.schemas.registration import OAuth2ClientInformation
from homeport.oauth2.service.client_trail import record_app
from homeport.oauth2.service.narrowing import end_what_is_beyond
from homeport.oauth2.service.registering import columns, information, read_object
from homeport.oauth2.service.secrets import insert_new_secret
from homeport.oauth2.types import AppRow, AuthMethod

_HASH_OF_NOTHING: Final = bytes(32)


async def read_registration(
    db: Database, settings: Settings, *, client_id: str, authorization: str
) -> OAuth2ClientInformation:
    """Return the registration of the client whose token this is. Raises 401 invalid_token."""
    async with db.connection() as conn:
        row, token = await _prove(conn, client_id, authorization, queries.find_app)
    return information(row, settings, token=token)


async def update_registration(
    db: Database, settings: Settings, *, client_id: str, authorization: str, content_type: str, body: bytes
) -> OAuth2ClientInformation:
    """Replace what the client has said of itself; what it leaves out goes back to the default.

    A public client stays public and a confidential one confidential. A scope that it sets is from now on a limit.
    Raises invalid_token, invalid_redirect_uri, invalid_client_metadata.
    """

    async def work(conn: Connection) -> OAuth2ClientInformation:
        before, token = await _prove(conn, client_id, authorization, queries.lock_app)
        sent = read_object(content_type, body)
        if sent.get("client_id") not in (None, before.client_id):
            raise invalid_client_metadata("The client_id is that of another client.")
        found = _read(before, sent)
        after = msgspec.structs.replace(
            before, **columns(found), is_scope_limit=bool(found.scope), updated_at=clock.now()
        )
        await queries.update_app(conn, after)
        secret = await _renew_secrets(conn, before, found)
        await end_what_is_beyond(conn, settings, before=before, after=after)
        await record_app(conn, AuditAction.WRITE, before=before, after=after)
        return information(after, settings, token=token, secret=secret)

    return await db.run(work, isolation="read_committed")


async def delete_registration(db: Database, *, client_id: str, authorization: str) -> None:
    """Delete the client with everything that it was granted. Raises invalid_token."""

    async def work(conn: Connection) -> None:
        row, _ = await _prove(conn, client_id, authorization, queries.lock_app)
        await queries.delete_app(conn, row.id)
        await record_app(conn, AuditAction.DELETE, before=row)

    await db.run(work, isolation="read_committed")


def _read(before: AppRow, sent: dict[str, Any]) -> Metadata:
    # Left out, the way in which the client proves itself stays: the default would make a public client confidential.
    found = read_metadata({"token_endpoint_auth_method": before.token_endpoint_auth_method, **_said(sent)})
    if found.client_type != before.client_type:
        raise invalid_client_metadata("A public client cannot become confidential, nor the other way; register again.")
    return found


def _said(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if value not in (None, "")}


async def _renew_secrets(conn: Connection, before: AppRow, found: Metadata) -> str:
    """Give a secret to a client that proved itself by a key until now, and take those of one that does so from now on."""
    had_key = before.token_endpoint_auth_method == AuthMethod.PRIVATE_KEY_JWT
    if found.has_secret and had_key:
        return (await insert_new_secret(conn, before.id))[1]
    if found.auth_method == AuthMethod.PRIVATE_KEY_JWT and not had_key:
        await queries.delete_secrets(conn, before.id)
    return ""


async def _prove(
    conn: Connection, client_id: str, authorization: str, find: Callable[[Connection, UUID], Awaitable[AppRow | None]]
) -> tuple[AppRow, str]:
    """Return the client and its token. Raises 401 invalid_token."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    credential = read_credential(CredentialKind.REGISTRATION_TOKEN, token)
    row = await find(conn, found) if (found := _as_id(client_id)) is not None else None
    stored = row.registration_access_token if row is not None else None
    is_right = tokens_equal(credential.secret_hash if credential else _HASH_OF_NOTHING, stored or b"")
    if row is None or not is_right or scheme.lower() != "bearer":
        raise OAuthError(
            "invalid_token",
            "The registration access token is missing or not that of this client.",
            status=401,
            challenge='Bearer error="invalid_token", error_description="The registration access token is not right"',
        )
    return row, token


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
