"""A GitHub that is slow, away, busy, too talkative or confused: readable ends within seconds, and nothing half done."""

import time
from typing import Any

import pytest

from homeport.identity.login import outbound
from tests.support.github import API, GitHub
from tests.support.github_world import HTML, MakeWorld

pytestmark = pytest.mark.requirement("GITHUB-TROUBLE-01")
TOKEN = "/login/oauth/access_token"
EVERYTHING = [TOKEN, f"{API}/user", f"{API}/user/emails", f"{API}/user/memberships/orgs"]
TEAM = f"{API}/orgs/harbour/teams/pilots/memberships/ada"
TEAMS = {"OAUTH2_GITHUB_ALLOWED_ORGS": "harbour", "OAUTH2_GITHUB_ALLOWED_TEAMS": "harbour/pilots"}
TROUBLES: dict[str, dict[str, Any]] = {
    "down": {"status": 503, "body": {"message": "Service Unavailable"}},
    "html": {"status": 200, "body": b"<html>maintenance</html>"},
    "redirect": {"status": 302, "body": b"", "headers": {"location": "http://127.0.0.1:1/elsewhere"}},
    "endless": {"status": 200, "body": b"[" + b" " * (outbound.MOST_BYTES + 1) + b"]"},
    "compressed": {"status": 200, "body": b"\x1f\x8b", "headers": {"content-encoding": "gzip"}},
    "deep": {"status": 200, "body": b"[" * 100_000},
}


def member(github: GitHub) -> None:
    github.person("ada", organizations={"harbour": "active"}, teams={"harbour/pilots": "active"})


@pytest.mark.parametrize("kind", TROUBLES)
@pytest.mark.parametrize("path", [*EVERYTHING, TEAM])
async def test_what_cannot_be_used_is_a_readable_refusal(
    make_world: MakeWorld, github: GitHub, path: str, kind: str
) -> None:
    world = make_world(**TEAMS)
    member(github)
    github.trouble(path, **TROUBLES[kind])
    answer = await world.browser().sign_in()
    assert (answer.status_code, answer.json()["message"]) == (
        503, "GitHub cannot be reached at the moment. Try again shortly.",
    )  # fmt: skip
    assert await world.db.fetchval("select count(*) from users where not is_system") == 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("path", [f"{API}/user", f"{API}/user/emails", TEAM])
async def test_questions_that_change_nothing_are_asked_once_more(
    make_world: MakeWorld, github: GitHub, path: str, status: int
) -> None:
    world = make_world(**TEAMS)
    member(github)
    github.trouble(path, status=status, body={"message": "a moment"}, times=1)
    assert (await world.browser().sign_in()).status_code == 307
    assert len(github.requests(path)) == 2
    assert len(github.requests(TOKEN)) == 1


async def test_a_code_is_never_sent_twice(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    member(github)
    github.trouble(TOKEN, status=503, body={}, times=1)
    assert (await world.browser().sign_in()).status_code == 503
    assert len(github.requests(TOKEN)) == 1


@pytest.mark.parametrize("path", [TOKEN, f"{API}/user"])
async def test_a_slow_github_holds_nobody_up(
    make_world: MakeWorld, github: GitHub, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(outbound.call, "__kwdefaults__", {**(outbound.call.__kwdefaults__ or {}), "seconds": 0.3})
    world = make_world()
    member(github)
    github.trouble(path, seconds=3)
    begun = time.monotonic()
    page = await world.browser().sign_in(headers=HTML)
    assert time.monotonic() - begun < 2.5
    assert page.status_code == 303
    assert "cannot+be+reached" in page.headers["location"]


async def test_a_github_that_is_away_is_a_readable_refusal(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(OAUTH2_GITHUB_ENTERPRISE_BASE_URL="http://127.0.0.1:1", OAUTH2_GITHUB_DEVICE_FLOW="true")
    answer = await world.api.raw("GET", "/api/v2/users/oauth2/github/device")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.json()["message"]


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767269400"}, "600"),
        (429, {"retry-after": "90"}, "90"),
        (403, {"retry-after": "7"}, "7"),
        (429, {}, "60"),
        (429, {"retry-after": "soon"}, "60"),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, "1"),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 14}, "86400"),
    ],
)
async def test_a_busy_github_says_when_to_come_again(
    make_world: MakeWorld, github: GitHub, clock: Any, status: int, headers: dict[str, str], wait: str
) -> None:
    world = make_world()
    member(github)
    github.trouble(f"{API}/user/emails", status=status, body={"message": "rate limit"}, headers=headers)
    answer = await world.browser().sign_in()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, wait)
    assert "asked too often" in answer.json()["message"]


@pytest.mark.expected_errors("GitHub did not complete the sign-in")
@pytest.mark.parametrize(
    "body",
    [{}, {"access_token": "t"}, {"access_token": "t", "token_type": "mac"}, {"access_token": 7, "token_type": "bearer"},
     {"access_token": "t" * 5000, "token_type": "bearer"}, {"access_token": "a\x00b", "token_type": "bearer"},
     {"error": "incorrect_client_credentials", "error_description": "wrong"}],
)  # fmt: skip
async def test_an_answer_without_a_usable_token_ends_the_sign_in(
    make_world: MakeWorld, github: GitHub, body: dict[str, Any]
) -> None:
    world = make_world()
    member(github)
    github.trouble(TOKEN, status=200, body=body)
    answer = await world.browser().sign_in()
    assert answer.status_code == 500
    assert answer.json()["message"].startswith("GitHub did not complete the sign-in.")


@pytest.mark.expected_errors("GitHub did not complete the sign-in")
async def test_a_token_that_github_does_not_take_itself_ends_the_sign_in(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    member(github)
    github.trouble(f"{API}/user", status=401, body={"message": "Bad credentials"})
    assert (await world.browser().sign_in()).status_code == 500


async def test_hosts_that_answer_in_forms_are_understood(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    github.answers_forms, github.token_seconds = True, 3600
    member(github)
    assert (await world.browser().sign_in()).status_code == 307
    assert (await world.user("ada"))["oauth_expiry"] is not None


async def test_odd_names_and_texts_are_made_valid(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    await world.accounts.make("owner")
    github.person("__", name="A\x00\u202e" + "x" * 500, email="someone@corp.test")
    browser = world.browser()
    assert (await browser.sign_in()).status_code == 307
    me = await browser.me()
    assert me["username"] == "someone"
    assert len(me["name"]) <= 128
    assert me["name"].isprintable()
    github.person("someone", email="other@corp.test")
    second = world.browser()
    assert (await second.sign_in()).status_code == 307
    assert (await second.me())["username"].startswith("someone-")
