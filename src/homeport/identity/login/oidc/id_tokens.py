"""Tokens that the provider has signed: their signature by its keys, and their claims (OpenID Connect Core 3.1.3.7)."""

from base64 import urlsafe_b64decode
from contextlib import suppress
from typing import Any, Final

import msgspec
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from homeport.identity.errors import NotVouchedFor
from homeport.identity.login.oidc.discovery import Discovery
from homeport.kit import clock

# Signatures by key pairs alone: `none` proves nothing, and an HMAC with a published key could be anybody's.
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
# Clocks of providers differ from ours.
LEEWAY_SECONDS: Final = 60
_MOST_KEYS: Final = 50
_MOST_BYTES: Final = 512 * 1024
_MOST_HEADER: Final = 16 * 1024
_UNPROVEN: Final = "The provider's ID token is not signed by a key of the provider, or not in a way that is accepted."


async def verified(discovery: Discovery, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a JWT that a key of the provider has signed. Raises NotVouchedFor, DiscoveryFailed.

    An unknown key may be a new one, so the keys are fetched again then, once.
    """
    keys = await discovery.keys()
    found = _by_keys(keys, token)
    if found is None:
        renewed = await discovery.renewed_keys(keys)
        found = _by_keys(renewed, token) if renewed is not keys else None
    if found is None:
        raise NotVouchedFor(_UNPROVEN, detail=_why_unproven(token))
    return found


async def verified_access_token(
    discovery: Discovery, token: str, *, issuer: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of an access token that is a JWT of the same issuer and good now. Raises NotVouchedFor."""
    try:
        header, claims = await verified(discovery, token)
    except NotVouchedFor as error:
        raise NotVouchedFor("The provider's access token is no JWT that it has signed.", detail=error.detail) from None
    now = clock.now().timestamp()
    ends = claims.get("exp")
    if claims.get("iss") != issuer or not isinstance(ends, int | float) or ends + LEEWAY_SECONDS <= now:
        raise NotVouchedFor("The provider's access token is not of the issuer of its ID token, or has expired.")
    return header, claims


def check_claims(
    header: dict[str, Any],
    claims: dict[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str = "",
    access_token: str = "",
) -> None:
    """Hold the claims of an ID token against what they must be. An empty issuer or nonce is not asked for.

    Raises NotVouchedFor: issuer, audience, times, nonce, authorized party or the access token's hash is not right.
    """
    options: dict[str, Any] = {"aud": {"essential": True, "value": client_id}}
    if issuer:
        options["iss"] = {"essential": True, "value": issuer}
    parameters = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
    try:
        CodeIDToken(claims, header, options, parameters).validate(
            now=int(clock.now().timestamp()), leeway=LEEWAY_SECONDS
        )
    except ExpiredTokenError:
        raise NotVouchedFor("The provider's ID token has expired. Sign in again.") from None
    except MissingClaimError as error:
        raise NotVouchedFor("The provider's ID token lacks a claim.", detail=_words(error)) from None
    except InvalidClaimError as error:
        raise NotVouchedFor("The provider's ID token is not for this sign-in.", detail=_words(error)) from None
    except (JoseError, TypeError, ValueError) as error:
        raise NotVouchedFor("The provider's ID token is not valid.", detail=_words(error)) from None


def _words(error: Exception) -> str:
    return str(getattr(error, "description", "") or error)


def _by_keys(jwks: dict[str, Any], token: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return header and claims where one of the keys has signed; the one that is named, or any where none is."""
    header = _header(token)
    if header is None:
        return None
    kid = header.get("kid")
    registry = _registry()
    for key in jwks["keys"][:_MOST_KEYS]:
        if not isinstance(key, dict) or key.get("use", "sig") != "sig" or (kid and key.get("kid") not in (kid, None)):
            continue
        # A key of a kind that we do not know is not this one; claims that nobody can read are nobody's.
        with suppress(JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            only = KeySet.import_key_set({"keys": [key]}).keys[0]
            found = jwt.decode(token, only, algorithms=list(ALGORITHMS), registry=registry)
            return dict(found.header), dict(found.claims)
    return None


def _registry() -> JWSRegistry:
    """Return what is accepted: our algorithms, large tokens (those of people with many groups), header members of all kinds."""
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    registry.max_payload_length, registry.max_header_length = _MOST_BYTES, _MOST_HEADER
    return registry


def _header(token: str) -> dict[str, Any] | None:
    """Return the header of a JWT, of which nothing is proven yet; None where it is none."""
    parts = token.split(".")
    if len(parts) != 3 or len(parts[0]) > _MOST_HEADER:
        return None
    try:
        found = msgspec.json.decode(urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _why_unproven(token: str) -> str:
    """Say what a person who sets up the provider can use; nothing of the token's contents."""
    header = _header(token)
    if header is None:
        return "It is no JWT."
    return f"It names the algorithm {str(header.get('alg'))[:64]!r} and the key {str(header.get('kid'))[:64]!r}."
