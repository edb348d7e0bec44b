"""The routes by which people sign in through GitHub: by its pages, or by a code that they type there."""

from typing import Any

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.login import callbacks
from homeport.identity.login.completing import Deployment
from homeport.identity.login.configured import Providers
from homeport.identity.login.github import visits
from homeport.identity.schemas import DeviceSignIn, ExternalAuthDevice
from homeport.kit.crypto import Cipher
from homeport.kit.routes import public


@get(
    "/users/oauth2/github/callback",
    opt={**public("people come here to sign in, and back from GitHub"), "rate_limit": "login"},
    status_code=307,
    tags=["Users"],
    summary="OAuth 2.0 GitHub Callback",
    description=(
        "Without a code (parameters `redirect` and `oidc_merge_state`), lead the browser to GitHub or to the page of the device "
        "flow. With `code` and `state`, sign in: a browser is sent on, whoever polls in the device flow is told where to go."
    ),
    responses={200: ResponseSpec(DeviceSignIn, description="Signed in by the device flow.", generate_examples=False)},
)
async def github_callback(
    request: callbacks.HttpRequest, db: Database, settings: Settings, cipher: Cipher, providers: Providers
) -> Response[Any]:
    """Without a code, send the browser to GitHub or to the page of the device flow; with one, sign in."""
    deployment = Deployment(db, settings, cipher)
    if visits.is_poll(request, providers):
        return await visits.poll(deployment, request, providers)
    return await callbacks.serve(request, settings, cipher, lambda: visits.visit(deployment, request, providers))


@get(
    "/users/oauth2/github/device",
    opt={**public("the page of the device flow asks"), "rate_limit": "login"},
    tags=["Users"],
    summary="Get Github device auth",
)
async def get_github_device(providers: Providers) -> Response[ExternalAuthDevice]:
    """Ask GitHub for a code that a person types there."""
    device = await visits.begin_device(providers)
    return Response(device, headers={"Cache-Control": "no-store"})


routes: list[Any] = [github_callback, get_github_device]
