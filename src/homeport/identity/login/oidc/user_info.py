"""The provider's userinfo endpoint (OpenID Connect Core 5.3): further claims of the person whose access token it is."""

from typing import Any

from homeport.identity.errors import ExchangeFailed, NotVouchedFor
from homeport.identity.login.oidc import id_tokens
from homeport.identity.login.oidc.discovery import Discovery, Metadata
from homeport.identity.login.outbound import Answer, CallFailed, call
from homeport.identity.types import ProviderTokens


async def read_user_info(
    discovery: Discovery, metadata: Metadata, tokens: ProviderTokens, id_token: dict[str, Any], *, name: str
) -> dict[str, Any]:
    """Return the claims, as JSON or signed. Raises ExchangeFailed, NotVouchedFor for those of somebody else, DiscoveryFailed."""
    try:
        answer = await call(
            "GET",
            metadata.userinfo_endpoint,
            headers={
                "Authorization": f"Bearer {tokens.access_token}",
                "Accept": "application/json, application/jwt;q=0.9",
            },
        )
        if not answer.is_success:
            raise CallFailed(f"the userinfo endpoint answers {answer.status}")
        found = await _claims(discovery, answer)
    except CallFailed as error:
        raise ExchangeFailed(name, str(error)) from error
    # Section 5.3.2: otherwise a token of somebody else could be slipped in.
    if found.get("sub") != id_token.get("sub"):
        raise NotVouchedFor(
            "The provider's userinfo speaks of somebody else than its ID token.",
            detail="The claims sub differ, or userinfo has none.",
        )
    return found


async def _claims(discovery: Discovery, answer: Answer) -> dict[str, Any]:
    if answer.media_type == "application/jwt":
        _, claims = await id_tokens.verified(discovery, answer.body.decode("ascii", "replace"))
        return claims
    return answer.json()
