"""Signing in by GitHub's pages: who may come in, and whose account it is."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from homeport.kit.crypto import Cipher
from tests.support.github import API, GitHub
from tests.support.github_world import (
    CALLBACK,
    HTML,
    MakeWorld,
    World,
    known_as_github_com,
)

REDIRECTED = 307
ORGANIZATIONS = {"OAUTH2_GITHUB_ALLOWED_ORGS": "Harbour,docks"}
TEAMS = {**ORGANIZATIONS, "OAUTH2_GITHUB_ALLOWED_TEAMS": "harbour/pilots,Docks/crane-drivers"}


def said(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["message"]


async def has_session(world: World, username: str) -> bool:
    return bool(
        await world.db.fetchval(
            "select count(*) from api_keys k join users u on u.id = k.user_id"
            " where u.username = $1 and k.login_type = 'github'",
            username,
        )
    )


@pytest.mark.requirement("GITHUB-SIGNUP-01", "GITHUB-LINK-01")
async def test_a_person_signs_up_and_in_again(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    await world.accounts.make("owner")
    person = github.person("ada_lovelace", name="Ada Lovelace", email="ada@corp.test")
    browser = world.browser()
    answer = await browser.sign_in("?redirect=/templates")
    assert (answer.status_code, answer.headers["location"]) == (REDIRECTED, "/templates")
    assert answer.headers["cache-control"] == "no-store"
    me = await browser.me()
    shown = (me["username"], me["name"], me["email"], me["login_type"], me["avatar_url"], len(me["organization_ids"]))
    assert shown == ("ada-lovelace", "Ada Lovelace", "ada@corp.test", "github", person.avatar_url, 1)
    assert me["roles"] == []
    row = await world.user("ada-lovelace")
    assert (row["linked_id"], row["github_com_user_id"], row["hashed_password"]) == (str(person.id), None, "")
    again = world.browser()
    assert (await again.sign_in()).headers["location"] == "/"
    assert (await again.me())["id"] == me["id"]
    actions = await world.db.fetch(
        "select action::text, resource_type from audit_logs where user_id = $1 order by time, resource_type", row["id"]
    )
    kinds = [(entry["action"], entry["resource_type"]) for entry in actions]
    assert kinds.count(("register", "api_key")) == 1
    assert kinds.count(("login", "api_key")) == 1


ODD_ACCOUNTS: dict[str, dict[str, Any]] = {
    "a picture that runs": {"avatar_url": "javascript:alert(1)"},
    "a picture without TLS": {"avatar_url": "http://avatars.example/ada.png"},
    "a picture with a NUL": {"avatar_url": "https://avatars.example/\x00"},
    "an endless picture": {"avatar_url": "https://avatars.example/" + "a" * 500_000},
    "a picture that is a list": {"avatar_url": ["https://avatars.example/ada.png"]},
    "names with a NUL": {"login": "ada\x00", "name": "Ada\x00"},
    "endless names": {"login": "n" * 100_000, "name": "Ada " * 100_000},
    "a name of other letters": {"login": "名前", "name": 7},
}


@pytest.mark.requirement("GITHUB-SIGNUP-01", "GITHUB-TROUBLE-01")
@pytest.mark.parametrize("case", ODD_ACCOUNTS)
async def test_odd_accounts_are_made_fit_to_be_stored(make_world: MakeWorld, github: GitHub, case: str) -> None:
    world = make_world()
    github.person("ada")
    github.trouble(f"{API}/user", status=200, body={"id": 1001, "login": "ada", "name": "Ada", **ODD_ACCOUNTS[case]})
    browser = world.browser()
    assert (await browser.sign_in()).status_code == REDIRECTED
    me = await browser.me()
    assert me["avatar_url"] == ""
    assert re.fullmatch("[a-z]{3,32}", me["username"])
    assert len(me["name"]) <= 128
    assert me["name"].isprintable()


@pytest.mark.requirement("GITHUB-SIGNUP-02")
async def test_the_first_user_of_all_signs_up_in_any_case_and_owns(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(OAUTH2_GITHUB_ALLOW_SIGNUPS="false")
    github.person("first")
    browser = world.browser()
    assert (await browser.sign_in()).status_code == REDIRECTED
    assert [role["name"] for role in (await browser.me())["roles"]] == ["owner"]
    github.person("second")
    refused = await world.browser().sign_in()
    assert refused.status_code == 403
    assert "no account here yet" in refused.json()["message"]
    assert await world.db.fetchval("select count(*) from users where not is_system") == 1


@pytest.mark.requirement("GITHUB-MEMBER-01")
@pytest.mark.parametrize(
    ("organizations", "status"),
    [
        ({}, 401),
        ({"elsewhere": "active"}, 401),
        ({"harbour": "pending"}, 401),
        ({"harbour": "pending", "elsewhere": "active"}, 401),
        ({"harbour": "active"}, REDIRECTED),
        ({"HARBOUR": "active"}, REDIRECTED),
        ({"harbour": "pending", "docks": "active"}, REDIRECTED),
        ({**{f"other-{number}": "active" for number in range(230)}, "docks": "active"}, REDIRECTED),
    ],
)
async def test_an_active_membership_is_needed(
    make_world: MakeWorld, github: GitHub, organizations: dict[str, str], status: int
) -> None:
    world = make_world(**ORGANIZATIONS)
    github.person("ada", organizations=organizations)
    answer = await world.browser().sign_in()
    assert answer.status_code == status, answer.text
    if status == 401:
        assert "not an active member of an organization" in answer.json()["message"]
        assert await world.db.fetchval("select count(*) from users where not is_system") == 0


@pytest.mark.requirement("GITHUB-MEMBER-02")
@pytest.mark.parametrize(
    ("teams", "organizations", "status"),
    [
        ({}, {"harbour": "active"}, 401),
        ({"harbour/cooks": "active"}, {"harbour": "active"}, 401),
        ({"harbour/pilots": "pending"}, {"harbour": "active"}, 401),
        ({"docks/pilots": "active"}, {"docks": "active"}, 401),
        ({"docks/crane-drivers": "active"}, {"docks": "pending"}, 401),
        ({"harbour/pilots": "active"}, {"harbour": "active"}, REDIRECTED),
        ({"docks/crane-drivers": "active"}, {"harbour": "active", "docks": "active"}, REDIRECTED),
        ({"HARBOUR/Pilots": "active"}, {"Harbour": "active"}, REDIRECTED),
    ],
)
async def test_an_active_membership_in_a_team_is_needed_where_teams_are_named(
    make_world: MakeWorld, github: GitHub, teams: dict[str, str], organizations: dict[str, str], status: int
) -> None:
    world = make_world(**TEAMS)
    github.person("ada", teams=teams, organizations=organizations)
    answer = await world.browser().sign_in()
    assert answer.status_code == status, answer.text
    if status == 401 and "pending" not in organizations.values():
        assert "not an active member of a team" in answer.json()["message"]


@pytest.mark.requirement("GITHUB-MEMBER-01")
async def test_a_membership_that_ends_ends_signing_in(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world(**ORGANIZATIONS)
    person = github.person("ada", organizations={"harbour": "active"})
    assert (await world.browser().sign_in()).status_code == REDIRECTED
    person.organizations.clear()
    assert (await world.browser().sign_in()).status_code == 401


@pytest.mark.requirement("GITHUB-MEMBER-01")
async def test_everybody_may_where_everybody_may_and_nothing_is_asked(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    github.person("ada")
    assert (await world.browser().sign_in()).status_code == REDIRECTED
    assert github.requests(f"{API}/user/memberships/orgs") == []


@pytest.mark.requirement("GITHUB-EMAIL-01")
@pytest.mark.parametrize(
    "emails",
    [
        [],
        [{"email": "a@corp.test", "primary": True, "verified": False}],
        [{"email": "a@corp.test", "primary": False, "verified": True}],
        [
            {"email": "a@corp.test", "primary": True, "verified": False},
            {"email": "b@corp.test", "primary": False, "verified": True},
        ],
        [{"email": "a@corp.test", "primary": "true", "verified": "true"}],
        [{"email": None, "primary": True, "verified": True}],
        ["nonsense", {}],
    ],
)
async def test_an_address_that_is_not_primary_and_verified_does_not_count(
    make_world: MakeWorld, github: GitHub, emails: list[Any]
) -> None:
    world = make_world()
    github.person("ada", emails=emails)
    status, message = said(await world.browser().sign_in())
    assert status == 400
    assert "not verified" in message


@pytest.mark.requirement("GITHUB-EMAIL-01")
async def test_the_primary_verified_address_is_taken_and_hidden_ones_are_explained(
    make_world: MakeWorld, github: GitHub
) -> None:
    world = make_world()
    others = [{"email": f"o{number}@corp.test", "primary": False, "verified": True} for number in range(120)]
    github.person("ada", emails=[*others, {"email": "ada@corp.test", "primary": True, "verified": True}])
    browser = world.browser()
    assert (await browser.sign_in()).status_code == REDIRECTED
    assert (await browser.me())["email"] == "ada@corp.test"
    github.trouble(f"{API}/user/emails", status=404, body={"message": "Not Found"})
    status, message = said(await world.browser().sign_in())
    assert status == 400
    assert "does not tell your e-mail addresses" in message


@pytest.mark.requirement("GITHUB-ID-01")
@pytest.mark.expected_errors("GitHub did not complete the sign-in")
@pytest.mark.parametrize(
    "user", [{"id": 0, "login": "ada"}, {"login": "ada"}, {"id": "7", "login": "ada"}, {"id": True, "login": "ada"},
             {"id": -5, "login": "ada"}, {"id": 2**70, "login": "ada"}, {"id": 7}, {"id": 7, "login": ["ada"]}],
)  # fmt: skip
async def test_an_account_without_an_id_is_nobody(make_world: MakeWorld, github: GitHub, user: dict[str, Any]) -> None:
    world = make_world()
    github.person("ada")
    github.trouble(f"{API}/user", status=200, body=user)
    answer = await world.browser().sign_in()
    assert answer.status_code == 500
    assert await world.db.fetchval("select count(*) from user_links") == 0


@pytest.mark.requirement("GITHUB-LINK-01")
async def test_a_changed_address_keeps_the_account(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    person = github.person("ada", email="ada@corp.test")
    browser = world.browser()
    await browser.sign_in()
    first = await browser.me()
    person.emails = [{"email": "ada@home.test", "primary": True, "verified": True}]
    person.login = "countess"
    again = world.browser()
    assert (await again.sign_in()).status_code == REDIRECTED
    me = await again.me()
    assert (me["id"], me["email"], me["username"]) == (first["id"], "ada@home.test", "ada")


@pytest.mark.requirement("GITHUB-LINK-01")
async def test_a_deleted_account_stays_deleted_and_its_person_begins_anew(
    make_world: MakeWorld, github: GitHub
) -> None:
    world = make_world()
    owner = await world.accounts.make("owner")
    person = github.person("ada", email="ada@corp.test")
    browser = world.browser()
    await browser.sign_in()
    first = await browser.me()
    assert (await world.api.call(owner, "DELETE", f"/users/{first['id']}")).status_code == 200
    person.emails = [{"email": "ada@home.test", "primary": True, "verified": True}]
    again = world.browser()
    assert (await again.sign_in()).status_code == REDIRECTED
    second = await again.me()
    assert second["id"] != first["id"]
    person.emails = [{"email": "ada@third.test", "primary": True, "verified": True}]
    third = world.browser()
    await third.sign_in()
    assert (await third.me())["id"] == second["id"]


@pytest.mark.requirement("GITHUB-LINK-01")
async def test_another_account_with_the_same_address_does_not_get_in(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    github.person("ada", email="ada@corp.test")
    await world.browser().sign_in()
    github.person("eve", email="ADA@corp.test")
    answer = await world.browser().sign_in()
    assert answer.status_code == 403
    assert "linked to another account" in answer.json()["message"]


@pytest.mark.requirement("GITHUB-CLASH-01", "GITHUB-REFUSAL-01")
async def test_an_account_with_a_password_is_not_taken_over(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    owner = await world.accounts.make("owner")
    github.person("ada", email=owner.email)
    answer = await world.browser().sign_in()
    assert answer.status_code == 403
    assert answer.json()["message"] == "This account signs in by 'password', not by 'github'."
    assert "converted" in answer.json()["detail"]
    assert not await has_session(world, owner.username)
    page = await world.browser().sign_in(headers=HTML)
    assert page.status_code == 303
    told = parse_qs(urlsplit(page.headers["location"]).query)
    assert "converted" in told["message"][0]


async def test_dormant_accounts_wake_and_suspended_ones_stay_out(make_world: MakeWorld, github: GitHub) -> None:
    world = make_world()
    await world.accounts.make("owner")
    github.person("ada")
    browser = world.browser()
    await browser.sign_in()
    await world.db.execute("update users set status = 'dormant' where username = 'ada'")
    assert (await world.browser().sign_in()).status_code == REDIRECTED
    assert (await world.user("ada"))["status"] == "active"
    await world.db.execute("update users set status = 'suspended' where username = 'ada'")
    answer = await world.browser().sign_in()
    assert answer.status_code in {401, 403}
    assert "suspended" in answer.json()["message"]


@pytest.mark.requirement("GITHUB-HOST-01")
async def test_ids_of_github_com_are_known_as_such(make_world: MakeWorld, github: GitHub) -> None:
    with known_as_github_com(github):
        world = make_world(OAUTH2_GITHUB_ENTERPRISE_BASE_URL=None)
        person = github.person("ada")
        assert (await world.browser().sign_in()).status_code == REDIRECTED
    row = await world.user("ada")
    assert (row["github_com_user_id"], row["linked_id"]) == (person.id, str(person.id))


async def test_without_github_nobody_comes_by_it(make_world: MakeWorld) -> None:
    names = ("CLIENT_ID", "CLIENT_SECRET", "ENTERPRISE_BASE_URL", "ALLOW_SIGNUPS", "ALLOW_EVERYONE")
    world = make_world(**{f"OAUTH2_GITHUB_{name}": None for name in names})
    answer = await world.browser().get(CALLBACK)
    assert answer.status_code == 400
    assert "not set up" in answer.json()["message"]
    assert (await world.browser().get(CALLBACK, headers=HTML)).status_code == 303


@pytest.mark.requirement("GITHUB-METHODS-01")
async def test_programs_are_told_the_ways_to_sign_in(make_world: MakeWorld) -> None:
    world = make_world(DISABLE_PASSWORD_AUTH="true")
    found = (await world.api.raw("GET", "/api/v2/users/authmethods")).json()
    assert found["github"] == {"enabled": True, "default_provider_configured": False}
    assert found["oidc"]["enabled"] is False
    assert found["password"] == {"enabled": False}


@pytest.mark.requirement("GITHUB-TOKENS-01")
async def test_tokens_are_sealed_and_refreshed_at_github(make_world: MakeWorld, github: GitHub, clock: Any) -> None:
    world = make_world()
    github.token_seconds = 3600
    github.person("ada")
    browser = world.browser()
    await browser.sign_in()
    row = await world.db.fetchrow("select * from user_links")
    assert row is not None
    given = [*github.tokens, *github.refresh_tokens]
    sealed = bytes(row["access_token_sealed"]), bytes(row["refresh_token_sealed"])
    assert all(token.encode() not in value for token in given for value in sealed)
    cipher = Cipher([bytes(range(32))])
    assert {cipher.decrypt(value).decode() for value in sealed} == set(given)
    assert row["token_key_id"] == cipher.key_id
    before = await world.db.fetchval("select expires_at from api_keys where user_id = $1", row["user_id"])
    clock.advance(timedelta(seconds=3700))
    await browser.me()
    after = await world.db.fetchrow("select * from user_links")
    assert after is not None
    assert after["oauth_expiry"] > row["oauth_expiry"]
    assert bytes(after["refresh_token_sealed"]) != sealed[1]
    assert [seen.form.get("grant_type") for seen in github.requests("/login/oauth/access_token")][-1] == "refresh_token"
    key = await world.db.fetchrow("select expires_at, last_used from api_keys where user_id = $1", row["user_id"])
    assert key is not None
    assert key["expires_at"] >= before
    # GitHub takes the refresh token no more: the session has a readable end.
    github.refresh_tokens.clear()
    clock.advance(timedelta(seconds=3700))
    answer = await world.api.raw("GET", "/api/v2/users/me", headers=browser.session)
    assert answer.status_code == 401
    assert "GitHub" in answer.json()["detail"] + answer.json()["message"]
