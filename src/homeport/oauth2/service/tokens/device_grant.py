"""The device grant: a device asks again and again until a person has answered (RFC 8628 section 3.4 and 3.5)."""

from typing import Final

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.oauth2.errors import OAuthError, invalid_grant
from homeport.oauth2.queries import devices as queries
from homeport.oauth2.queries.tokens import is_person_active
from homeport.oauth2.rules.credentials import CredentialKind, read_credential
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.schemas.tokens import OAuth2TokenResponse
from homeport.oauth2.service.clients import Client, note_use
from homeport.oauth2.service.tokens.families import begin_family
from homeport.oauth2.service.tokens.issuing import issue_pair
from homeport.oauth2.service.trail import record_token
from homeport.oauth2.types import DEVICE_POLL_SECONDS, DeviceCodeRow, GrantType

PARAMETERS: Final = frozenset({"device_code"})
_UNKNOWN: Final = "The device code is not known, or was used; begin again."


async def redeem_device_code(db: Database, settings: Settings, client: Client, form: Form) -> OAuth2TokenResponse:
    """Turn an approved device code into tokens. Raises what the device has to do meanwhile, as section 3.5 names it."""
    credential = read_credential(CredentialKind.DEVICE_CODE, form.need("device_code"))
    if credential is None:
        raise invalid_grant(_UNKNOWN)

    async def work(conn: Connection) -> OAuth2TokenResponse | OAuthError:
        row = await queries.lock_device_code(conn, credential.prefix_hash)
        if row is None or not credential.is_proved_by(row.hashed_secret) or row.app_id != client.app.id:
            raise invalid_grant(_UNKNOWN)
        if row.expires_at <= clock.now():
            return OAuthError("expired_token", "The device code has expired; begin again.")
        if row.status == "pending":
            return await _wait(conn, row)
        await queries.delete_device_code(conn, row.id)
        if row.status == "denied" or row.user_id is None or row.grant_id is None:
            return OAuthError("access_denied", "The person has refused.")
        if not await is_person_active(conn, row.user_id):
            raise invalid_grant("The account behind this code may not sign in.")
        return await _issue(conn, settings, client, row)

    outcome = await db.run(work, isolation="read_committed")
    if isinstance(outcome, OAuthError):
        raise outcome
    return outcome


async def _wait(conn: Connection, row: DeviceCodeRow) -> OAuthError:
    """Note the poll; one that comes too early makes the interval longer from now on."""
    now, interval = clock.now(), row.interval_seconds
    is_early = row.last_polled_at is not None and (now - row.last_polled_at).total_seconds() < interval
    if is_early:
        interval += DEVICE_POLL_SECONDS
    await queries.update_polled(conn, row.id, now=now, interval_seconds=interval)
    if is_early:
        return OAuthError("slow_down", f"Ask every {interval} seconds.")
    return OAuthError("authorization_pending", "The person has not answered yet.")


async def _issue(conn: Connection, settings: Settings, client: Client, row: DeviceCodeRow) -> OAuth2TokenResponse:
    assert row.user_id is not None
    assert row.grant_id is not None
    family = await begin_family(
        conn,
        settings,
        app=client.app,
        grant_id=row.grant_id,
        user_id=row.user_id,
        scopes=row.scopes,
        audience=row.resource_uri,
    )
    pair = await issue_pair(
        conn,
        settings,
        client=client,
        user_id=row.user_id,
        scopes=row.scopes,
        audience=row.resource_uri,
        family=family,
    )
    await note_use(conn, client)
    await record_token(conn, AuditAction.CREATE, client.app, after=pair.row, grant_type=GrantType.DEVICE_CODE)
    return pair.answer
