"""What the provider publishes of itself: its endpoints (OpenID Connect Discovery 1.0) and its keys (RFC 7517).

Both are fetched when they are needed first and kept; a provider that is away at the start of the server, or later, costs nothing
but the sign-ins of that time. An unknown key makes the keys be fetched again, though not more often than every few seconds.
"""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from homeport.identity.login.outbound import CallFailed, call
from homeport.kit import clock
from homeport.kit.flights import Flights
from homeport.telemetry.logs import get_logger

_PATH: Final = "/.well-known/openid-configuration"
# Providers change these rarely; what is older is fetched again, and stays in use while that fails.
_KEPT_SECONDS: Final = 3600.0
_PAUSE_SECONDS: Final = 5.0
_KEYS_PAUSE_SECONDS: Final = 5.0
_ENDPOINTS: Final = (
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "end_session_endpoint",
)

_log = get_logger(__name__)


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the provider's document that counts here; lists that are absent are empty."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    scopes_supported: list[str] = []
    code_challenge_methods_supported: list[str] = []
    token_endpoint_auth_methods_supported: list[str] = []
    authorization_response_iss_parameter_supported: bool = False


class DiscoveryFailed(Exception):
    """The provider's document or keys cannot be had; the text is for logs and programs."""


class Discovery:
    """The document and the keys of one provider. One object for a process."""

    def __init__(self, issuer: str, *, must_match: bool = True) -> None:
        """`must_match`: the document must be about this very issuer."""
        self._issuer, self._must_match = issuer.rstrip("/"), must_match
        self._flights: Flights[Any] = Flights()
        self._metadata: Metadata | None = None
        self._keys: dict[str, Any] | None = None
        self._fetched_at: dict[str, float] = {}
        self._failed: dict[str, tuple[float, str]] = {}

    async def metadata(self) -> Metadata:
        """Return the provider's document. Raises DiscoveryFailed."""
        if self._metadata is not None and self._age("metadata") < _KEPT_SECONDS:
            return self._metadata
        try:
            self._metadata = await self._once("metadata", self._fetch_metadata)
        except DiscoveryFailed as error:
            if self._metadata is None:
                raise
            _log.warning("the document of the OIDC provider cannot be renewed", reason=str(error))
        return self._metadata

    async def keys(self) -> dict[str, Any]:
        """Return the provider's set of keys. Raises DiscoveryFailed."""
        if self._keys is not None and self._age("keys") < _KEPT_SECONDS:
            return self._keys
        try:
            self._keys = await self._once("keys", self._fetch_keys)
        except DiscoveryFailed as error:
            if self._keys is None:
                raise
            _log.warning("the keys of the OIDC provider cannot be renewed", reason=str(error))
        return self._keys

    async def renewed_keys(self, known: dict[str, Any]) -> dict[str, Any]:
        """Return newer keys than the known ones, because a token names none of those; the same where it is too early to ask."""
        if self._keys is not None and self._keys is not known:
            return self._keys
        if self._age("keys") < _KEYS_PAUSE_SECONDS:
            return known
        try:
            self._keys = await self._once("keys", self._fetch_keys)
        except DiscoveryFailed as error:
            _log.warning("the keys of the OIDC provider cannot be renewed", reason=str(error))
            return known
        return self._keys

    def _age(self, what: str) -> float:
        return clock.monotonic() - self._fetched_at.get(what, float("-inf"))

    async def _once(self, what: str, fetch: Any) -> Any:
        """Fetch once for all who ask at the same time, and not at all for a moment after a failure."""
        failed_at, reason = self._failed.get(what, (float("-inf"), ""))
        if clock.monotonic() - failed_at < _PAUSE_SECONDS:
            raise DiscoveryFailed(reason)
        return await self._flights.join(what, lambda: self._noted(what, fetch))

    async def _noted(self, what: str, fetch: Any) -> Any:
        try:
            found = await fetch()
        except (CallFailed, DiscoveryFailed) as error:
            self._failed[what] = (clock.monotonic(), str(error))
            raise DiscoveryFailed(str(error)) from error
        self._failed.pop(what, None)
        self._fetched_at[what] = clock.monotonic()
        return found

    async def _fetch_metadata(self) -> Metadata:
        answer = await call("GET", f"{self._issuer}{_PATH}")
        if not answer.is_success:
            raise DiscoveryFailed(f"{self._issuer}{_PATH} answers {answer.status}")
        document = {name: value for name, value in answer.json().items() if value is not None}
        try:
            found = msgspec.convert(document, Metadata)
        except msgspec.ValidationError as error:
            raise DiscoveryFailed(f"{self._issuer}{_PATH}: {error}") from error
        if self._must_match and found.issuer.rstrip("/") != self._issuer:
            raise DiscoveryFailed(f"the document is about the issuer {found.issuer}, and not about {self._issuer}")
        for name in _ENDPOINTS:
            if (address := document.get(name)) and not self._is_fit(address):
                raise DiscoveryFailed(f"{name} is no https address: {str(address)[:256]!r}")
        return found

    async def _fetch_keys(self) -> dict[str, Any]:
        metadata = await self.metadata()
        answer = await call("GET", metadata.jwks_uri)
        if not answer.is_success:
            raise DiscoveryFailed(f"{metadata.jwks_uri} answers {answer.status}")
        found = answer.json()
        if not isinstance(found.get("keys"), list):
            raise DiscoveryFailed(f"{metadata.jwks_uri} holds no keys")
        return found

    def _is_fit(self, address: Any) -> bool:
        """Tell whether an address is one to be asked: https, or http where the issuer has it, too."""
        if not isinstance(address, str) or not address.isprintable():
            return False
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and self._issuer.startswith("http://"))
        return is_safe and bool(parts.hostname)
