"""refresh_token: each use gives a new pair and ends the old one (RFC 6749 section 6, RFC 9700 section 4.14.2).

Clients lose answers, and refresh from several processes at once. So a token that was used answers again for a short time,
with a pair of its own in the same family: nobody's pair is taken from them. Used later it is stolen goods, and the whole
family ends. A refused request uses nothing up.
"""

from typing import Final

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.oauth2.errors import OAuthError, invalid_grant, invalid_target
from homeport.oauth2.queries import tokens as queries
from homeport.oauth2.queries.tokens import TakenRetry, TakenToken
from homeport.oauth2.rules import resources, scopes
from homeport.oauth2.rules.credentials import Credential, CredentialKind, read_credential
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.schemas.tokens import OAuth2TokenResponse
from homeport.oauth2.service.clients import Client, note_use
from homeport.oauth2.service.tokens.families import end_family, has_ended
from homeport.oauth2.service.tokens.issuing import issue_pair
from homeport.oauth2.service.trail import record_token
from homeport.oauth2.types import AppRow, FamilyRow, GrantType, TokenRow

PARAMETERS: Final = frozenset({"refresh_token", "scope"})
MOST_RETRIES: Final = 30
"""Pairs that a used token may still give within the grace: a burst of processes gets through, a loop does not."""

_UNKNOWN: Final = "The refresh token is not known, was revoked, or has expired; authorize again."


async def refresh(db: Database, settings: Settings, client: Client, form: Form) -> OAuth2TokenResponse:
    """Turn a refresh token into a new pair. Raises invalid_grant, invalid_scope, invalid_target."""
    credential = read_credential(CredentialKind.REFRESH_TOKEN, form.need("refresh_token"))
    if credential is None:
        raise invalid_grant(_UNKNOWN)

    async def work(conn: Connection) -> OAuth2TokenResponse | OAuthError:
        taken = await queries.take_token(conn, credential.prefix_hash)
        if taken is not None:
            return await _rotate(conn, settings, client, form, credential, taken)
        retry = await queries.take_retry(conn, credential.prefix_hash)
        if retry is None:
            raise invalid_grant(_UNKNOWN)
        return await _answer_again(conn, settings, client, form, credential, retry)

    outcome = await db.run(work, isolation="read_committed")
    if isinstance(outcome, OAuthError):
        raise outcome
    return outcome


async def _rotate(
    conn: Connection, settings: Settings, client: Client, form: Form, credential: Credential, taken: TakenToken
) -> OAuth2TokenResponse:
    token, family = taken.token, taken.family
    if not credential.is_proved_by(token.refresh_hash) or token.app_id != client.app.id:
        raise invalid_grant(_UNKNOWN)
    if token.expires_at <= clock.now():
        raise invalid_grant(_UNKNOWN)
    return await _issue(conn, settings, client, form, family, is_active=taken.is_active, rotated=token)


async def _answer_again(
    conn: Connection, settings: Settings, client: Client, form: Form, credential: Credential, retry: TakenRetry
) -> OAuth2TokenResponse | OAuthError:
    """Answer a token that was used before, or end its family. The error is returned, so that the end of the family stays."""
    spent, family = retry.spent, retry.family
    if not credential.is_proved_by(spent.refresh_hash) or family.app_id != client.app.id:
        raise invalid_grant(_UNKNOWN)
    if clock.now() >= spent.rotated_at + settings.oauth2_refresh_grace:
        await end_family(conn, client.app, family, reason="refresh_token_reuse")
        return invalid_grant("The refresh token was used before; all tokens of this authorization have ended.")
    if spent.retries > MOST_RETRIES:
        raise invalid_grant("The refresh token was used too often; use the one that came with the last answer.")
    return await _issue(conn, settings, client, form, family, is_active=retry.is_active)


async def _issue(
    conn: Connection,
    settings: Settings,
    client: Client,
    form: Form,
    family: FamilyRow,
    *,
    is_active: bool,
    rotated: TokenRow | None = None,
) -> OAuth2TokenResponse:
    if not is_active or has_ended(family, clock.now()):
        raise invalid_grant(_UNKNOWN)
    _require_resource(settings, form.resource, family.audience)
    pair = await issue_pair(
        conn,
        settings,
        client=client,
        user_id=family.user_id,
        scopes=scopes.narrowed(form.get("scope"), _granted(settings, client.app, family)),
        audience=family.audience,
        family=family,
        rotated=rotated,
    )
    await note_use(conn, client)
    await record_token(
        conn,
        AuditAction.WRITE if rotated else AuditAction.CREATE,
        client.app,
        before=rotated,
        after=pair.row,
        grant_type=GrantType.REFRESH_TOKEN,
        family_id=str(family.id),
    )
    return pair.answer


def _require_resource(settings: Settings, asked: str, audience: str | None) -> None:
    if asked and resources.own_resource(asked, settings.access_url) != audience:
        raise invalid_target("The resource is not the one that was authorized.")


def _granted(settings: Settings, app: AppRow, family: FamilyRow) -> tuple[str, ...]:
    """Return what was granted and the client may still be granted: its limits may have been narrowed since."""
    found = scopes.still_granted(app, settings.oauth2_unregistered_client_scopes, family.scopes)
    if not found:
        raise invalid_grant("The client may not be granted these scopes any more; authorize again.")
    return found
