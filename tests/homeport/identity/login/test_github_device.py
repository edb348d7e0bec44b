"""Signing in by a code that is typed at GitHub: the way without pages of GitHub leading back, and every outcome of RFC 8628."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.github import DEVICE_GRANT, GitHub
from tests.support.github_world import CALLBACK, DEVICE, HTML, MakeWorld

FLOW = {"OAUTH2_GITHUB_DEVICE_FLOW": "true", "OAUTH2_GITHUB_CLIENT_SECRET": None}
OUTCOMES = [
    "authorization_pending", "slow_down", "access_denied", "expired_token", "incorrect_device_code", "device_flow_disabled",
    "unsupported_grant_type", "incorrect_client_credentials", "unverified_user_email", "invalid_request", "invalid_client",
    "invalid_grant", "unauthorized_client", "invalid_scope", "something_new",
]  # fmt: skip


@pytest.mark.requirement("M18", "DEVICE-LOGIN-01")
async def test_a_person_signs_in_by_a_code(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    await world.accounts.make("owner")
    person = github.person("ada")
    browser = world.browser()
    begun = await browser.set_out()
    target = urlsplit(begun.headers["location"])
    state = parse_qs(target.query)["state"][0]
    assert (target.scheme, target.netloc, target.path) == ("", "", "/login/device")
    assert state == browser.http.cookies["oauth_state"]
    found = await browser.get(DEVICE)
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    device = found.json()
    assert device == {
        "device_code": device["device_code"],
        "user_code": github.last_device.user_code,
        "verification_uri": f"{github.url}/login/device",
        "expires_in": 900,
        "interval": 5,
    }
    poll = f"{CALLBACK}?code={device['device_code']}&state={state}"
    for _ in range(2):
        answer = await browser.get(poll)
        assert (answer.status_code, answer.json()["detail"]) == (400, "authorization_pending")
        assert "coder_session_token" not in browser.http.cookies
    github.approve(person)
    done = await browser.get(poll)
    assert (done.status_code, done.json()) == (200, {"redirect_url": "/"})
    assert done.headers["cache-control"] == "no-store"
    assert (await browser.me())["username"] == "ada"
    assert "oauth_state" not in browser.http.cookies
    for seen in github.requests("/login/oauth/access_token"):
        assert seen.form["grant_type"] == DEVICE_GRANT
        assert "client_secret" not in seen.form
    assert github.requests("/login/device/code")[0].form["scope"] == "read:user read:org user:email"


@pytest.mark.requirement("DEVICE-LOGIN-01")
async def test_the_code_leads_where_the_person_wanted_to_go(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    person = github.person("ada")
    browser = world.browser()
    poll = await browser.begin_device("?redirect=https://evil.test/templates")
    github.approve(person)
    assert (await browser.get(poll)).json() == {"redirect_url": "/templates"}


@pytest.mark.requirement("DEVICE-LOGIN-02")
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("has_forms", [False, True])
async def test_every_outcome_answers_400_with_its_code(
    make_world: MakeWorld, github: GitHub, outcome: str, has_forms: bool
) -> None:
    world = make_world(**FLOW)
    github.person("ada")
    github.answers_forms = has_forms
    browser = world.browser()
    poll = await browser.begin_device()
    github.next_polls = [outcome]
    answer = await browser.get(poll)
    assert (answer.status_code, answer.json()["detail"]) == (400, outcome)
    assert len(answer.json()["message"]) > 20
    assert answer.json()["message"].endswith(".")
    assert answer.headers.get("retry-after") == ("10" if outcome == "slow_down" else None)
    # What is not over goes on.
    github.approve(github.accounts[0])
    assert (await browser.get(poll)).status_code == 200


@pytest.mark.requirement("DEVICE-LOGIN-02")
async def test_each_slow_down_names_a_slower_pace(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    github.person("ada")
    github.keeps_pace = True
    browser = world.browser()
    poll = await browser.begin_device()
    paces = [(await browser.get(poll)).headers["retry-after"] for _ in range(3)]
    assert paces == ["10", "15", "20"]


@pytest.mark.requirement("DEVICE-LOGIN-02")
async def test_refused_and_expired_codes_stay_so(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    github.person("ada")
    for outcome in ("access_denied", "expired_token"):
        browser = world.browser()
        poll = await browser.begin_device()
        github.refuse(outcome)
        for _ in range(2):
            assert (await browser.get(poll)).json()["detail"] == outcome
    # The same browser may ask for another code.
    device = (await browser.get(DEVICE)).json()["device_code"]
    github.approve(github.accounts[0])
    state = parse_qs(urlsplit(poll).query)["state"][0]
    assert (await browser.get(f"{CALLBACK}?code={device}&state={state}")).status_code == 200


@pytest.mark.requirement("DEVICE-LOGIN-02")
async def test_a_code_counts_once(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    person = github.person("ada")
    browser = world.browser()
    poll = await browser.begin_device()
    state = browser.http.cookies["oauth_state"]
    github.approve(person)
    assert (await browser.get(poll)).status_code == 200
    assert (await browser.get(poll)).status_code == 401
    browser.http.cookies.set("oauth_state", state, domain="homeport.test", path="/")
    again = await browser.get(poll)
    assert (again.status_code, again.json()["detail"]) == (400, "incorrect_device_code")


@pytest.mark.requirement("DEVICE-LOGIN-06")
async def test_waiting_at_the_pace_of_github_uses_up_no_attempts(
    make_world: MakeWorld, github: GitHub, clock: Any
) -> None:
    world = make_world(**FLOW, LOGIN_RATE_LIMIT="4", DANGEROUS_DISABLE_RATE_LIMITS="false")
    person = github.person("ada")
    browser = world.browser()
    # Two of the four: the way to the page, and the code.
    poll = await browser.begin_device()
    assert {(await browser.get(poll)).json()["detail"] for _ in range(12)} == {"authorization_pending"}
    github.next_polls = ["slow_down"]
    assert (await browser.get(poll)).status_code == 400
    strange = await browser.get(poll.replace("code=", "code=x"))
    assert strange.json()["detail"] == "incorrect_device_code"
    assert (await browser.get(poll)).status_code == 429
    clock.advance(timedelta(seconds=61))
    github.approve(person)
    assert (await browser.get(poll)).status_code == 200


@pytest.mark.requirement("DEVICE-LOGIN-03")
async def test_codes_are_given_where_they_are_switched_on_alone(make_world: MakeWorld, github: GitHub) -> None:
    answer = await make_world().browser().get(DEVICE)
    assert answer.status_code == 400
    assert "OAUTH2_GITHUB_DEVICE_FLOW" in answer.json()["message"]
    names = ("CLIENT_ID", "CLIENT_SECRET", "ENTERPRISE_BASE_URL", "ALLOW_SIGNUPS", "ALLOW_EVERYONE")
    off = await make_world(**{f"OAUTH2_GITHUB_{name}": None for name in names}).browser().get(DEVICE)
    assert off.status_code == 400
    assert "not set up" in off.json()["message"]
    assert github.seen == []


@pytest.mark.requirement("DEVICE-LOGIN-03")
async def test_a_poll_needs_the_state_of_its_browser(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    person = github.person("ada")
    poll = await world.browser().begin_device()
    github.approve(person)
    other = world.browser()
    assert (await other.get(poll)).status_code == 401
    await other.set_out()
    assert (await other.get(poll)).status_code == 401
    assert (await other.get(poll.partition("&state")[0])).status_code == 400
    assert (await other.get(f"{CALLBACK}?code=&state=x")).status_code == 400
    assert github.requests("/login/oauth/access_token") == []


@pytest.mark.requirement("DEVICE-LOGIN-01", "GITHUB-REFUSAL-01")
async def test_who_is_refused_gets_json_at_the_end_of_the_flow(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW, OAUTH2_GITHUB_ALLOWED_ORGS="harbour")
    person = github.person("ada", organizations={"harbour": "pending"})
    browser = world.browser()
    poll = await browser.begin_device()
    github.approve(person)
    answer = await browser.get(poll)
    assert (answer.status_code, sorted(answer.json())) == (401, ["detail", "message"])
    person.organizations["harbour"] = "active"
    owner = world.browser()
    poll = await owner.begin_device()
    github.approve(person)
    assert (await owner.get(poll)).status_code == 200
    closed = make_world(**FLOW, OAUTH2_GITHUB_ALLOW_SIGNUPS="false")
    stranger = github.person("eve")
    browser = closed.browser()
    poll = await browser.begin_device()
    github.approve(stranger)
    answer = await browser.get(poll)
    assert answer.status_code == 403
    assert "no account here yet" in answer.json()["message"]


@pytest.mark.requirement("DEVICE-LOGIN-01")
async def test_a_person_who_goes_to_the_poll_itself_is_shown_no_json(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    person = github.person("ada")
    browser = world.browser()
    poll = await browser.begin_device()
    page = await browser.get(poll, headers=HTML)
    assert page.status_code == 303
    poll = await browser.begin_device()
    github.approve(person)
    done = await browser.get(poll, headers=HTML)
    assert (done.status_code, done.headers["location"]) == (307, "/")


@pytest.mark.requirement("DEVICE-LOGIN-02")
@pytest.mark.expected_errors("GitHub did not complete the sign-in")
async def test_a_device_code_that_cannot_be_used_is_refused(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    good = {
        "device_code": "d",
        "user_code": "AB-CD",
        "verification_uri": "https://x.test/",
        "expires_in": 9,
        "interval": 1,
    }
    cases = [
        ({**good, "verification_uri": "javascript:alert(1)"}, 500),
        ({**good, "device_code": ""}, 500),
        ({**good, "user_code": None}, 500),
        ({"error": "Not Found"}, 500),
        ({"error": "device_flow_disabled"}, 400),
        (good, 200),
        ({**good, "interval": -3, "expires_in": "soon"}, 200),
        ({**good, "interval": 10**9, "expires_in": 10**9}, 200),
    ]
    for body, status in cases:
        github.trouble("/login/device/code", status=200, body=body, times=1)
        answer = await world.browser().get(DEVICE)
        assert answer.status_code == status, body
        if status == 200:
            assert 1 <= answer.json()["interval"] <= 300
            assert 1 <= answer.json()["expires_in"] <= 3600
