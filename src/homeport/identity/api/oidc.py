"""The route to which the OpenID Connect provider sends browsers back, and by which they set out."""

from typing import Any

from litestar import Response, get

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.errors import ProviderOff
from homeport.identity.login import callbacks, redirecting
from homeport.identity.login.completing import Deployment, complete
from homeport.identity.login.configured import Providers
from homeport.identity.types import LoginType
from homeport.kit.crypto import Cipher
from homeport.kit.routes import public


@get(
    "/users/oidc/callback",
    opt={**public("people come here to sign in, and back from the provider"), "rate_limit": "login"},
    status_code=307,
    tags=["Users"],
    summary="OpenID Connect Callback",
)
async def oidc_callback(
    request: callbacks.HttpRequest, db: Database, settings: Settings, cipher: Cipher, providers: Providers
) -> Response[Any]:
    """Without a code, send the browser to the provider; with one, sign in and go where the person wanted to go."""

    async def work() -> Response[Any]:
        if (client := providers.oidc) is None:
            raise ProviderOff("OpenID Connect")
        arrival = redirecting.arrive(request.query_params, request.cookies)
        if arrival is None:
            journey = redirecting.begin(request.query_params)
            return callbacks.depart(settings, journey, await client.authorization_url(journey))
        person = await client.claim(arrival.code, arrival.journey, issuer=request.query_params.get("iss", ""))
        done = await complete(
            Deployment(db, settings, cipher),
            request,
            login_type=LoginType.OIDC,
            provider=client,
            person=person,
            sign_ups=client.sign_ups,
            journey=arrival.journey,
        )
        return done.as_redirect

    return await callbacks.serve(request, settings, cipher, work)


routes: list[Any] = [oidc_callback]
