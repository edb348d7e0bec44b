"""The two clocks of a session from a provider: the key's and the link's (identity 2 step 7)."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from litestar import Response, get

from homeport.access.service import links
from homeport.database import Database
from homeport.identity.types import Identity
from homeport.kit.clock import FakeClock
from homeport.kit.crypto import Cipher
from homeport.kit.routes import authenticated, optional
from tests.support.accounts import Api, build_api
from tests.support.issuer import Issuer, running_issuer
from tests.support.signing_in import api_of, arrive, cookies_of, depart, me, sign_in, signed_in
from tests.support.waiting import until

CIPHER = Cipher([bytes(range(32))])
LIFETIME = timedelta(hours=1)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A provider whose tokens last an hour."""
    with running_issuer() as running:
        yield running


@get("/page", opt=authenticated(is_page=True))
async def page(identity: Identity) -> Response[str]:
    """Show a page to whoever is signed in."""
    return Response(identity.username)


@get("/entry", opt=optional("everybody may", is_page=True))
async def entry(optional_identity: Identity | None) -> Response[str]:
    """Show a page to everybody."""
    return Response(optional_identity.username if optional_identity else "nobody")


def _api(db: Database, issuer: Issuer, **settings: Any) -> Api:
    return build_api(db, root_routes=[page, entry], **{**issuer.settings, **settings})


async def _link(db: Database) -> dict[str, Any]:
    row = await db.fetchrow("select * from user_links")
    assert row is not None
    return dict(row)


async def _key_expiry(db: Database) -> datetime:
    found: datetime = await db.fetchval("select max(expires_at) from api_keys")
    return found


