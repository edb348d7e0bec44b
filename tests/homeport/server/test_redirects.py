"""Every place that redirects by what a request says: whatever is tried, browsers stay on this server."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, quote, quote_from_bytes, urlencode

import pytest

from homeport.identity.login import redirecting
from homeport.identity.service.passwords import hash_password
from homeport.kit.addresses import local_path
from tests.homeport.server.deployment import Deployment
from tests.homeport.server.driver import Answer, send
from tests.homeport.server.samples import PASSWORD
from tests.support.tricks import FAR, PATHS, TRICKS

FORM = "application/x-www-form-urlencoded"
CSRF = "c" * 43
PAGE = [("accept", "text/html"), ("user-agent", "Mozilla/5.0")]


def _strays(location: str) -> bool:
    """Tell whether a browser that follows this Location could leave, read as strictly as any of them reads it."""
    return not location.isascii() or not location.isprintable() or local_path(location) != location


def _problems(found: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> list[str]:
    return [f"{what}: {location!r}" for what, location in found if _strays(location)]


def _location(answer: Answer) -> str:
    assert answer.status in {302, 303, 307}, answer
    return answer.headers["location"]


def _as_query(target: str) -> str:
    return quote_from_bytes(target.encode("utf-8", "surrogatepass"), safe="")


@pytest.mark.requirement("REDIRECT-TRICKS-02")
async def test_whoever_is_signed_in_already_goes_on_here(deployment: Deployment) -> None:
    person = await deployment.accounts.make()
    found = []
    for target in (*TRICKS, *PATHS):
        headers = [*PAGE, ("cookie", f"coder_session_token={person.token}")]
        answer = await send(deployment.asgi, "GET", f"/login?redirect={_as_query(target)}", headers=headers)
        found.append((target[:40], _location(answer)))
        if target in TRICKS:
            assert found[-1][1] == "/", target
    assert _problems(found) == []
    assert found[-len(PATHS) + 1][1] == "/workspaces"


@pytest.mark.requirement("REDIRECT-TRICKS-02")
async def test_the_form_keeps_no_trick_and_signing_in_follows_none(deployment: Deployment) -> None:
    person = await deployment.accounts.make("owner")
    await deployment.db.execute(
        "update users set hashed_password = $2 where id = $1", person.id, await hash_password(PASSWORD)
    )
    for target in TRICKS:
        page = await send(deployment.asgi, "GET", f"/login?redirect={_as_query(target)}", headers=PAGE)
        assert page.status == 200
        (kept,) = re.findall(r'name="redirect" value="([^"]*)"', page.body.decode())
        assert unescape(kept) == "/", target
    # Signing in costs a slow hash: one of each family.
    for target in TRICKS[::7]:
        fields = {"csrf_token": CSRF, "email": person.email, "password": PASSWORD, "redirect": target}
        headers = [*PAGE, ("cookie", f"csrf_token={CSRF}"), ("sec-fetch-site", "same-origin")]
        answer = await send(
            deployment.asgi, "POST", "/login", headers=headers, body=urlencode(fields).encode(), kind=FORM
        )
        assert _location(answer) == "/", target


@pytest.mark.requirement("REDIRECT-TRICKS-02")
async def test_strangers_come_back_to_what_they_asked_for_and_to_nothing_else(deployment: Deployment) -> None:
    await deployment.accounts.make("owner")
    asked = ["/workspaces", "/@ada/dev", "/templates/x", "/account", "/users/x", "/organizations/x"]
    tails = [quote(target, safe="/\\@:?=%") for target in TRICKS]
    targets = [
        *asked,
        *(f"{path}/{tail}" for path in asked for tail in tails),
        *(f"/{tail.lstrip('/')}" for tail in tails),
    ]
    targets += [f"/workspaces?redirect={_as_query(target)}" for target in TRICKS]
    problems, count = [], 0
    for target in targets:
        answer = await send(deployment.asgi, "GET", target, headers=PAGE)
        assert answer.status < 500, target
        if (location := answer.headers.get("location")) is None:
            continue
        count += 1
        path, _, query = location.partition("?")
        if path != "/login" or not location.isascii() or not location.isprintable():
            problems.append(f"{target}: {location!r}")
        problems += [
            f"{target}: back to {back!r}" for back in parse_qs(query).get("redirect", ()) if local_path(back) != back
        ]
    assert problems == []
    assert count > len(TRICKS)


@pytest.mark.requirement("REDIRECT-TRICKS-02")
async def test_pages_of_the_authorization_server_send_nobody_to_an_address_that_is_not_registered(
    deployment: Deployment,
) -> None:
    owner, person = await deployment.accounts.make("owner"), await deployment.accounts.make()
    known = await deployment.application(owner, person)
    for target in TRICKS:
        query = f"client_id={known['client_id']}&response_type=code&state=s&redirect_uri={_as_query(target)}&redirect={_as_query(target)}"
        for headers in (PAGE, [*PAGE, ("cookie", f"coder_session_token={person.token}")]):
            answer = await send(deployment.asgi, "GET", f"/oauth2/authorize?{query}", headers=headers)
            assert answer.status < 500, target
            location = answer.headers.get("location", "/")
            assert FAR not in location.partition("?")[0], target
            assert (
                location.startswith(("/login?", "/oauth2/", "https://client.example/callback?")) or location == "/"
            ), location
            back = parse_qs(location.partition("?")[2]).get("redirect", ["/"])
            assert all(local_path(one) == one for one in back), location
    for target in TRICKS:
        answer = await send(
            deployment.asgi, "GET", f"/oauth2/device/verify?user_code={_as_query(target)}", headers=PAGE
        )
        path, _, query = answer.headers.get("location", "/login").partition("?")
        assert path == "/login", target
        assert all(local_path(one) == one for one in parse_qs(query).get("redirect", ["/"])), target


@pytest.mark.requirement("REDIRECT-TRICKS-02")
@pytest.mark.parametrize("target", TRICKS)
def test_the_way_through_a_provider_leads_back_here(target: str) -> None:
    redirect = redirecting.begin({"redirect": target}).redirect
    assert local_path(redirect) == redirect
    assert FAR not in redirect.partition("?")[0]
    cookies = {"oauth_state": "s", "oauth_redirect": quote(target, safe="")}
    arrived = redirecting.arrive({"code": "c", "state": "s"}, cookies)
    assert arrived is not None
    assert local_path(arrived.journey.redirect) == arrived.journey.redirect
    assert FAR not in arrived.journey.redirect.partition("?")[0]
