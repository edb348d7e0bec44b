"""The pages around signing in by providers: buttons, sentences, codes for browsers without scripts, conversion."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from homeport import web
from homeport.database import Database, Listener
from homeport.identity.login.notices import login_path
from homeport.identity.login.redirecting import CONVERSION_COOKIE
from homeport.identity.service.passwords import hash_password
from homeport.kit.crypto import Cipher
from tests.homeport.web.site import ORIGIN, Document
from tests.support.accounts import Person
from tests.support.github import GitHub
from tests.support.github_world import CALLBACK, HTML, Browser, World

CIPHER = Cipher([bytes(range(32))])
PASSWORD = "Harbour-Light-77"
FLOW = {"OAUTH2_GITHUB_DEVICE_FLOW": "true"}
NO_GITHUB = {
    f"OAUTH2_GITHUB_{name}": None
    for name in ("CLIENT_ID", "CLIENT_SECRET", "ENTERPRISE_BASE_URL", "ALLOW_SIGNUPS", "ALLOW_EVERYONE")
}
MakeSite = Callable[..., World]


@pytest.fixture
async def make_site(db: Database, github: GitHub) -> AsyncIterator[MakeSite]:
    """Make the dashboard before applications that sign in by this GitHub."""
    listener = Listener(db.connect)
    await listener.start()
    made: list[World] = []

    def make(**settings: Any) -> World:
        made.append(World(db, github, root_routes=web.routes, provided={"listener": listener}, **settings))
        return made[-1]

    yield make
    for world in made:
        await world.api.gate.close()
    await listener.stop()


async def send(browser: Browser, path: str, page: Document, **fields: str) -> httpx.Response:
    """Send a form of a page."""
    data = {"csrf_token": page.field("csrf_token")["value"], **fields}
    return await browser.http.post(path, data=data, headers={**HTML, **ORIGIN})


async def person_of(world: World) -> Person:
    person = await world.accounts.make("member")
    await world.db.execute(
        "update users set hashed_password = $2 where id = $1", person.id, await hash_password(PASSWORD)
    )
    return person


def signed_in(world: World, person: Person) -> Browser:
    browser = world.browser()
    browser.http.cookies.set("coder_session_token", person.token, domain="homeport.test", path="/")
    return browser


def links(page: Document) -> list[str]:
    return [a["href"] for a in page.all("a") if "/callback" in a["href"]]


@pytest.mark.requirement("GITHUB-METHODS-01")
async def test_providers_are_buttons_that_keep_the_redirect(make_site: MakeSite) -> None:
    oidc = {"OIDC_ISSUER_URL": "http://127.0.0.1:1", "OIDC_CLIENT_ID": "x", "OIDC_SIGN_IN_TEXT": "Corp <SSO>",
            "OIDC_ICON_URL": "https://icons.test/corp.svg"}  # fmt: skip
    world = make_site(**oidc)
    await world.accounts.make("owner")
    answer = await world.browser().get("/login?redirect=/templates%3Fq%3Dx")
    page = Document(answer.text)
    query = "?redirect=%2Ftemplates%3Fq%3Dx"
    assert links(page) == [f"/api/v2/users/oidc/callback{query}", f"{CALLBACK}{query}"]
    assert "Sign in with Corp <SSO>" in page.text
    assert "<SSO>" not in answer.text
    (picture,) = page.all("img")
    assert (picture["src"], picture["alt"], picture["referrerpolicy"]) == (
        "https://icons.test/corp.svg",
        "",
        "no-referrer",
    )
    assert page.field("password")["type"] == "password"
    assert page.runnables() == []
    evil = Document((await world.browser().get("/login?redirect=https://evil.test/")).text)
    assert links(evil) == ["/api/v2/users/oidc/callback", CALLBACK]
    without = make_site(**NO_GITHUB)
    assert links(Document((await without.browser().get("/login")).text)) == []


@pytest.mark.requirement("GITHUB-METHODS-01")
async def test_the_form_for_passwords_is_hidden_where_they_are_refused(make_site: MakeSite) -> None:
    world = make_site(DISABLE_PASSWORD_AUTH="true")
    owner = await world.accounts.make("owner")
    await world.db.execute(
        "update users set hashed_password = $2 where id = $1", owner.id, await hash_password(PASSWORD)
    )
    browser = world.browser()
    assert 'type="password"' not in (await browser.get("/login")).text
    page = Document((await browser.get("/login?by=password")).text)
    assert page.field("password")["type"] == "password"
    refused = await send(browser, "/login", page, email=owner.email, password="wrong")
    assert refused.status_code == 401
    assert Document(refused.text).field("password")["type"] == "password"
    assert (await send(browser, "/login", page, email=owner.email, password=PASSWORD)).status_code == 303
    # Where there is no other way the form stays: nobody shall stand before an empty page.
    alone = make_site(DISABLE_PASSWORD_AUTH="true", **NO_GITHUB)
    assert 'type="password"' in (await alone.browser().get("/login")).text


@pytest.mark.requirement("GITHUB-SIGNUP-02", "GITHUB-METHODS-01")
async def test_the_first_user_may_come_by_a_provider(make_site: MakeSite, github: GitHub) -> None:
    world = make_site(OAUTH2_GITHUB_ALLOW_SIGNUPS="false")
    browser = world.browser()
    assert (await browser.get("/login")).headers["location"] == "/setup"
    assert links(Document((await browser.get("/setup")).text)) == [CALLBACK]
    github.person("ada", emails=[])
    told = await browser.sign_in(headers=HTML)
    on = await browser.get(told.headers["location"])
    assert on.headers["location"].startswith("/setup?")
    assert "not verified" in Document((await browser.get(on.headers["location"])).text).text
    github.accounts[0].emails = [{"email": "ada@corp.test", "primary": True, "verified": True}]
    assert (await browser.sign_in(headers=HTML)).headers["location"] == "/"
    assert (await browser.me())["roles"][0]["name"] == "owner"
    assert (await browser.get("/setup")).status_code == 404


@pytest.mark.requirement("GITHUB-REFUSAL-01")
async def test_the_page_says_what_the_server_has_signed_and_nothing_else(make_site: MakeSite, github: GitHub) -> None:
    world = make_site(OAUTH2_GITHUB_ALLOWED_ORGS="harbour")
    owner = await world.accounts.make("owner")
    github.person("ada")
    browser = world.browser()
    answer = await browser.sign_in(headers=HTML)
    page = Document((await browser.get(answer.headers["location"])).text)
    assert "not an active member of an organization" in page.text
    assert links(page) == [CALLBACK]
    words = "Call 0900 <b>for</b> help"
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    for odd in ("", "x", "%%%", query["proof"][0], "é", "\x00"):
        shown = await browser.get("/login", params={"message": words, "proof": odd})
        assert shown.status_code == 200
        assert "0900" not in shown.text
    escaped = await browser.get(login_path(CIPHER, "a <script>alert(1)</script>"))
    assert "<script>alert" not in escaped.text
    assert "alert(1)" in Document(escaped.text).text
    # Who is signed in reads it as well, and goes on from there.
    here = signed_in(world, owner)
    told = Document((await here.get(login_path(CIPHER, "It did not work.", redirect="/templates"))).text)
    assert "It did not work." in told.text
    assert "/templates" in [a["href"] for a in told.all("a")]
    assert (await here.get("/login?message=x&redirect=/templates")).headers["location"] == "/templates"


@pytest.mark.requirement("DEVICE-LOGIN-04")
async def test_the_page_of_the_code_needs_its_state(make_site: MakeSite) -> None:
    world = make_site(**FLOW)
    for path in (
        "/login/device",
        "/login/device?state=",
        "/login/device?state=%3Cscript%3E",
        f"/login/device?state={'x' * 200}",
    ):
        answer = await world.browser().get(path, headers=HTML)
        assert answer.status_code == 400
        page = Document(answer.text)
        assert "does not know which sign-in it belongs to" in page.text
        assert "/login" in [a["href"] for a in page.all("a")]
    page = Document((await world.browser().get("/login/device?state=abc")).text)
    (part,) = [a for a in page.all("section") if "data-device" in a]
    assert part["data-state"] == "abc"
    assert part["data-poll"] == CALLBACK
    assert page.runnables() == []
    off = await make_site().browser().get("/login/device?state=abc", headers=HTML)
    assert off.status_code == 400
    assert "switched off" in Document(off.text).text


@pytest.mark.requirement("M18", "DEVICE-LOGIN-04")
async def test_without_scripts_each_step_is_a_form(make_site: MakeSite, github: GitHub) -> None:
    world = make_site(**FLOW)
    await world.accounts.make("owner")
    person = github.person("ada")
    browser = world.browser()
    begun = await browser.set_out("?redirect=/templates", headers=HTML)
    page = Document((await browser.get(begun.headers["location"])).text)
    state = page.field("state")["value"]
    shown = Document((await send(browser, "/login/device", page, state=state)).text)
    assert github.last_device.user_code in shown.text
    (link,) = [a for a in shown.all("a") if a.get("target") == "_blank"]
    assert (link["href"], link["rel"]) == (f"{github.url}/login/device", "noopener noreferrer")
    sealed = shown.field("device")["value"]
    assert next(iter(github.devices)) not in sealed
    for outcome, words in (("authorization_pending", "not been typed"), ("slow_down", "Wait 10 seconds")):
        github.next_polls = [outcome]
        waiting = await send(browser, "/login/device", shown, state=state, device=sealed)
        assert waiting.status_code == 200
        assert words in Document(waiting.text).text
        assert github.last_device.user_code in waiting.text
    github.next_polls = ["expired_token"]
    over = await send(browser, "/login/device", shown, state=state, device=sealed)
    assert over.status_code == 400
    assert "has expired" in Document(over.text).text
    again = Document((await send(browser, "/login/device", Document(over.text), state=state)).text)
    github.approve(person)
    done = await send(browser, "/login/device", again, state=state, device=again.field("device")["value"])
    assert (done.status_code, done.headers["location"]) == (303, "/templates")
    assert (await browser.me())["username"] == "ada"


@pytest.mark.requirement("DEVICE-LOGIN-05", "CONVERT-04")
async def test_without_scripts_a_refused_conversion_leads_back_to_the_account(
    make_site: MakeSite, github: GitHub
) -> None:
    world = make_site(**FLOW)
    person = await person_of(world)
    another = github.person("ada", email="another@corp.test")
    browser = signed_in(world, person)
    asked = Document((await browser.get("/account/convert")).text)
    begun = await send(browser, "/account/convert", asked, to_type="github", password=PASSWORD)
    path = (await browser.get(begun.headers["location"], headers=HTML)).headers["location"]
    page = Document((await browser.get(path)).text)
    assert [("data-converts" in part) for part in page.all("section") if "data-device" in part] == [True]
    state = page.field("state")["value"]
    shown = Document((await send(browser, "/login/device", page, state=state)).text)
    github.approve(another)
    over = await send(browser, "/login/device", shown, state=state, device=shown.field("device")["value"])
    assert over.status_code == 400
    assert "different e-mail addresses" in Document(over.text).text
    assert "Get a new code" not in over.text
    assert "/account" in [a["href"] for a in Document(over.text).all("a")]
    assert CONVERSION_COOKIE not in browser.http.cookies


@pytest.mark.requirement("DEVICE-LOGIN-04", "DEVICE-LOGIN-03")
async def test_a_form_of_the_code_that_is_not_ours_is_refused(make_site: MakeSite, github: GitHub) -> None:
    world = make_site(**FLOW)
    github.person("ada")
    browser = world.browser()
    begun = await browser.set_out(headers=HTML)
    page = Document((await browser.get(begun.headers["location"])).text)
    state = page.field("state")["value"]
    shown = Document((await send(browser, "/login/device", page, state=state)).text)
    sealed = shown.field("device")["value"]
    for odd in ("x", "é", sealed[:-8] + "AAAAAAA=", sealed[4:]):
        answer = await send(browser, "/login/device", shown, state=state, device=odd)
        assert answer.status_code == 400
        assert "Begin again" in Document(answer.text).text
    assert (await send(browser, "/login/device", shown, state="other", device=sealed)).status_code == 401
    assert (await send(browser, "/login/device", shown, state="", device=sealed)).status_code == 400
    naked = await browser.http.post("/login/device", data={"state": state}, headers={**HTML, **ORIGIN})
    assert naked.status_code == 400
    github.trouble("/login/device/code", status=503, body={})
    away = await send(browser, "/login/device", shown, state=state)
    assert away.status_code == 503
    assert "cannot be reached" in Document(away.text).text


@pytest.mark.requirement("CONVERT-03", "CONVERT-02")
async def test_an_account_is_converted_on_a_page(make_site: MakeSite, github: GitHub) -> None:
    world = make_site()
    person = await person_of(world)
    github.person("ada", email=person.email)
    browser = signed_in(world, person)
    account = Document((await browser.get("/account")).text)
    assert "/account/convert" in [a["href"] for a in account.all("a")]
    assert "Let it sign in by GitHub instead" in account.text
    shown = await browser.get("/account/convert")
    # The form leads to the provider in the end, which form-action would forbid.
    assert "form-action" not in shown.headers["content-security-policy"]
    page = Document(shown.text)
    assert person.email in page.text
    assert page.field("to_type")["value"] == "github"
    wrong = await send(browser, "/account/convert", page, to_type="github", password="wrong")
    assert wrong.status_code == 401
    assert "password is not right" in Document(wrong.text).text
    odd = await send(browser, "/account/convert", page, to_type="oidc", password=PASSWORD)
    assert odd.status_code == 400
    assert "not set up" in Document(odd.text).text
    going = await send(browser, "/account/convert", page, to_type="github", password=PASSWORD)
    assert going.status_code == 303
    begun = await browser.get(going.headers["location"], headers=HTML)
    done = await browser.get(await browser.authorize(begun.headers["location"]), headers=HTML)
    told = Document((await browser.get(done.headers["location"])).text)
    assert "signs in by GitHub from now on" in told.text
    assert links(told) == [CALLBACK]
    assert (await browser.sign_in(headers=HTML)).status_code == 307
    after = Document((await browser.get("/account/convert")).text)
    assert "signs in by github already" in after.text
    assert "/account/convert" not in (await browser.get("/account")).text


@pytest.mark.requirement("CONVERT-04", "GITHUB-REFUSAL-01")
async def test_a_conversion_that_fails_leaves_the_person_signed_in_and_says_why(
    make_site: MakeSite, github: GitHub
) -> None:
    world = make_site()
    person = await person_of(world)
    github.person("ada", email="another@corp.test")
    browser = signed_in(world, person)
    page = Document((await browser.get("/account/convert")).text)
    going = await send(browser, "/account/convert", page, to_type="github", password=PASSWORD)
    begun = await browser.get(going.headers["location"], headers=HTML)
    failed = await browser.get(await browser.authorize(begun.headers["location"]), headers=HTML)
    assert failed.status_code == 303
    told = Document((await browser.get(failed.headers["location"])).text)
    assert "different e-mail addresses" in told.text
    assert f"signed in as {person.username}" in told.text
    assert (await browser.me())["id"] == str(person.id)
    stranger = await world.browser().get("/account/convert", headers=HTML)
    assert stranger.status_code == 303
    alone = make_site(**NO_GITHUB)
    nothing = Document((await signed_in(alone, person).get("/account/convert")).text)
    assert "No provider is set up" in nothing.text
    assert "/account/convert" not in (await signed_in(alone, person).get("/account")).text
