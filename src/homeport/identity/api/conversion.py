"""The route by which people begin to convert their account."""

from typing import Any

from litestar import Response, post

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.login.configured import Providers
from homeport.identity.login.converting import begin_conversion, conversion_cookie
from homeport.identity.schemas import ConvertLoginRequest, OAuthConversionResponse
from homeport.identity.types import Identity
from homeport.kit.crypto import Cipher
from homeport.kit.routes import requires


@post(
    "/users/{user:str}/convert-login",
    opt={**requires("user:update_personal"), "rate_limit": "login"},
    tags=["Authorization"],
    summary="Convert user from password to oauth authentication",
    description="Go on to the provider's callback with the state as `oidc_merge_state`, in the browser that got the cookie.",
)
async def convert_login(
    user: str,
    data: ConvertLoginRequest,
    identity: Identity,
    db: Database,
    settings: Settings,
    cipher: Cipher,
    providers: Providers,
) -> Response[OAuthConversionResponse]:
    """Begin to make one's own account sign in by a provider in place of a password."""
    made = await begin_conversion(
        db, settings, providers, identity=identity, value=user, to_type=data.to_type, password=data.password
    )
    answer = OAuthConversionResponse(
        state_string=made.state, expires_at=made.expires_at, to_type=made.to_login_type, user_id=made.user_id
    )
    cookie = conversion_cookie(settings, cipher, made)
    return Response(answer, status_code=201, cookies=[cookie], headers={"Cache-Control": "no-store"})


routes: list[Any] = [convert_login]
