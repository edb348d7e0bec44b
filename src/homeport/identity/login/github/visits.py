"""What happens when a browser comes to GitHub's callback, and while the page of the device flow waits (spec: identity 7.2, 7.3)."""

from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response

from homeport.identity.errors import DeviceFlowOff, DeviceRefused, ProviderOff
from homeport.identity.login import callbacks, redirecting
from homeport.identity.login.completing import Completion, Deployment, complete
from homeport.identity.login.configured import Providers
from homeport.identity.login.github.client import GithubClient
from homeport.identity.login.github.people import claimed
from homeport.identity.login.github.questions import NAME
from homeport.identity.login.redirecting import Journey
from homeport.identity.login.signing_in import SignUps
from homeport.identity.rules.github import PENDING
from homeport.identity.schemas import ExternalAuthDevice
from homeport.identity.service import attempts
from homeport.identity.types import LoginType, ProviderTokens
from homeport.kit.http import takes_html
from homeport.kit.request import current_request

DEVICE_PAGE: Final = "/login/device"


def is_poll(request: callbacks.HttpRequest, providers: Providers) -> bool:
    """Tell whether this is the page of the device flow, or a program, that asks what became of a code."""
    github = providers.github
    return (
        github is not None
        and github.has_device_flow
        and "code" in request.query_params
        and not takes_html(request.headers.get("accept", ""))
    )


async def visit(deployment: Deployment, request: callbacks.HttpRequest, providers: Providers) -> Response[Any]:
    """Send a browser away without a code; with one, sign in and send it on. Raises what refuses the person."""
    github = _require(providers)
    arrival = redirecting.arrive(request.query_params, request.cookies)
    if arrival is None:
        journey = redirecting.begin(request.query_params)
        device_page = f"{DEVICE_PAGE}?{urlencode({'state': journey.state})}"
        location = device_page if github.has_device_flow else github.authorization_url(journey)
        return callbacks.depart(deployment.settings, journey, location)
    if github.has_device_flow:
        tokens = await github.poll_device(arrival.code)
    else:
        tokens = await github.exchange(arrival.code, arrival.journey)
    return (await _complete(deployment, request, github, tokens, arrival.journey)).as_redirect


async def poll(deployment: Deployment, request: callbacks.HttpRequest, providers: Providers) -> Response[Any]:
    """Ask GitHub once what became of a code, and sign in when it was typed. Raises DeviceRefused with GitHub's word."""
    completion = await ask_once(deployment, request, providers, query=request.query_params)
    return completion.as_document


async def ask_once(
    deployment: Deployment, request: callbacks.HttpRequest, providers: Providers, *, query: Any
) -> Completion:
    """Ask GitHub once about the device code in `query`, whose state is that of the browser's journey."""
    github = require_device_flow(providers)
    arrival = redirecting.arrive(query, request.cookies)
    if arrival is None:
        raise DeviceFlowOff("There is no code to ask GitHub about.")
    try:
        tokens = await github.poll_device(arrival.code)
    except DeviceRefused as error:
        # Whoever waits at GitHub's pace tries nothing: many people behind one address may wait at once.
        if error.detail == PENDING:
            await attempts.uncount_address(deployment.db, deployment.settings, current_request().ip)
        raise
    return await _complete(deployment, request, github, tokens, arrival.journey)


async def begin_device(providers: Providers) -> ExternalAuthDevice:
    """Ask GitHub for a code. Raises ProviderOff and DeviceFlowOff (400), or that GitHub gives none."""
    code = await require_device_flow(providers).begin_device()
    return ExternalAuthDevice(
        device_code=code.device_code,
        user_code=code.user_code,
        verification_uri=code.verification_uri,
        expires_in=code.expires_in,
        interval=code.interval,
    )


async def _complete(
    deployment: Deployment,
    request: callbacks.HttpRequest,
    github: GithubClient,
    tokens: ProviderTokens,
    journey: Journey,
) -> Completion:
    settings = deployment.settings
    return await complete(
        deployment,
        request,
        login_type=LoginType.GITHUB,
        provider=github,
        person=await claimed(github, settings, tokens),
        sign_ups=SignUps(settings.oauth2_github_allow_signups),
        journey=journey,
    )


def _require(providers: Providers) -> GithubClient:
    if providers.github is None:
        raise ProviderOff(NAME)
    return providers.github


def require_device_flow(providers: Providers) -> GithubClient:
    """Return the client that signs in by codes. Raises ProviderOff, DeviceFlowOff (400)."""
    github = _require(providers)
    if not github.has_device_flow:
        raise DeviceFlowOff("Signing in by a code is switched off in this deployment (OAUTH2_GITHUB_DEVICE_FLOW).")
    return github
