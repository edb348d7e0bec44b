"""Accounts that sign in by a provider from now on: how it begins, how it ends, and everything that must not pass."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from homeport.identity.login.redirecting import CONVERSION_COOKIE
from homeport.identity.service.passwords import hash_password
from homeport.kit.crypto import Cipher
from tests.support.accounts import Person
from tests.support.github import GitHub
from tests.support.github_world import HTML, Browser, MakeWorld, World

PASSWORD = "Harbour-Light-77"
CIPHER = Cipher([bytes(range(32))])
FLOW = {"OAUTH2_GITHUB_DEVICE_FLOW": "true"}


async def person_of(world: World, kind: str = "member") -> Person:
    """Make somebody who signs in by password."""
    made = await world.accounts.make(kind)
    await world.db.execute(
        "update users set hashed_password = $2 where id = $1", made.id, await hash_password(PASSWORD)
    )
    return made


async def begin(world: World, browser: Browser, person: Person, *, user: str = "me", **body: Any) -> Any:
    """Ask for a conversion in a browser that is signed in by header; the cookie stays in it."""
    given = {"to_type": "github", "password": PASSWORD, **body}
    return await browser.http.post(f"/api/v2/users/{user}/convert-login", json=given, headers=person.headers)


async def go(browser: Browser, state: str, **more: Any) -> Any:
    """Go to GitHub with the state of a conversion, and come back."""
    begun = await browser.set_out(f"?oidc_merge_state={state}")
    return await browser.get(await browser.authorize(begun.headers["location"]), **more)


async def count_sessions(world: World, person: Person) -> int:
    return int(await world.db.fetchval("select count(*) from api_keys where user_id = $1", person.id))


@pytest.mark.requirement("CONVERT-01")
async def test_a_conversion_begins_with_the_password(make_world: MakeWorld, github: GitHub, clock: Any) -> None:
    world = make_world()
    person = await person_of(world)
    answer = await begin(world, world.browser(), person)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert found["state_string"].startswith("convert-")
    assert len(found["state_string"]) == len("convert-") + 32
    assert (found["to_type"], found["user_id"]) == ("github", str(person.id))
    assert found["expires_at"] == (clock.now() + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    (cookie,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(CONVERSION_COOKIE)]
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert "max-age=300" in cookie.lower()
    text = cookie.partition("=")[2].partition(";")[0]
    key = OctKey.import_key(CIPHER.sign("conversion of login types", b"key"))
    claims = jwt.decode(text, key, algorithms=["HS256"]).claims
    assert claims["iss"] == "http://homeport.test"
    assert claims["sub"] == found["state_string"]
    assert claims["aud"] == str(person.id)
    assert claims["exp"] - claims["nbf"] == 301
    entry = await world.db.fetchrow("select * from audit_logs where resource_type = 'convert_login'")
    assert entry is not None
    assert (entry["action"], entry["user_id"], entry["status_code"]) == ("create", person.id, 201)
    assert found["state_string"] not in str(dict(entry))
    assert PASSWORD not in str(dict(entry))


@pytest.mark.requirement("CONVERT-02")
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"to_type": "none"}, 400, "'github' or 'oidc'"),
        ({"to_type": "password"}, 400, "'github' or 'oidc'"),
        ({"to_type": "token"}, 400, "'github' or 'oidc'"),
        ({"to_type": "oauth2_provider_app"}, 400, "'github' or 'oidc'"),
        ({"to_type": "gitlab"}, 400, "'github' or 'oidc'"),
        ({"to_type": ""}, 400, "'github' or 'oidc'"),
        ({"to_type": "oidc"}, 400, "not set up"),
        ({"password": "wrong"}, 401, "password is not right"),
        ({"password": ""}, 401, "password is not right"),
        ({"password": "\x00"}, 401, "password is not right"),
    ],
)
async def test_what_cannot_be_converted_is_refused(
    make_world: MakeWorld, github: GitHub, body: dict[str, Any], status: int, words: str
) -> None:
    world = make_world()
    person = await person_of(world)
    browser = world.browser()
    answer = await begin(world, browser, person, **body)
    assert answer.status_code == status
    assert words in answer.text
    if "to_type" in body:
        assert answer.json()["validations"][0]["field"] == "to_type"
    assert CONVERSION_COOKIE not in browser.http.cookies
    codes = await world.db.fetch("select status_code from audit_logs where resource_type = 'convert_login'")
    assert [entry["status_code"] for entry in codes] == [status]


@pytest.mark.requirement("CONVERT-02")
async def test_only_the_own_account_and_only_one_with_a_password(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    owner, person = await person_of(world, "owner"), await person_of(world)
    assert (await begin(world, world.browser(), owner, user=person.username)).status_code == 403
    assert (await begin(world, world.browser(), person, user=owner.username)).status_code in {403, 404}
    assert (await begin(world, world.browser(), person, user=person.username)).status_code == 201
    await world.db.execute("update users set login_type = 'github' where id = $1", person.id)
    answer = await begin(world, world.browser(), person)
    assert answer.status_code == 400
    assert "signs in by 'github'" in answer.json()["message"]
    stranger = await world.browser().http.post(
        "/api/v2/users/me/convert-login", json={"to_type": "github", "password": ""}
    )
    assert stranger.status_code == 401
    odds: list[Any] = [{}, {"to_type": "github"}, {"to_type": 7, "password": ""}, [], None]
    for odd in odds:
        answer = await world.browser().http.post("/api/v2/users/me/convert-login", json=odd, headers=person.headers)
        assert answer.status_code == 400


async def require_converted(world: World, browser: Browser, person: Person) -> None:
    row = await world.user(person.username)
    assert (row["login_type"], row["hashed_password"]) == ("github", "")
    assert row["linked_id"] == str(world.github.accounts[0].id)
    # The sessions of the password have ended, the tokens of programs go on.
    kinds = await world.db.fetch("select login_type::text, token_name from api_keys where user_id = $1", person.id)
    assert [tuple(kind) for kind in kinds] == [("token", "ci")]
    assert (await world.api.call(person, "GET", "/users/me")).status_code == 401
    for name in ("coder_session_token", CONVERSION_COOKIE, "oauth_state"):
        assert name not in browser.http.cookies
    actions = await world.db.fetch(
        "select diff from audit_logs where resource_type = 'user' and action = 'write' and resource_id = $1", person.id
    )
    (entry,) = actions
    diff = entry["diff"] if isinstance(entry["diff"], dict) else msgspec.json.decode(entry["diff"])
    assert (diff["login_type"]["old"], diff["login_type"]["new"]) == ("password", "github")
    again = await world.api.raw("POST", "/api/v2/users/login", json={"email": person.email, "password": PASSWORD})
    assert again.status_code == 401


async def with_sessions(world: World, browser: Browser, person: Person) -> None:
    """Let the browser hold the session, and let there be a second one and a token."""
    browser.http.cookies.set("coder_session_token", person.token, domain="homeport.test", path="/")
    assert (await world.api.call(person, "POST", "/users/me/keys")).status_code == 201
    assert (await world.api.call(person, "POST", "/users/me/keys/tokens", {"token_name": "ci"})).status_code == 201


@pytest.mark.requirement("CONVERT-03")
async def test_an_account_is_converted_by_redirects(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(OAUTH2_GITHUB_ALLOW_SIGNUPS="false")
    person = await person_of(world)
    github.person("ada", email=person.email.upper())
    browser = world.browser()
    state = (await begin(world, browser, person)).json()["state_string"]
    await with_sessions(world, browser, person)
    answer = await go(browser, state, headers=HTML)
    assert answer.status_code == 307
    target = urlsplit(answer.headers["location"])
    assert target.path == "/login"
    assert "signs in by GitHub from now on" in parse_qs(target.query)["message"][0]
    await require_converted(world, browser, person)
    assert (await browser.sign_in()).status_code == 307
    assert (await browser.me())["id"] == str(person.id)


@pytest.mark.requirement("M18", "DEVICE-LOGIN-05", "CONVERT-03")
async def test_an_account_is_converted_by_a_code(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**FLOW)
    person = await person_of(world)
    account = github.person("ada", email=person.email)
    browser = world.browser()
    state = (await begin(world, browser, person)).json()["state_string"]
    await with_sessions(world, browser, person)
    poll = await browser.begin_device(f"?oidc_merge_state={state}")
    assert poll.endswith(f"state={state}")
    assert (await browser.get(poll)).json()["detail"] == "authorization_pending"
    github.approve(account)
    done = await browser.get(poll)
    assert done.status_code == 200
    assert done.json()["redirect_url"].startswith("/login?message=Your+account+signs+in+by+GitHub")
    await require_converted(world, browser, person)


@pytest.mark.requirement("CONVERT-04", "DEVICE-LOGIN-05")
@pytest.mark.parametrize("headers", [{}, HTML])
@pytest.mark.parametrize("flow", [{}, FLOW])
async def test_a_refused_conversion_is_over(
    make_world: MakeWorld, github: GitHub, flow: dict[str, str], headers: dict[str, str]
) -> None:
    world = make_world(**flow)
    person = await person_of(world)
    another = github.person("ada", email="another@corp.test")
    browser = world.browser()
    state = (await begin(world, browser, person)).json()["state_string"]
    if flow:
        poll = await browser.begin_device(f"?oidc_merge_state={state}")
        # What GitHub says of the code ends nothing.
        assert (await browser.get(poll)).status_code == 400
        assert CONVERSION_COOKIE in browser.http.cookies
        github.approve(another)
        answer = await browser.get(poll, headers=headers)
    else:
        answer = await go(browser, state, headers=headers)
    assert answer.status_code == (303 if headers else 400)
    assert CONVERSION_COOKIE not in browser.http.cookies
    assert (await world.user(person.username))["login_type"] == "password"


@pytest.mark.requirement("CONVERT-04")
async def test_there_must_be_an_account_of_that_address(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    person = await person_of(world)
    github.person("ada", email="another@corp.test")
    browser = world.browser()
    answer = await go(browser, (await begin(world, browser, person)).json()["state_string"])
    assert answer.status_code == 400
    assert "different e-mail addresses" in answer.json()["message"]
    assert (await world.user(person.username))["login_type"] == "password"
    assert await world.db.fetchval("select count(*) from users where email = 'another@corp.test'") == 0


def forged(text: str, **changes: Any) -> str:
    """Sign a cookie anew with the right key, its claims changed."""
    key = OctKey.import_key(CIPHER.sign("conversion of login types", b"key"))
    claims = jwt.decode(text, key, algorithms=["HS256"]).claims
    return jwt.encode({"alg": "HS256"}, {**claims, **changes}, key)


def with_another_key(text: str) -> str:
    key = OctKey.import_key(CIPHER.sign("conversion of login types", b"key"))
    claims = jwt.decode(text, key, algorithms=["HS256"]).claims
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(b"k" * 32))


CASES: dict[str, tuple[Any, int, str]] = {
    "missing": (lambda text: "", 400, "missing"),
    "nonsense": (lambda text: "a.b.c", 400, "invalid jwt"),
    "unsigned": (lambda text: "eyJhbGciOiJub25lIn0." + text.split(".")[1] + ".", 400, "invalid jwt"),
    "another key": (with_another_key, 400, "invalid jwt"),
    "cut": (lambda text: text[:-4], 400, "invalid jwt"),
    "expired": (lambda text: forged(text, exp=1), 400, "invalid jwt"),
    "not yet": (lambda text: forged(text, iat=2**33), 400, "invalid jwt"),
    "no user": (lambda text: forged(text, aud=None), 400, "invalid jwt"),
    "odd user": (lambda text: forged(text, aud="me"), 400, "invalid jwt"),
    "another deployment": (lambda text: forged(text, iss="https://elsewhere.test"), 403, "another deployment"),
    "another state": (lambda text: forged(text, sub="convert-" + "x" * 32), 403, "states differ"),
    "another user": (lambda text: forged(text, aud="00000000-0000-0000-0000-000000000001"), 403, "another account"),
    "another target": (lambda text: forged(text, to_login_type="oidc"), 403, "not 'github'"),
    "another origin": (lambda text: forged(text, from_login_type="none"), 403, "already"),
}


@pytest.mark.requirement("CONVERT-04")
@pytest.mark.parametrize("case", CASES)
async def test_a_conversion_without_its_right_cookie_is_refused(
    make_world: MakeWorld, github: GitHub, case: str
) -> None:
    world = make_world()
    person = await person_of(world)
    github.person("ada", email=person.email)
    browser = world.browser()
    state = (await begin(world, browser, person)).json()["state_string"]
    change, status, words = CASES[case]
    text = change(browser.http.cookies[CONVERSION_COOKIE])
    browser.http.cookies.delete(CONVERSION_COOKIE)
    if text:
        browser.http.cookies.set(CONVERSION_COOKIE, text, domain="homeport.test", path="/")
    answer = await go(browser, state)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert (await world.user(person.username))["login_type"] == "password"
    assert await world.db.fetchval("select count(*) from user_links") == 0
    assert (await world.api.call(person, "GET", "/users/me")).status_code == 200


@pytest.mark.requirement("CONVERT-04")
async def test_a_conversion_is_over_after_five_minutes_and_counts_once(
    make_world: MakeWorld, github: GitHub, clock: Any
) -> None:
    world = make_world()
    person = await person_of(world)
    github.person("ada", email=person.email)
    browser = world.browser()
    state = (await begin(world, browser, person)).json()["state_string"]
    text = browser.http.cookies[CONVERSION_COOKIE]
    clock.advance(timedelta(seconds=301))
    late = await go(browser, state)
    assert (late.status_code, late.json()["detail"]) == (400, "invalid jwt: it has expired.")
    state = (await begin(world, browser, person)).json()["state_string"]
    text = browser.http.cookies[CONVERSION_COOKIE]
    assert (await go(browser, state)).status_code == 307
    browser.http.cookies.set(CONVERSION_COOKIE, text, domain="homeport.test", path="/")
    again = await go(browser, state)
    assert again.status_code == 403
    assert "signs in by 'github' already" in again.json()["detail"]


@pytest.mark.requirement("CONVERT-04", "GITHUB-LINK-01")
async def test_what_belongs_to_another_account_is_not_taken(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    account = github.person("ada", email="ada@corp.test")
    await world.browser().sign_in()
    person = await person_of(world)
    # The account at GitHub is linked already; that it now has this address does not matter.
    account.emails = [{"email": person.email, "primary": True, "verified": True}]
    browser = world.browser()
    answer = await go(browser, (await begin(world, browser, person)).json()["state_string"])
    assert answer.status_code == 403
    assert (await world.user(person.username))["login_type"] == "password"


@pytest.mark.requirement("CONVERT-04")
async def test_states_of_conversions_make_no_sessions_and_no_others_are_chosen(
    make_world: MakeWorld, github: GitHub
) -> None:
    world = make_world()
    github.person("ada")
    browser = world.browser()
    assert (await go(browser, "convert-" + "a" * 32)).status_code == 400
    assert "coder_session_token" not in browser.http.cookies
    for odd in ("abc", "convert-<x>", "convert-" + "a" * 200):
        answer = await browser.get("/api/v2/users/oauth2/github/callback", params={"oidc_merge_state": odd})
        assert answer.status_code == 400
        assert answer.json()["validations"][0]["field"] == "oidc_merge_state"
