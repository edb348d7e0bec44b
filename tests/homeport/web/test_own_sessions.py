"""The account page about sessions, and what a browser is told when its session has ended."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from homeport.access.errors import ACCOUNT_SHUT, SESSION_ENDED, SESSION_EXPIRED, SIGNED_OUT
from homeport.identity.queries import links as link_queries
from homeport.identity.service.keys import create_key
from homeport.identity.types import LinkClaims, LoginType
from homeport.kit import clock as kit_clock
from homeport.kit.clock import FakeClock
from tests.homeport.web.site import Document, Site
from tests.support.accounts import Person


async def another(
    site: Site, person: Person, *, login_type: LoginType = LoginType.PASSWORD, name: str = "", hours: float = 24
) -> str:
    async with site.db.transaction() as conn:
        _, token = await create_key(
            conn, user_id=person.id, login_type=login_type, lifetime=timedelta(hours=hours), token_name=name
        )
    return token


def as_person(person: Person, token: str) -> Person:
    return Person(person.kind, person.id, person.username, person.email, token, person.subject)


async def works(site: Site, token: str) -> bool:
    answer = await site.app.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": token})
    return answer.status_code == 200


@pytest.mark.requirement("WEB-ACCOUNT-08")
async def test_sessions_are_named_by_their_way_and_tokens_that_ran_out_are_shown_as_such(
    site: Site, clock: FakeClock
) -> None:
    member, owner = await site.accounts.make("member"), await site.accounts.make("owner")
    await another(site, member, login_type=LoginType.OIDC)
    await another(site, member, login_type=LoginType.TOKEN, name="robot", hours=1)
    clock.advance(timedelta(hours=2))
    for person, path in ((member, "/account"), (owner, f"/users/{member.username}")):
        text = Document((await site.get(person, path)).text).text
        assert "by OpenID Connect" in text
        assert "ended 1 hour ago" in text
        assert "ends in" in text


@pytest.mark.requirement("WEB-ACCOUNT-07")
async def test_one_session_all_others_or_everything_ends(site: Site):
    member = await site.accounts.make("member")
    first, second = await another(site, member), await another(site, member)
    token = await another(site, member, login_type=LoginType.TOKEN, name="robot")
    page = Document((await site.get(member, "/account")).text)
    assert "This session by password from" in page.text
    assert page.text.count("Session by password from") == 2
    assert "robot never used" in page.text
    one = await site.post(member, f"/account/sessions/{first[:10]}/revoke")
    assert (one.status_code, one.headers["location"]) == (303, "/account?notice=session#sessions")
    assert not await works(site, first)
    assert await works(site, second)
    stranger = await site.accounts.make("member")
    assert (await site.post(stranger, f"/account/sessions/{second[:10]}/revoke")).status_code == 404
    assert (await site.post(member, "/account/sessions/end")).status_code == 303
    assert [await works(site, each) for each in (second, member.token, token)] == [False, True, True]
    everywhere = await site.post(member, "/account/sign-out", {"tokens": "yes"})
    assert everywhere.headers["location"] == "/login?notice=signed-out-everywhere"
    assert [await works(site, each) for each in (member.token, token)] == [False, False]
    gone = [line for line in everywhere.headers.get_list("set-cookie") if line.startswith("coder_session_token=")]
    assert "Max-Age=-1" in gone[0] or "Max-Age=0" in gone[0]
    assert "You have been signed out everywhere." in (await site.get(None, everywhere.headers["location"])).text
    assert await works(site, stranger.token)


@pytest.mark.requirement("WEB-ACCOUNT-07")
async def test_ending_this_session_is_signing_out(site: Site):
    member = await site.accounts.make("member")
    answer = await site.post(member, f"/account/sessions/{member.token[:10]}/revoke")
    assert answer.headers["location"] == "/login?notice=signed-out"
    assert await site.db.fetchval("select action from audit_logs order by time desc limit 1") == "delete"
    assert not await works(site, member.token)


@pytest.mark.requirement("WEB-ACCOUNT-07")
@pytest.mark.parametrize("path", ["/account/sign-out", "/account/sessions/end"])
async def test_no_link_and_no_foreign_form_signs_anybody_out(site: Site, path: str):
    member = await site.accounts.make("member")
    assert (await site.get(member, path)).status_code in {404, 405}
    assert (await site.send("POST", member, path, data={"csrf_token": "x" * 43})).status_code == 400
    assert (await site.post(member, path, headers={"sec-fetch-site": "cross-site"})).status_code == 400
    assert await works(site, member.token)


@pytest.mark.requirement("WEB-ACCOUNT-06")
async def test_linked_sign_ins_are_shown(site: Site, clock: FakeClock):
    member = await site.accounts.make("member")
    assert "Linked sign-ins" not in (await site.get(member, "/account")).text
    async with site.db.transaction() as conn:
        await link_queries.save_link(
            conn, user_id=member.id, login_type=LoginType.GITHUB, linked_id="7", access_token_sealed=b"x",
            refresh_token_sealed=None, token_key_id="", oauth_expiry=None, claims=LinkClaims(),
            now=kit_clock.now() - timedelta(days=3),
        )  # fmt: skip
    text = Document((await site.get(member, "/account")).text).text
    assert "GitHub since 3 days ago , refreshed 3 days ago ; not set up here any more" in text


def sent_to(answer) -> tuple[str, str]:
    """Where a browser was led: what the sign-in page is to say, and where it goes afterwards."""
    assert answer.status_code == 303
    found = urlsplit(answer.headers["location"])
    assert found.path == "/login"
    query = parse_qs(found.query)
    return query["message"][0], query["redirect"][0]


@pytest.mark.requirement("SESSION-REASON-01", "SESSION-REASON-02")
@pytest.mark.parametrize("reason", ["none", "malformed", "ended", "expired", "suspended"])
async def test_a_browser_is_told_why_and_comes_back(site: Site, clock: FakeClock, reason: str):
    member = await site.accounts.make("member", lifetime=timedelta(hours=1))
    # Without it, there is nobody yet, and the way in is another page.
    await site.accounts.make("owner")
    token, words = member.token, SIGNED_OUT
    if reason == "none":
        token = ""
    elif reason == "malformed":
        token = "x"
    elif reason == "ended":
        words = SESSION_ENDED
        await site.db.execute("delete from api_keys where user_id = $1", member.id)
    elif reason == "expired":
        words = SESSION_EXPIRED
        clock.advance(timedelta(hours=2))
    else:
        words = ACCOUNT_SHUT
        await site.db.execute("update users set status = 'suspended' where id = $1", member.id)
    stale = as_person(member, token)
    answer = await site.get(stale, "/templates?page=2")
    assert sent_to(answer) == (words, "/templates?page=2")
    forgotten = [line for line in answer.headers.get_list("set-cookie") if line.startswith("coder_session_token=;")]
    assert len(forgotten) == (1 if token else 0)
    stream = await site.get(stale, "/@x/y/events")
    assert sent_to(stream)[0] == words
    assert "set-cookie" not in stream.headers, "the reason is for the page, which asks after its stream"
    # With the stale cookie still there, as some browsers have it.
    shown = await site.get(stale, answer.headers["location"])
    assert shown.status_code == 200
    assert words in Document(shown.text).text
    assert Document(shown.text).field("redirect")["value"] == "/templates?page=2"
    tried = await site.post(stale, "/login", {"email": "nobody@homeport.test", "password": "x", "redirect": "/"})
    assert tried.status_code == 401
    assert "Incorrect email or password" in tried.text
    api = await site.app.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": token} if token else {})
    assert api.status_code == 401
    assert api.json()["message"] == SIGNED_OUT
    assert api.json()["detail"]


@pytest.mark.requirement("SESSION-REASON-01")
async def test_the_sign_in_page_repeats_no_words_that_are_not_ours(site: Site):
    await site.accounts.make("owner")
    page = await site.get(None, "/login?message=Your+account+was+hacked.+Call+555-1234&redirect=/account")
    assert "555" not in page.text
