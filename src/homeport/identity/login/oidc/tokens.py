"""The provider's token endpoint: a code into tokens, a refresh token into new ones (RFC 6749 sections 4.1.3, 5 and 6)."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from homeport.identity.login.oidc.discovery import Metadata
from homeport.identity.login.outbound import Answer, CallFailed, call
from homeport.identity.types import ProviderTokens
from homeport.kit import clock
from homeport.kit.names import is_storable

# What says that this very grant is good no more, and not that something is wrong at the moment (RFC 6749 section 5.2).
_FINAL: Final = frozenset({"invalid_grant"})
# A decade; what lasts longer never ends as far as a session is concerned.
_LONGEST: Final = 10 * 365 * 24 * 3600


class TokensRefused(Exception):
    """The endpoint answered with an error, or with what cannot be used. `is_final`: the grant itself is good no more."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Granted(msgspec.Struct, frozen=True):
    """What the endpoint gave."""

    tokens: ProviderTokens
    id_token: str = ""


class TokenEndpoint:
    """Asks the endpoint in the name of one client."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._client_id, self._client_secret = client_id, client_secret

    async def exchange(self, metadata: Metadata, code: str, *, verifier: str, redirect_uri: str) -> Granted:
        """Redeem a code. Raises TokensRefused, CallFailed."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._ask(metadata, {**form, "code_verifier": verifier} if verifier else form)

    async def refresh(self, metadata: Metadata, refresh_token: str) -> Granted:
        """Redeem a refresh token. Raises TokensRefused, CallFailed."""
        return await self._ask(metadata, {"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def _ask(self, metadata: Metadata, form: Mapping[str, str]) -> Granted:
        headers, proof = self._proof(metadata)
        answer = await call("POST", metadata.token_endpoint, form={**form, **proof}, headers=headers)
        return _granted(answer)

    def _proof(self, metadata: Metadata) -> tuple[dict[str, str], dict[str, str]]:
        """Return headers and fields that prove the client (RFC 6749 section 2.3.1): by Basic unless the provider takes forms alone."""
        if not self._client_secret:
            return {}, {"client_id": self._client_id}
        methods = metadata.token_endpoint_auth_methods_supported
        if methods and "client_secret_basic" not in methods and "client_secret_post" in methods:
            return {}, {"client_id": self._client_id, "client_secret": self._client_secret}
        pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, {}


def _granted(answer: Answer) -> Granted:
    try:
        found = answer.json()
    except CallFailed:
        raise TokensRefused(f"the token endpoint answers {answer.status} without JSON") from None
    if "error" in found or not answer.is_success:
        code = str(found.get("error", ""))[:64]
        words = str(found.get("error_description", ""))[:256]
        reason = f"the token endpoint answers {answer.status} {code}: {words}".rstrip(": ")
        raise TokensRefused(reason, is_final=code in _FINAL)
    access_token = found.get("access_token")
    if not isinstance(access_token, str) or not access_token or not is_storable(access_token):
        raise TokensRefused("the token endpoint gave no access token")
    if str(found.get("token_type", "bearer")).lower() != "bearer":
        raise TokensRefused("the token endpoint gave a token that is no bearer token")
    tokens = ProviderTokens(access_token, _text(found.get("refresh_token")), _ends_at(found.get("expires_in")))
    return Granted(tokens, _text(found.get("id_token")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) and is_storable(value) else ""


def _ends_at(expires_in: Any) -> Any:
    """Return when a token ends; some providers send the seconds as text. None where they say nothing that can be used."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return None
    # What is over at once is over, and does not last for ever.
    return clock.now() + timedelta(seconds=max(seconds, 0.0)) if seconds <= _LONGEST else None
