"""The way to GitHub's pages and back: what is asked there, whom the answer belongs to, where it leads, what people are told."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.github import CLIENT_ID, GitHub
from tests.support.github_world import CALLBACK, HTML, MakeWorld

REDIRECTED = 307
ORGANIZATIONS = {"OAUTH2_GITHUB_ALLOWED_ORGS": "Harbour,docks"}


@pytest.mark.requirement("GITHUB-FLOW-01")
async def test_the_way_to_github_says_what_is_asked(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    github.person("ada")
    browser = world.browser()
    begun = await browser.set_out()
    location = begun.headers["location"]
    assert location.startswith(f"{github.url}/login/oauth/authorize?")
    query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert query["client_id"] == CLIENT_ID
    assert query["redirect_uri"] == f"http://homeport.test{CALLBACK}"
    assert query["scope"] == "read:user read:org user:email"
    assert query["state"] == browser.http.cookies["oauth_state"]
    assert query["code_challenge_method"] == "S256"
    for line in begun.headers.get_list("set-cookie"):
        assert "httponly" in line.lower()
        assert "samesite=lax" in line.lower()
    back = await browser.authorize(location)
    assert (await browser.get(back)).status_code == REDIRECTED
    (asked,) = github.requests("/login/oauth/access_token")
    assert asked.form["code_verifier"]
    assert asked.form["redirect_uri"] == query["redirect_uri"]
    # The journey is over: its cookies are gone.
    assert "oauth_state" not in browser.http.cookies
    assert (await browser.get(back)).status_code == 401


@pytest.mark.requirement("GITHUB-FLOW-01")
async def test_the_way_back_belongs_to_the_browser_that_went(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    github.person("ada")
    browser, other = world.browser(), world.browser()
    back = await browser.authorize((await browser.set_out()).headers["location"])
    assert (await other.get(back)).status_code == 401
    await other.set_out()
    assert (await other.get(back)).status_code == 401
    code = parse_qs(urlsplit(back).query)["code"][0]
    assert (await browser.get(f"{CALLBACK}?code={code}")).status_code == 400
    assert github.requests("/login/oauth/access_token") == []
    page = await other.get(back, headers=HTML)
    assert page.status_code == 303
    assert page.headers["location"].startswith("/login?message=")


@pytest.mark.requirement("GITHUB-FLOW-01", "GITHUB-REFUSAL-01")
async def test_an_error_of_github_is_told(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    query = (
        "?error=access_denied&error_description=Call+0900+for+help&error_uri=https://docs.github.example/denied&state=x"
    )
    answer = await world.browser().get(f"{CALLBACK}{query}")
    assert answer.status_code == 400
    assert "Call 0900 for help" in answer.json()["detail"]
    assert "docs.github.example" in answer.json()["detail"]
    page = await world.browser().get(f"{CALLBACK}{query}", headers=HTML)
    assert page.status_code == 303
    # Anybody can write such a link: a page repeats the code alone.
    assert "access_denied" in page.headers["location"]
    assert "0900" not in page.headers["location"]


@pytest.mark.requirement("GITHUB-FLOW-01")
@pytest.mark.expected_errors("GitHub did not complete the sign-in")
async def test_a_code_counts_once_and_needs_the_verifier(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    github.person("ada")
    browser = world.browser()
    back = await browser.authorize((await browser.set_out()).headers["location"])
    browser.http.cookies.set("oauth_pkce_verifier", "w" * 64, domain="homeport.test", path="/")
    answer = await browser.get(back)
    assert answer.status_code == 500
    assert "bad_verification_code" in answer.json()["detail"]
    page = await world.browser().sign_in(headers=HTML)
    assert page.status_code == REDIRECTED
    broken = world.browser()
    state = parse_qs(urlsplit((await broken.set_out()).headers["location"]).query)["state"][0]
    told = await broken.get(f"{CALLBACK}?code=used&state={state}", headers=HTML)
    assert told.status_code == 303
    assert "did+not+complete" in told.headers["location"]


@pytest.mark.requirement("GITHUB-FLOW-02")
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://evil.test/templates", "/templates"),
        ("//evil.test/x", "/"),
        ("/\\evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/@ada/dev?x=1", "/@ada/dev?x=1"),
    ],
)
async def test_signing_in_leads_to_a_local_path(
    make_world: MakeWorld, github: GitHub, target: str, expected: str
) -> None:
    world = make_world()
    github.person("ada")
    browser = world.browser()
    begun = await browser.get(CALLBACK, params={"redirect": target})
    answer = await browser.get(await browser.authorize(begun.headers["location"]))
    assert answer.headers["location"] == expected


@pytest.mark.requirement("GITHUB-REFUSAL-01", "GITHUB-MEMBER-01")
async def test_a_person_who_is_refused_comes_to_the_sign_in_page_with_a_sentence(
    make_world: MakeWorld, github: GitHub
) -> None:
    world = make_world(**ORGANIZATIONS)
    github.person("ada", organizations={"harbour": "pending"})
    browser = world.browser()
    answer = await browser.sign_in(headers=HTML)
    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    query = parse_qs(target.query)
    assert (target.path, target.netloc) == ("/login", "")
    assert query["message"][0].startswith("You are not an active member of an organization at GitHub")
    assert query["proof"]
    assert "coder_session_token" not in browser.http.cookies
