"""The client of one OpenID Connect provider: where a person is sent, and what comes of the code they bring back.

It knows the provider and the claims; whose account it is and what is stored is the business of `signing_in`.
"""

from typing import Any, Final

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from homeport.config import Settings
from homeport.identity.errors import ExchangeFailed, NotVouchedFor, ProviderUnreachable
from homeport.identity.login.oidc import id_tokens
from homeport.identity.login.oidc.discovery import Discovery, DiscoveryFailed, Metadata
from homeport.identity.login.oidc.tokens import Granted, TokenEndpoint, TokensRefused
from homeport.identity.login.oidc.user_info import read_user_info
from homeport.identity.login.outbound import CallFailed
from homeport.identity.login.providers import RefreshFailed
from homeport.identity.login.redirecting import Journey
from homeport.identity.login.signing_in import SignUps
from homeport.identity.rules.claiming import storable
from homeport.identity.rules.oidc_claims import Fields, linked_id_of, merge_access_token, merge_user_info, profile_of
from homeport.identity.types import Claimed, LinkClaims, ProviderTokens
from homeport.telemetry.logs import get_logger

CALLBACK: Final = "/api/v2/users/oidc/callback"
_OFFLINE: Final = "offline_access"

_log = get_logger(__name__)


class OidcClient:
    """One provider as the settings describe it. One object for a process; it needs the provider only when somebody signs in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._discovery = Discovery(settings.oidc_issuer_url, must_match=not settings.dangerous_oidc_skip_issuer_checks)
        self._tokens = TokenEndpoint(settings.oidc_client_id, settings.oidc_client_secret)
        self.redirect_uri = settings.access_url.rstrip("/") + CALLBACK
        self._fields = Fields(
            email=settings.oidc_email_field,
            username=settings.oidc_username_field,
            name=settings.oidc_name_field,
            email_domains=settings.oidc_email_domain,
            is_email_trusted=settings.oidc_ignore_email_verified,
        )

    @property
    def name(self) -> str:
        """The name by which people know the provider."""
        return self._settings.oidc_sign_in_text

    @property
    def sign_ups(self) -> SignUps:
        """Whether people of this provider may make themselves accounts."""
        return SignUps(self._settings.oidc_allow_signups, self._settings.oidc_signups_disabled_text)

    async def greet(self) -> None:
        """Ask the provider who it is, so that a wrong setting shows in the log at the start; it being away stops nothing."""
        try:
            metadata = await self._discovery.metadata()
        except DiscoveryFailed as error:
            _log.warning(
                "the OIDC provider cannot be reached; it is asked again when somebody signs in", reason=str(error)
            )
            return
        if _OFFLINE not in self._scopes(metadata):
            _log.warning(
                "the OIDC provider offers no offline_access: unless it gives refresh tokens all the same, "
                "people sign in again whenever its access tokens end"
            )

    async def authorization_url(self, journey: Journey) -> str:
        """Return where a browser is sent to sign in. Raises ProviderUnreachable."""
        metadata = await self._metadata()
        parameters: dict[str, str] = dict(_pair(entry) for entry in self._settings.oidc_auth_url_params)
        scope = parameters.pop("scope", "") or " ".join(self._scopes(metadata))
        parameters["nonce"] = journey.nonce
        if self._has_pkce(metadata):
            parameters["code_challenge"] = create_s256_code_challenge(journey.verifier)
            parameters["code_challenge_method"] = "S256"
        location: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._settings.oidc_client_id,
            "code",
            redirect_uri=self.redirect_uri,
            scope=scope,
            state=journey.state,
            **parameters,
        )
        return location

    async def claim(self, code: str, journey: Journey, *, issuer: str = "") -> Claimed:
        """Return the person for whom the provider has given this code. `issuer` is what the answer itself says (RFC 9207).

        Raises NotVouchedFor, AddressNotAllowed, ExchangeFailed, ProviderUnreachable.
        """
        metadata = await self._metadata()
        self._check_answer(metadata, issuer)
        if not journey.nonce:
            raise NotVouchedFor("This sign-in was not begun in this browser. Start again from the sign-in page.")
        granted = await self._exchange(metadata, code, journey)
        try:
            id_token = await self._id_token(metadata, granted, nonce=journey.nonce)
            linked_id = linked_id_of(id_token)
            claims = await self._all_claims(metadata, granted, id_token)
        except DiscoveryFailed as error:
            raise ProviderUnreachable(self.name, str(error)) from error
        if not granted.tokens.refresh_token and granted.tokens.expires_at is not None:
            _log.warning(
                "the OIDC provider gave no refresh token: the session ends with the access token",
                linked_id=linked_id[:256],
                ends_at=granted.tokens.expires_at.isoformat(),
            )
        profile = profile_of(claims.merged_claims, self._fields)
        return Claimed(
            linked_id=linked_id,
            email=profile.email,
            username=profile.username,
            name=profile.name,
            avatar_url=profile.avatar_url,
            claims=claims,
            tokens=granted.tokens,
        )

    async def refresh(self, refresh_token: str, *, linked_id: str) -> ProviderTokens:
        """Return new tokens of a person. An ID token that comes with them must be about the same one. Raises RefreshFailed."""
        try:
            metadata = await self._discovery.metadata()
            # Before the token is shown, which may be good once: without keys what comes of it could not be believed.
            await self._discovery.keys()
            granted = await self._tokens.refresh(metadata, refresh_token)
        except TokensRefused as error:
            raise RefreshFailed(str(error), is_final=error.is_final) from error
        except (CallFailed, DiscoveryFailed) as error:
            raise RefreshFailed(str(error), is_final=False) from error
        if granted.id_token:
            await self._check_refreshed(metadata, granted, linked_id)
        return granted.tokens

    async def _check_refreshed(self, metadata: Metadata, granted: Granted, linked_id: str) -> None:
        try:
            header, claims = await id_tokens.verified(self._discovery, granted.id_token)
            self._check_id_token(metadata, header, claims, access_token=granted.tokens.access_token)
            is_same = linked_id_of(claims) == linked_id
        except DiscoveryFailed as error:
            raise RefreshFailed(str(error), is_final=False, given=granted.tokens) from error
        except NotVouchedFor as error:
            reason = f"{error.message} {error.detail}".strip()
            raise RefreshFailed(reason, is_final=False, given=granted.tokens) from error
        if not is_same:
            raise RefreshFailed("the provider answered with tokens of somebody else", is_final=True)

    async def _metadata(self) -> Metadata:
        try:
            return await self._discovery.metadata()
        except DiscoveryFailed as error:
            raise ProviderUnreachable(self.name, str(error)) from error

    def _scopes(self, metadata: Metadata) -> list[str]:
        """Return what is asked for: without offline_access most providers give no refresh token."""
        wanted = ["openid", *self._settings.oidc_scopes]
        if _OFFLINE in metadata.scopes_supported:
            wanted.append(_OFFLINE)
        return list(dict.fromkeys(wanted))

    def _has_pkce(self, metadata: Metadata) -> bool:
        """Whether the provider takes S256; one that does not say is sent it, for who does not know it ignores it."""
        methods = metadata.code_challenge_methods_supported
        return not methods or "S256" in methods

    def _check_answer(self, metadata: Metadata, issuer: str) -> None:
        """Hold the issuer that the answer names against the one that was asked (RFC 9207 section 2.4)."""
        if self._settings.dangerous_oidc_skip_issuer_checks:
            return
        if not issuer and metadata.authorization_response_iss_parameter_supported:
            raise NotVouchedFor("The provider's answer does not name its issuer (iss), as it says that its answers do.")
        if issuer and issuer != metadata.issuer:
            raise NotVouchedFor(
                "The answer comes from another issuer than the one that was asked.", detail=issuer[:256]
            )

    async def _exchange(self, metadata: Metadata, code: str, journey: Journey) -> Granted:
        verifier = journey.verifier if self._has_pkce(metadata) else ""
        try:
            return await self._tokens.exchange(metadata, code, verifier=verifier, redirect_uri=self.redirect_uri)
        except TokensRefused as error:
            raise ExchangeFailed(self.name, str(error)) from error
        except CallFailed as error:
            raise ProviderUnreachable(self.name, str(error)) from error

    async def _id_token(self, metadata: Metadata, granted: Granted, *, nonce: str) -> dict[str, Any]:
        if not granted.id_token:
            raise NotVouchedFor(
                "The provider gave no ID token.", detail="The scope openid may not be granted to this client."
            )
        header, claims = await id_tokens.verified(self._discovery, granted.id_token)
        self._check_id_token(metadata, header, claims, nonce=nonce, access_token=granted.tokens.access_token)
        return claims

    def _check_id_token(self, metadata: Metadata, header: dict[str, Any], claims: dict[str, Any], **more: str) -> None:
        issuer = "" if self._settings.dangerous_oidc_skip_issuer_checks else metadata.issuer
        id_tokens.check_claims(header, claims, issuer=issuer, client_id=self._settings.oidc_client_id, **more)

    async def _all_claims(self, metadata: Metadata, granted: Granted, id_token: dict[str, Any]) -> LinkClaims:
        first = storable(id_token)
        if self._settings.oidc_access_token_claims:
            _, found = await id_tokens.verified_access_token(
                self._discovery, granted.tokens.access_token, issuer=str(id_token.get("iss", ""))
            )
            return LinkClaims(first, {}, merge_access_token(first, storable(found)))
        if self._settings.oidc_ignore_userinfo:
            return LinkClaims(first, {}, first)
        if not metadata.userinfo_endpoint:
            _log.warning("the OIDC provider has no userinfo endpoint; the claims of the ID token have to do")
            return LinkClaims(first, {}, first)
        found = storable(await read_user_info(self._discovery, metadata, granted.tokens, id_token, name=self.name))
        return LinkClaims(first, found, merge_user_info(first, found))


def _pair(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition("=")
    return name.strip(), value.strip()
