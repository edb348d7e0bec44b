"""The token endpoint: who asks, by which grant, and whether they may (RFC 6749 section 3.2)."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from homeport.config import Settings
from homeport.database import Database
from homeport.oauth2.errors import OAuthError, unauthorized_client
from homeport.oauth2.rules import client_authentication
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.schemas.tokens import OAuth2TokenResponse
from homeport.oauth2.service.attempts import Attempts
from homeport.oauth2.service.clients import Client, authenticate_client
from homeport.oauth2.service.tokens import client_credentials, code_grant, device_grant, refresh_grant
from homeport.oauth2.types import GrantType

Redeem = Callable[[Database, Settings, Client, Form], Awaitable[OAuth2TokenResponse]]

_GRANTS: Final[Mapping[str, Redeem]] = MappingProxyType(
    {
        GrantType.AUTHORIZATION_CODE: code_grant.redeem_code,
        GrantType.REFRESH_TOKEN: refresh_grant.refresh,
        GrantType.CLIENT_CREDENTIALS: client_credentials.issue_for_service,
        GrantType.DEVICE_CODE: device_grant.redeem_device_code,
    }
)
PARAMETERS: Final = (
    frozenset({"grant_type", "resource"})
    | client_authentication.PARAMETERS
    | code_grant.PARAMETERS
    | refresh_grant.PARAMETERS
    | client_credentials.PARAMETERS
    | device_grant.PARAMETERS
)


async def answer_token_request(
    db: Database, settings: Settings, attempts: Attempts, *, authorization: str, form: Form
) -> OAuth2TokenResponse:
    """Answer a token request. Raises OAuthError with the code that the standards have for what is wrong.

    Wrong secrets, codes and tokens count against the address and the client that it names; right ones never do.
    """
    redeem = _GRANTS.get(form.get("grant_type"))
    if redeem is None:
        raise OAuthError("unsupported_grant_type", "The grant_type is missing, or none that this server has.")
    async with attempts.counted(client_authentication.claimed_client_id(authorization, form)):
        client = await authenticate_client(db, settings, authorization=authorization, form=form)
        if form.get("grant_type") not in client.app.grant_types:
            raise unauthorized_client("This client is not registered for this grant_type.")
        return await redeem(db, settings, client, form)