@pytest.mark.requirement("CLOCK-LIVE-01", "M12")
async def test_while_both_clocks_run_the_provider_is_left_alone(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    asked = len(issuer.requests)
    clock.advance(LIFETIME - timedelta(seconds=1))
    assert (await me(api, token)).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert (await me(api, token)).status_code == 200
    assert len(issuer.requests) == asked


@pytest.mark.requirement("CLOCK-LIVE-02")
async def test_what_never_ends_at_the_provider_follows_the_key_alone(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    issuer.lifetime = None
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    assert (await _link(db))["oauth_expiry"] is None
    clock.advance(timedelta(hours=23))
    assert (await me(api, token)).status_code == 200
    assert issuer.refreshes() == 0


@pytest.mark.requirement("CLOCK-KEY-01", "M12")
@pytest.mark.parametrize("lifetime", [3600, 10**6])
async def test_an_expired_key_is_refused_and_nothing_else_is_touched(
    db: Database, issuer: Issuer, clock: FakeClock, lifetime: int
) -> None:
    """Both with a live link and with one that has ended, too."""
    issuer.lifetime = lifetime
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    before, key = await _link(db), await db.fetchrow("select * from api_keys")
    asked = len(issuer.requests)
    clock.advance(timedelta(hours=25))
    reply = await me(api, token)
    assert reply.status_code == 401
    assert reply.json()["detail"].startswith("API key expired")
    assert len(issuer.requests) == asked
    assert (await _link(db), await db.fetchrow("select * from api_keys")) == (before, key)


@pytest.mark.requirement("CLOCK-REFRESH-01", "M12", "M22")
async def test_a_refresh_renews_the_link_and_never_the_key(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    api = _api(db, issuer, disable_session_expiry_refresh=True)
    token = await signed_in(api, issuer)
    before, expiry = await _link(db), await _key_expiry(db)
    # What the provider says of the person by now is no business of a refresh.
    issuer.person["email"] = "another@example.com"
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert (await me(api, token)).status_code == 200
    after = await _link(db)
    assert issuer.refreshes() == 1
    assert await _key_expiry(db) == expiry
    assert after["oauth_expiry"] == clock.now() + LIFETIME
    assert after["claims"] == before["claims"]
    assert after["updated_at"] == clock.now()
    assert after["refreshing_until"] is None
    for column in ("access_token_sealed", "refresh_token_sealed"):
        assert CIPHER.decrypt(after[column]) != CIPHER.decrypt(before[column])
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert (await me(api, token)).status_code == 200
    assert issuer.refreshes() == 2


@pytest.mark.requirement("CLOCK-REFRESH-01")
async def test_a_sliding_key_slides_by_its_own_rule_alone(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    clock.advance(LIFETIME + timedelta(minutes=1))
    assert (await me(api, token)).status_code == 200
    await api.gate.close()
    assert await _key_expiry(db) == clock.now() + timedelta(hours=24)
    assert (await _link(db))["oauth_expiry"] == clock.now() + LIFETIME


@pytest.mark.requirement("CLOCK-REFRESH-02")
async def test_an_answer_without_a_new_refresh_token_keeps_the_old_one(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    before = CIPHER.decrypt((await _link(db))["refresh_token_sealed"])
    issuer.gives_refresh_token = False
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert (await me(api, token)).status_code == 200
    assert CIPHER.decrypt((await _link(db))["refresh_token_sealed"]) == before


@pytest.mark.requirement("CLOCK-DEAD-01")
async def test_without_a_refresh_token_the_session_ends_with_the_providers(
    db: Database, issuer: Issuer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.gives_refresh_token = False
    api = _api(db, issuer, oidc_sign_in_text="Example Corp")
    token = await signed_in(api, issuer)
    assert "gave no refresh token" in caplog.text
    ends_at = clock.now() + LIFETIME
    clock.advance(LIFETIME + timedelta(seconds=1))
    reply = await me(api, token)
    assert reply.status_code == 401
    assert "Your session at the provider has ended" in reply.json()["message"]
    assert "Example Corp" in reply.json()["detail"]
    assert ends_at.isoformat() in reply.json()["detail"]
    assert 'error="invalid_token"' in reply.headers["www-authenticate"]
    assert issuer.refreshes() == 0


@pytest.mark.requirement("CLOCK-PAGE-01")
async def test_a_person_comes_to_the_sign_in_page_and_the_dead_session_is_forgotten(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    issuer.gives_refresh_token = False
    api = _api(db, issuer)
    cookie = {"Cookie": f"coder_session_token={await signed_in(api, issuer)}"}
    clock.advance(LIFETIME + timedelta(seconds=1))
    reply = await api.raw("GET", "/page?tab=1", headers=cookie)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/login?message=Your+session+at+the+provider+has+ended")
    assert "redirect=%2Fpage%3Ftab%3D1" in reply.headers["location"]
    forgotten = reply.headers["set-cookie"].lower()
    assert forgotten.startswith("coder_session_token=;")
    assert "max-age=0" in forgotten
    # Where signing in is optional, and the sign-in page is such a place, nobody is stopped.
    assert (await api.raw("GET", "/entry", headers=cookie)).text == "nobody"


@pytest.mark.requirement("CLOCK-DEAD-02")
async def test_a_refresh_token_that_is_refused_for_good_is_not_tried_again(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    issuer.failing["/token"] = (400, {"error": "invalid_grant"})
    clock.advance(LIFETIME + timedelta(seconds=1))
    reply = await me(api, token)
    assert reply.status_code == 401
    assert "could not refresh" in reply.json()["detail"]
    del issuer.failing["/token"]
    clock.advance(timedelta(minutes=1))
    assert (await me(api, token)).status_code == 401
    assert issuer.count("POST /token") == 2
    assert (await _link(db))["refresh_token_sealed"] is None
    # Signing in anew heals it.
    assert (await me(api, await signed_in(api, issuer))).status_code == 200


@pytest.mark.requirement("CLOCK-AWAY-01")
@pytest.mark.parametrize(
    "trouble", [(500, {}), (503, {"error": "temporarily_unavailable"}), (401, {"error": "invalid_client"})]
)
async def test_a_provider_in_trouble_is_a_401_and_no_end(
    db: Database, issuer: Issuer, clock: FakeClock, trouble: tuple[int, dict[str, Any]]
) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    cookie = {"Cookie": f"coder_session_token={token}"}
    issuer.failing["/token"] = trouble
    clock.advance(LIFETIME + timedelta(seconds=1))
    reply = await me(api, token)
    assert reply.status_code == 401
    assert "could not refresh" in reply.json()["message"]
    asked = issuer.count("POST /token")
    # Not asked again in the same breath, and the browser keeps what may work in a moment.
    page = await api.raw("GET", "/page", headers=cookie)
    assert (page.status_code, page.headers.get("set-cookie")) == (303, None)
    assert (await api.raw("GET", "/entry", headers=cookie)).text == "nobody"
    assert issuer.count("POST /token") == asked
    del issuer.failing["/token"]
    clock.advance(timedelta(seconds=4))
    assert (await me(api, token)).status_code == 200


@pytest.mark.requirement("CLOCK-AWAY-02")
async def test_a_provider_that_hangs_or_is_gone_never_makes_a_request_hang(
    db: Database, issuer: Issuer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homeport.identity.login.outbound.SECONDS", 0.3)
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    issuer.delays["/token"] = 2.0
    clock.advance(LIFETIME + timedelta(seconds=1))
    async with asyncio.timeout(2.0):
        assert (await me(api, token)).status_code == 401
    # A server that starts while the provider is gone has not even its document.
    gone = api_of(db, issuer, oidc_issuer_url="http://127.0.0.1:9")
    async with asyncio.timeout(2.0):
        assert (await me(gone, token)).status_code == 401


@pytest.mark.requirement("CLOCK-REMOVED-01")
@pytest.mark.expected_errors("Unable to refresh")
async def test_a_session_of_a_provider_that_was_removed_cannot_be_refreshed(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    token = await signed_in(_api(db, issuer), issuer)
    without = build_api(db, root_routes=[page, entry])
    # While the provider's part holds, nobody needs the provider.
    assert (await me(without, token)).status_code == 200
    clock.advance(LIFETIME + timedelta(seconds=1))
    reply = await me(without, token)
    assert reply.status_code == 500
    assert "Unable to refresh" in reply.json()["message"]
    assert "www-authenticate" not in reply.headers
    cookie = {"Cookie": f"coder_session_token={token}"}
    shown = await without.raw("GET", "/page", headers=cookie)
    assert (shown.status_code, "Unable+to+refresh" in shown.headers["location"]) == (303, True)
    assert (await without.raw("GET", "/entry", headers=cookie)).text == "nobody"


@pytest.mark.requirement("CLOCK-REMOVED-01")
@pytest.mark.expected_errors("Unable to refresh")
async def test_another_provider_is_no_help(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    await db.execute("update user_links set login_type = 'github'")
    await db.execute("update api_keys set login_type = 'github'")
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert (await me(api, token)).status_code == 500
    assert issuer.refreshes() == 0


@pytest.mark.requirement("CLOCK-NOLINK-01")
async def test_a_session_without_its_link_is_over(db: Database, issuer: Issuer) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    await db.execute("delete from user_links")
    reply = await me(api, token)
    assert reply.status_code == 401
    assert "not linked" in reply.json()["detail"]


@pytest.mark.requirement("CLOCK-OTHERS-01")
@pytest.mark.parametrize("login_type", ["token", "password", "oauth2_provider_app"])
async def test_keys_of_other_kinds_do_not_follow_the_link(
    db: Database, issuer: Issuer, clock: FakeClock, login_type: str
) -> None:
    issuer.gives_refresh_token = False
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    await db.execute("update api_keys set login_type = $1", login_type)
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert (await me(api, token)).status_code == 200


@pytest.mark.requirement("CLOCK-SINGLE-01", "M12")
async def test_twenty_requests_at_the_moment_of_refresh_are_one_refresh(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    """The provider takes each refresh token once, so a second refresh would fail."""
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    issuer.delays["/token"] = 0.3
    clock.advance(LIFETIME + timedelta(seconds=1))
    replies = await asyncio.gather(*(me(api, token) for _ in range(20)))
    assert [reply.status_code for reply in replies] == [200] * 20
    assert issuer.refreshes() == 1


@pytest.mark.requirement("CLOCK-SINGLE-02", "M12")
async def test_several_servers_are_one_refresh_together(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    servers = [_api(db, issuer) for _ in range(4)]
    token = await signed_in(servers[0], issuer)
    issuer.delays["/token"] = 0.3
    clock.advance(LIFETIME + timedelta(seconds=1))
    replies = await asyncio.gather(*(me(server, token) for server in servers for _ in range(5)))
    assert [reply.status_code for reply in replies] == [200] * 20
    assert issuer.refreshes() == 1


@pytest.mark.requirement("CLOCK-SINGLE-02")
async def test_several_servers_fail_together_and_the_dead_token_is_shown_once(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    servers = [_api(db, issuer) for _ in range(3)]
    token = await signed_in(servers[0], issuer)
    issuer.failing["/token"] = (400, {"error": "invalid_grant"})
    issuer.delays["/token"] = 0.2
    clock.advance(LIFETIME + timedelta(seconds=1))
    replies = await asyncio.gather(*(me(server, token) for server in servers for _ in range(4)))
    assert [reply.status_code for reply in replies] == [401] * 12
    assert issuer.count("POST /token") == 2


@pytest.mark.requirement("CLOCK-SINGLE-03")
async def test_the_mark_of_a_server_that_died_holds_nobody_up_for_long(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    clock.advance(LIFETIME + timedelta(seconds=1))
    await db.execute("update user_links set refreshing_until = clock_timestamp() + interval '1 second'")
    assert (await me(api, token)).status_code == 200
    assert issuer.refreshes() == 1


@pytest.mark.requirement("CLOCK-SINGLE-03")
def test_whoever_waits_outlasts_the_mark_and_the_mark_outlasts_the_work() -> None:
    waits = timedelta(seconds=links._LOOKS * links._PAUSE)
    assert links.PATIENCE < links.CLAIM < waits


@pytest.mark.requirement("CLOCK-SINGLE-03")
async def test_the_mark_of_a_server_at_work_is_waited_for(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    clock.advance(LIFETIME + timedelta(seconds=1))
    await db.execute("update user_links set refreshing_until = clock_timestamp() + interval '1 hour'")
    waiting = asyncio.create_task(me(api, token))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.3)
    await db.execute(
        "update user_links set refreshing_until = null, oauth_expiry = $1", clock.now() + timedelta(minutes=5)
    )
    assert (await waiting).status_code == 200
    assert issuer.refreshes() == 0


@pytest.mark.requirement("CLOCK-SINGLE-04")
async def test_who_signs_in_anew_during_a_refresh_keeps_what_they_brought(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    api, other = _api(db, issuer), _api(db, issuer)
    token = await signed_in(api, issuer)
    clock.advance(LIFETIME + timedelta(seconds=1))
    issuer.delays["/token"] = 0.4
    refreshing = asyncio.create_task(me(api, token))
    await until(lambda: issuer.count("POST /token") == 2)
    issuer.delays.clear()
    await signed_in(other, issuer)
    brought = await _link(db)
    assert (await refreshing).status_code == 200
    assert (await _link(db))["access_token_sealed"] == brought["access_token_sealed"]


@pytest.mark.requirement("CLOCK-REFRESH-03")
@pytest.mark.parametrize(("subject", "status"), [("ada-1", 200), ("eve-2", 401)])
async def test_tokens_of_somebody_else_are_not_taken(
    db: Database, issuer: Issuer, clock: FakeClock, subject: str, status: int
) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    issuer.gives_id_token_on_refresh, issuer.refresh_person = True, {"sub": subject}
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert (await me(api, token)).status_code == status


@pytest.mark.requirement("CLOCK-SEALED-01")
async def test_a_refresh_token_whose_key_is_lost_is_none(
    db: Database, issuer: Issuer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    api = _api(db, issuer)
    token = await signed_in(api, issuer)
    foreign = Cipher([b"x" * 32]).encrypt(b"rt-lost")
    await db.execute("update user_links set refresh_token_sealed = $1", foreign)
    clock.advance(LIFETIME + timedelta(seconds=1))
    reply = await me(api, token)
    assert (reply.status_code, "ended" in reply.json()["message"]) == (401, True)
    assert "sealed with a key that is not configured" in caplog.text
    assert issuer.refreshes() == 0
    # The mark is taken away again, so the next one does not wait.
    assert (await _link(db))["refreshing_until"] is None
    assert (await sign_in(api, issuer)).status_code == 307


@pytest.mark.requirement("CLOCK-PAGE-01")
async def test_under_https_the_cookie_is_taken_in_the_form_that_browsers_accept(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    issuer.gives_refresh_token = False
    api = _api(db, issuer, access_url="https://homeport.test")
    token = await _secure_token(api, issuer)
    clock.advance(LIFETIME + timedelta(seconds=1))
    reply = await api.raw("GET", "/page", headers={"Cookie": f"__Host-coder_session_token={token}"})
    assert reply.status_code == 303
    line = reply.headers["set-cookie"]
    assert line.startswith("__Host-coder_session_token=;")
    assert "Secure" in line
    assert "Path=/" in line


async def _secure_token(api: Api, issuer: Issuer) -> str:
    """Go the whole way where cookies have their prefix."""
    departure = await depart(api)
    reply = await arrive(api, issuer.authorize(departure.location), departure.cookies)
    return cookies_of(reply)["__Host-coder_session_token"]
