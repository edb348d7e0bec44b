"""authorization_code: a code and its verifier become tokens, once (RFC 6749 section 4.1.3, RFC 7636 section 4.6).

A request that is refused uses nothing up: whoever has found a code, but not its verifier, can neither use it nor spoil it.
"""

from typing import Final

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.request import current_request
from homeport.oauth2.errors import OAuthError, invalid_grant, invalid_target
from homeport.oauth2.queries import tokens as queries
from homeport.oauth2.rules import pkce, redirects, resources, scopes
from homeport.oauth2.rules.credentials import Credential, CredentialKind, read_credential
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.schemas.tokens import OAuth2TokenResponse
from homeport.oauth2.service.clients import Client, note_use
from homeport.oauth2.service.tokens.families import begin_family, end_family
from homeport.oauth2.service.tokens.issuing import issue_pair
from homeport.oauth2.service.trail import record_token
from homeport.oauth2.types import AppRow, CodeRow, GrantType

PARAMETERS: Final = frozenset({"code", "redirect_uri", "code_verifier"})
_UNKNOWN: Final = "The code is not known, was used, or has expired; authorize again."


async def redeem_code(db: Database, settings: Settings, client: Client, form: Form) -> OAuth2TokenResponse:
    """Turn a code into tokens. Raises invalid_grant, invalid_target."""
    credential = read_credential(CredentialKind.CODE, form.need("code"))
    if credential is None:
        raise invalid_grant(_UNKNOWN)

    async def work(conn: Connection) -> OAuth2TokenResponse | OAuthError:
        taken = await queries.take_code(conn, credential.prefix_hash)
        if taken is None:
            return await _refuse_replay(conn, client, form, credential)
        _require_use(settings, client.app, taken.code, form, credential)
        if not taken.is_active:
            raise invalid_grant("The account behind this code may not sign in.")
        return await _issue(conn, settings, client, taken.code)

    outcome = await db.run(work, isolation="read_committed")
    if isinstance(outcome, OAuthError):
        raise outcome
    return outcome


async def _issue(conn: Connection, settings: Settings, client: Client, code: CodeRow) -> OAuth2TokenResponse:
    family = await begin_family(
        conn,
        settings,
        app=client.app,
        grant_id=code.grant_id,
        user_id=code.user_id,
        scopes=code.scopes,
        audience=code.resource_uri,
        code=code,
    )
    pair = await issue_pair(
        conn,
        settings,
        client=client,
        user_id=code.user_id,
        scopes=code.scopes,
        audience=code.resource_uri,
        family=family,
    )
    await note_use(conn, client)
    await record_token(conn, AuditAction.CREATE, client.app, after=pair.row, grant_type=GrantType.AUTHORIZATION_CODE)
    return pair.answer


def _require_use(settings: Settings, app: AppRow, code: CodeRow, form: Form, credential: Credential) -> None:
    """Raise unless this client may use this code, here and now."""
    if not credential.is_proved_by(code.hashed_secret) or code.app_id != app.id or code.expires_at <= clock.now():
        raise invalid_grant(_UNKNOWN)
    _require_redirect(app, code, form.get("redirect_uri"))
    _require_verifier(app, code, form.get("code_verifier"))
    asked = form.resource
    if asked and resources.own_resource(asked, settings.access_url) != (code.resource_uri or None):
        raise invalid_target("The resource is not the one that was authorized.")
    if tuple(scopes.still_granted(app, settings.oauth2_unregistered_client_scopes, code.scopes)) != tuple(code.scopes):
        raise invalid_grant("The client may not be granted these scopes any more; authorize again.")


def _require_redirect(app: AppRow, code: CodeRow, sent: str) -> None:
    """The address may be left out where PKCE binds the code (OAuth 2.1 section 10.2); what is sent must be right."""
    if sent:
        is_right = sent == code.redirect_uri if code.redirect_uri else redirects.matched(sent, app.callbacks)
    else:
        is_right = not code.redirect_uri or bool(code.code_challenge)
    if not is_right:
        raise invalid_grant("The redirect_uri is not the one of the authorization request.")


def _require_verifier(app: AppRow, code: CodeRow, verifier: str) -> None:
    if not code.code_challenge:
        if verifier or app.is_public:
            raise invalid_grant("The authorization request had no code_challenge, so there is nothing to verify.")
        return
    if not pkce.is_proof(verifier, code.code_challenge):
        raise invalid_grant("The code_verifier is missing, or does not belong to the code_challenge.")


async def _refuse_replay(conn: Connection, client: Client, form: Form, credential: Credential) -> OAuthError:
    """Refuse a code that is gone; used again by its own client with the right verifier, it ends what came of it.

    Not so for requests that were under way before the first use was done: somebody has sent the form twice.
    """
    family = await queries.lock_family_of_code(conn, credential.prefix_hash)
    refusal = invalid_grant(_UNKNOWN)
    if family is None or family.app_id != client.app.id or not credential.is_proved_by(family.code_hash):
        return refusal
    verifier = form.get("code_verifier")
    is_proved = pkce.is_proof(verifier, family.code_challenge) if family.code_challenge else not verifier
    arrived_at = current_request().arrived_at
    if is_proved and (arrived_at is None or arrived_at >= family.created_at):
        await end_family(conn, client.app, family, reason="code_reuse")
    return refusal
