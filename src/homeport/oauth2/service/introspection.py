"""Introspection (RFC 7662): what a client's own token is good for at this moment.

Only clients that can prove themselves may ask, and only about tokens that were issued to them: of all others they learn
that they are not active, as of tokens that never were.
"""

from datetime import datetime
from typing import Final

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.rules import MalformedToken, parse_token
from homeport.kit import clock
from homeport.kit.crypto import hash_token, tokens_equal
from homeport.oauth2.errors import invalid_client
from homeport.oauth2.queries import tokens as queries
from homeport.oauth2.queries.tokens import SeenToken
from homeport.oauth2.rules import client_authentication, resources
from homeport.oauth2.rules.credentials import CredentialKind, read_credential
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.schemas.tokens import OAuth2IntrospectionResponse
from homeport.oauth2.service.attempts import Attempts
from homeport.oauth2.service.clients import authenticate_client
from homeport.oauth2.types import AppRow, AuthMethod

PARAMETERS: Final = frozenset({"token", "token_type_hint"}) | client_authentication.PARAMETERS
_INACTIVE: Final = OAuth2IntrospectionResponse(active=False)


async def introspect(
    db: Database, settings: Settings, attempts: Attempts, *, authorization: str, form: Form
) -> OAuth2IntrospectionResponse:
    """Say what a token is good for. Raises invalid_client (401) unless a client has proved itself."""
    async with attempts.counted(client_authentication.claimed_client_id(authorization, form)):
        client = await authenticate_client(db, settings, authorization=authorization, form=form)
        if client.method == AuthMethod.NONE:
            raise invalid_client("A public client cannot prove itself, so it may not introspect tokens.")
    text, now = form.need("token"), clock.now()
    seen, expires_at, is_refresh_token = await _find(db, text)
    if seen is None or seen.token.app_id != client.app.id or not seen.is_active or expires_at <= now:
        return _INACTIVE
    return _answer(settings, client.app, seen, expires_at, is_refresh_token=is_refresh_token)


async def _find(db: Database, text: str) -> tuple[SeenToken | None, datetime, bool]:
    """Return the token that a text proves, when it expires, and whether it is a refresh token."""
    credential = read_credential(CredentialKind.REFRESH_TOKEN, text)
    if credential is not None:
        seen = await queries.find_token_by_prefix(db, credential.prefix_hash)
        if seen is not None and credential.is_proved_by(seen.token.refresh_hash):
            return seen, seen.token.expires_at, True
        return None, clock.now(), True
    try:
        key_id, secret = parse_token(text)
    except MalformedToken:
        return None, clock.now(), False
    seen = await queries.find_token_of_key(db, key_id)
    if seen is not None and tokens_equal(hash_token(secret), seen.hashed_secret):
        return seen, seen.key_expires_at, False
    return None, clock.now(), False


def _answer(
    settings: Settings, app: AppRow, seen: SeenToken, expires_at: datetime, *, is_refresh_token: bool
) -> OAuth2IntrospectionResponse:
    issuer = settings.access_url.rstrip("/")
    return OAuth2IntrospectionResponse(
        active=True,
        scope=" ".join(seen.token.scopes),
        client_id=app.client_id,
        username=seen.username,
        token_type="refresh_token" if is_refresh_token else "Bearer",
        exp=int(expires_at.timestamp()),
        iat=int(seen.token.created_at.timestamp()),
        sub=str(seen.token.user_id),
        aud=seen.token.audience or resources.resources_of(settings.access_url)[0],
        iss=issuer,
    )
