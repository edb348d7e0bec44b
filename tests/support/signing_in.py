"""A browser's way to a provider and back, step by step, against an application in the test's process."""

from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from homeport.database import Database
from tests.support.accounts import Api, build_api
from tests.support.issuer import Issuer

OIDC = "/users/oidc/callback"
HTML = {"Accept": "text/html,application/xhtml+xml"}


class Departure(msgspec.Struct, frozen=True):
    """Where a browser was sent, and the cookies that it got."""

    location: str
    cookies: dict[str, str]


def api_of(db: Database, issuer: Issuer, **settings: Any) -> Api:
    """Build an application whose people come through this provider."""
    return build_api(db, **{**issuer.settings, **settings})


async def depart(api: Api, *, path: str = OIDC, query: str = "") -> Departure:
    """Set out to the provider."""
    reply = await api.call(None, "GET", path + query)
    assert reply.status_code == 307, reply.text
    return Departure(reply.headers["location"], cookies_of(reply))


async def arrive(
    api: Api, answer: dict[str, str], cookies: dict[str, str], *, path: str = OIDC, **headers: str
) -> httpx.Response:
    """Come back from the provider with its answer and the cookies of the departure."""
    jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
    sent = {**({"Cookie": jar} if jar else {}), **headers}
    return await api.call(None, "GET", f"{path}?{urlencode(answer)}", headers=sent)


async def sign_in(api: Api, issuer: Issuer, *, query: str = "", **headers: str) -> httpx.Response:
    """Go the whole way; returns what the callback answers."""
    departure = await depart(api, query=query)
    return await arrive(api, issuer.authorize(departure.location), departure.cookies, **headers)


async def signed_in(api: Api, issuer: Issuer) -> str:
    """Go the whole way and return the session's token."""
    reply = await sign_in(api, issuer)
    assert reply.status_code == 307, reply.text
    return cookies_of(reply)["coder_session_token"]


def cookies_of(reply: httpx.Response) -> dict[str, str]:
    """Return the cookies that an answer sets; those that it ends are empty."""
    found: dict[str, str] = {}
    for line in reply.headers.get_list("set-cookie"):
        found.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
    return found


async def me(api: Api, token: str) -> httpx.Response:
    """Ask who the session belongs to."""
    return await api.call(None, "GET", "/users/me", headers={"Coder-Session-Token": token})
