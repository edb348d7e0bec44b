"""Proof of a client by a signed assertion (private_key_jwt, RFC 7523): signature, claims, and each only once."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from homeport.config import Settings
from homeport.database import Database
from homeport.kit import clock
from homeport.kit.crypto import hash_token
from homeport.oauth2.errors import OAuthError, invalid_client
from homeport.oauth2.queries.single_uses import insert_single_use
from homeport.oauth2.rules.assertions import ALGORITHMS, LEEWAY, claims_problem
from homeport.oauth2.service.keys import keys_of
from homeport.oauth2.types import AppRow, AuthMethod

_ALGORITHMS: Final = list(ALGORITHMS)
_MOST_KEYS: Final = 20
_UNPROVED: Final = "The client assertion is not signed with a key of this client, or not by an algorithm of ours."


async def verify_assertion(db: Database, settings: Settings, app: AppRow, assertion: str) -> None:
    """Return when the assertion proves the client. Raises invalid_client; an assertion that was used counts no more."""
    if app.token_endpoint_auth_method != AuthMethod.PRIVATE_KEY_JWT:
        raise invalid_client("This client is not registered for private_key_jwt.")
    claims = await _claims(settings, app, assertion)
    problem = claims_problem(claims, client_id=app.client_id, issuer=settings.access_url.rstrip("/"), now=clock.now())
    if problem:
        raise invalid_client(problem)
    # Kept until no clock of ours would accept it any more.
    expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC) + 2 * LEEWAY
    if not await insert_single_use(db, hash_token(f"jti {app.id} {claims['jti']}"), expires_at):
        raise invalid_client("This assertion was used before; sign a new one for each request.")


async def _claims(settings: Settings, app: AppRow, assertion: str) -> dict[str, Any]:
    """Return the claims that a key of the client has signed; keys that it publishes may have been renewed since we looked."""
    keys = await keys_of(settings, app)
    try:
        return _verified_claims(keys, assertion)
    except OAuthError:
        renewed = await keys_of(settings, app, is_key_unknown=True)
        if renewed is keys:
            raise
    return _verified_claims(renewed, assertion)


def _verified_claims(jwks: dict[str, Any], assertion: str) -> dict[str, Any]:
    try:
        keys = KeySet.import_key_set(jwks)  # type: ignore[arg-type]  # checked by what it does
        for key in _candidates(keys, assertion):
            with suppress(JoseError, ValueError, TypeError, KeyError):
                return dict(jwt.decode(assertion, key, algorithms=_ALGORITHMS).claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        pass
    raise invalid_client(_UNPROVED)


def _candidates(keys: KeySet, assertion: str) -> list[Any]:
    """Return what may verify: the set, from which the key that is named is taken, or each key where none is named."""
    header = extract_compact(assertion.encode()).headers()
    return [keys] if header.get("kid") else list(keys.keys[:_MOST_KEYS])
