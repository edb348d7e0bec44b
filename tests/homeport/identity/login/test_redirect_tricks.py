"""Whatever a link into a way through a provider names, the person ends on this server: at its end, and where it fails."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, quote_from_bytes

import pytest

from homeport.database import Database
from homeport.identity.service.passwords import hash_password
from homeport.kit.addresses import local_path
from tests.support.github import GitHub
from tests.support.github_world import HTML, MakeWorld
from tests.support.issuer import Issuer
from tests.support.signing_in import OIDC, api_of, arrive, cookies_of
from tests.support.tricks import FAR, PATHS, TRICKS

PASSWORD = "Harbour-Light-77"
FLOW = {"OAUTH2_GITHUB_DEVICE_FLOW": "true", "OAUTH2_GITHUB_CLIENT_SECRET": None}


def _as_query(target: str) -> str:
    return quote_from_bytes(target.encode("utf-8", "surrogatepass"), safe="")


def _problems(found: dict[str, str]) -> Iterator[str]:
    """Say where a browser could leave, also from the sign-in page that it is led to."""
    for target, location in found.items():
        path, _, query = location.partition("?")
        backs = parse_qs(query).get("redirect", []) if path == "/login" else []
        if not location.isascii() or any(local_path(one) != one for one in (location, *backs)):
            yield f"{target[:60]!r}: {location!r}"


@pytest.mark.requirement("REDIRECT-TRICKS-02")
@pytest.mark.timeout(180)
async def test_an_openid_provider_leads_nobody_away(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    found: dict[str, str] = {}
    for target in (*TRICKS, *PATHS):
        departure = await api.call(None, "GET", f"{OIDC}?redirect={_as_query(target)}")
        cookies = cookies_of(departure)
        # What somebody else has put into the browser's cookie counts no more than what the link said.
        planted = {**cookies, "oauth_redirect": quote(target[:1000], safe="", errors="surrogatepass")}
        answer = issuer.authorize(departure.headers["location"])
        for kept in (cookies, planted):
            refused = await arrive(api, {"error": "access_denied"}, kept, **HTML)
            assert refused.status_code == 303
            found[f"refused {target} {kept is planted}"] = refused.headers["location"]
        reply = await arrive(api, answer, planted if len(target) % 2 else cookies)
        assert reply.status_code == 307, reply.text
        found[target] = reply.headers["location"]
    assert list(_problems(found)) == []
    assert found["/workspaces"] == "/workspaces"
    assert found[f"//{FAR}"] == "/"


@pytest.mark.requirement("REDIRECT-TRICKS-02")
@pytest.mark.timeout(180)
async def test_github_leads_nobody_away(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    github.person("ada")
    found: dict[str, str] = {}
    for target in (*TRICKS[::2], *PATHS):
        browser = world.browser()
        reply = await browser.sign_in(f"?redirect={_as_query(target)}")
        assert reply.status_code == 307, reply.text
        found[target] = reply.headers["location"]
        begun = await browser.set_out(f"?redirect={_as_query(target)}")
        assert begun.headers["location"].startswith(f"{github.url}/login/oauth/authorize?")
    assert list(_problems(found)) == []
    assert found["/workspaces"] == "/workspaces"


@pytest.mark.requirement("REDIRECT-TRICKS-02")
@pytest.mark.timeout(180)
async def test_the_device_flow_leads_nobody_away(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    person = github.person("ada")
    found: dict[str, str] = {}
    for target in (*TRICKS[::3], *filter(str.isascii, PATHS)):
        browser = world.browser()
        begun = await browser.set_out(f"?redirect={_as_query(target)}")
        assert re.fullmatch(r"/login/device\?state=[0-9A-Za-z]{32}", begun.headers["location"])
        poll = await browser.begin_device(f"?redirect={_as_query(target)}")
        github.approve(person)
        done = await browser.get(f"{poll}&redirect={_as_query(target)}")
        assert done.status_code == 200, done.text
        found[target] = done.json()["redirect_url"]
    assert list(_problems(found)) == []
    assert found["/workspaces"] == "/workspaces"


@pytest.mark.requirement("REDIRECT-TRICKS-02")
@pytest.mark.timeout(180)
async def test_a_conversion_leads_nobody_away(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    hashed = await hash_password(PASSWORD)
    found: dict[str, str] = {}
    for number, target in enumerate(TRICKS[::8]):
        person = await world.accounts.make("member")
        await world.db.execute("update users set hashed_password = $2 where id = $1", person.id, hashed)
        github.person(f"ada{number}")
        browser = world.browser()
        body: dict[str, Any] = {"to_type": "github", "password": PASSWORD}
        made = await browser.http.post("/api/v2/users/me/convert-login", json=body, headers=person.headers)
        assert made.status_code == 201, made.text
        state = made.json()["state_string"]
        begun = await browser.set_out(f"?oidc_merge_state={state}&redirect={_as_query(target)}")
        done = await browser.get(await browser.authorize(begun.headers["location"]), headers=HTML)
        assert done.status_code in {303, 307}, done.text
        found[target] = done.headers["location"]
        assert found[target].startswith("/login?"), "who has converted signs in anew"
    assert list(_problems(found)) == []
