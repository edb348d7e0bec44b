"""The way to an OpenID Connect provider and back: what is asked, what must come back, what a person sees (identity 7.1, 7.4)."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from homeport.database import Database
from homeport.kit.clock import FakeClock
from tests.support.accounts import ACCESS_URL, build_api
from tests.support.issuer import Issuer
from tests.support.signing_in import HTML, OIDC, api_of, arrive, cookies_of, depart, me, sign_in, signed_in


def _query(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def _attributes(reply: Any) -> dict[str, str]:
    return {line.partition("=")[0]: line.lower() for line in reply.headers.get_list("set-cookie")}


@pytest.mark.requirement("OIDC-BEGIN-01")
async def test_a_browser_is_sent_to_the_provider_with_state_nonce_and_pkce(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    reply = await api.call(None, "GET", f"{OIDC}?redirect=%2Fworkspaces%3Fa%3D1")
    assert (reply.status_code, reply.headers["cache-control"]) == (307, "no-store")
    asked, cookies = _query(reply.headers["location"]), cookies_of(reply)
    assert reply.headers["location"].startswith(f"{issuer.url}/authorize?")
    assert (asked["response_type"], asked["client_id"]) == ("code", "homeport")
    assert asked["redirect_uri"] == f"{ACCESS_URL}/api/v2{OIDC}"
    assert asked["scope"].split() == ["openid", "profile", "email", "offline_access"]
    assert asked["access_type"] == "offline"
    assert len(asked["state"]) == 32
    assert (asked["state"], asked["nonce"]) == (cookies["oauth_state"], cookies["oauth_nonce"])
    assert asked["code_challenge_method"] == "S256"
    assert cookies["oauth_redirect"] == "/workspaces%3Fa%3D1"
    for name in ("oauth_state", "oauth_redirect", "oauth_pkce_verifier", "oauth_nonce"):
        line = _attributes(reply)[name]
        assert all(word in line for word in ("httponly", "samesite=lax", "path=/", "max-age=1200")), line


@pytest.mark.requirement("OIDC-BEGIN-02")
async def test_each_journey_has_secrets_of_its_own_and_leaves_no_old_redirect(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    first, second = await depart(api, query="?redirect=/a"), await depart(api)
    for name in ("oauth_state", "oauth_nonce", "oauth_pkce_verifier"):
        assert first.cookies[name] != second.cookies[name]
    assert second.cookies["oauth_redirect"] == "/"


@pytest.mark.requirement("OIDC-BEGIN-03")
async def test_settings_change_what_is_asked(db: Database, issuer: Issuer) -> None:
    issuer.document_changes = {"scopes_supported": ["openid"], "code_challenge_methods_supported": ["plain"]}
    api = api_of(db, issuer, oidc_scopes=("email", "groups"), oidc_auth_url_params=("prompt=login", "hd=example.com"))
    asked = _query((await depart(api)).location)
    assert asked["scope"] == "openid email groups"
    assert (asked["prompt"], asked["hd"]) == ("login", "example.com")
    assert "access_type" not in asked
    assert "code_challenge" not in asked


@pytest.mark.requirement("OIDC-BEGIN-04")
@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/workspaces?a=1", "/workspaces?a=1"),
        ("https://evil.example/path?x=1", "/path?x=1"),
        ("//evil.example/path", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("https://evil.example", "/"),
        ("https://evil.example//other.example/x", "/"),
        ("http://[broken", "/"),
        ("/" + "a" * 3000, "/"),
        ("", "/"),
    ],
)
async def test_a_person_ends_on_a_path_of_this_server(db: Database, issuer: Issuer, target: str, goes_to: str) -> None:
    api = api_of(db, issuer)
    departure = await api.call(None, "GET", OIDC, params={"redirect": target})
    answer = issuer.authorize(departure.headers["location"])
    reply = await arrive(api, answer, cookies_of(departure))
    assert (reply.status_code, reply.headers["location"]) == (307, goes_to)


@pytest.mark.requirement("OIDC-BEGIN-04")
async def test_a_redirect_put_into_the_cookie_by_somebody_else_stays_local(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    departure = await depart(api)
    cookies = {**departure.cookies, "oauth_redirect": "https%3A//evil.example/there"}
    reply = await arrive(api, issuer.authorize(departure.location), cookies)
    assert reply.headers["location"] == "/there"


@pytest.mark.requirement("OIDC-SIGNIN-01")
async def test_a_person_comes_back_signed_in(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    reply = await sign_in(api, issuer, query="?redirect=/workspaces")
    cookies = cookies_of(reply)
    assert (reply.status_code, reply.headers["location"]) == (307, "/workspaces")
    assert reply.headers["cache-control"] == "no-store"
    assert [cookies[name] for name in ("oauth_state", "oauth_redirect", "oauth_pkce_verifier", "oauth_nonce")] == [
        ""
    ] * 4
    answer = await me(api, cookies["coder_session_token"])
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("username", "email", "login_type", "status")} == {
        "username": "ada",
        "email": "ada@example.com",
        "login_type": "oidc",
        "status": "active",
    }


@pytest.mark.requirement("OIDC-STATE-01")
@pytest.mark.parametrize(
    ("answer", "cookies", "status", "words"),
    [
        ({"state": ""}, {}, 400, "holds no state"),
        ({}, {"oauth_state": ""}, 401, "oauth_state is missing"),
        ({}, {"oauth_state": "another"}, 401, "differ"),
        ({"state": "é"}, {}, 401, "differ"),
        ({}, {"oauth_nonce": ""}, 400, "not begun in this browser"),
    ],
)
async def test_what_does_not_belong_to_this_browser_is_refused(
    db: Database, issuer: Issuer, answer: dict[str, str], cookies: dict[str, str], status: int, words: str
) -> None:
    api = api_of(db, issuer)
    departure = await depart(api)
    brought = {**issuer.authorize(departure.location), **answer}
    kept = {name: value for name, value in {**departure.cookies, **cookies}.items() if value}
    reply = await arrive(api, brought, kept)
    assert reply.status_code == status
    assert words in reply.text
    assert "coder_session_token" not in cookies_of(reply)
    assert issuer.count("POST /token") == 0


@pytest.mark.requirement("OIDC-STATE-02")
@pytest.mark.expected_errors("did not complete the sign-in")
async def test_a_code_of_another_browser_is_worth_nothing_here(db: Database, issuer: Issuer) -> None:
    """The code that somebody got for themselves cannot sign another person in: it is bound to their verifier and nonce."""
    api = api_of(db, issuer)
    theirs, mine = await depart(api), await depart(api)
    stolen = {**issuer.authorize(theirs.location), "state": mine.cookies["oauth_state"]}
    reply = await arrive(api, stolen, mine.cookies)
    assert reply.status_code == 500
    assert "wrong verifier" in reply.json()["detail"]


@pytest.mark.requirement("OIDC-STATE-02")
async def test_without_pkce_the_nonce_binds_the_code_to_the_browser(db: Database, issuer: Issuer) -> None:
    issuer.document_changes = {"code_challenge_methods_supported": ["plain"]}
    api = api_of(db, issuer)
    theirs, mine = await depart(api), await depart(api)
    stolen = {**issuer.authorize(theirs.location), "state": mine.cookies["oauth_state"]}
    reply = await arrive(api, stolen, mine.cookies)
    assert reply.status_code == 400
    assert "nonce" in reply.json()["detail"]


@pytest.mark.requirement("OIDC-STATE-03")
async def test_nobody_but_a_conversion_chooses_a_state(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    for state in ("chosen", "convert-" + "a" * 200, "convert-a b", "convert-é"):
        reply = await api.call(None, "GET", OIDC, params={"oidc_merge_state": state})
        assert reply.status_code == 400
        assert reply.json()["validations"][0]["field"] == "oidc_merge_state"
    departure = await depart(api, query="?oidc_merge_state=convert-abc")
    assert departure.cookies["oauth_state"] == "convert-abc"
    reply = await arrive(api, issuer.authorize(departure.location), departure.cookies)
    assert reply.status_code == 400
    assert not cookies_of(reply).get("coder_session_token")


@pytest.mark.requirement("OIDC-REFUSAL-01")
@pytest.mark.parametrize("code", ["access_denied", "made_up<script>"])
async def test_a_refusal_of_the_provider_is_told(db: Database, issuer: Issuer, code: str) -> None:
    api = api_of(db, issuer)
    refusal = {"error": code, "error_description": "Call 555 now", "error_uri": "https://evil.example"}
    program = await api.call(None, "GET", OIDC, params=refusal)
    assert program.status_code == 400
    assert "Call 555 now" in program.json()["detail"]
    long = await api.call(None, "GET", OIDC, params={**refusal, "error_description": "\x00\n\u202e" * 2000})
    assert long.json()["detail"] == "?" * 500, "what anybody can write is bounded, and holds nothing that logs act upon"
    person = await api.call(None, "GET", OIDC, params=refusal, headers=HTML)
    assert person.status_code == 303
    shown = _query(person.headers["location"])["message"]
    assert shown.startswith("The provider did not sign you in")
    # Anybody can write such a link, so nothing of it is repeated but codes that standards know.
    assert "555" not in shown
    assert "script" not in shown
    assert ("access_denied" in shown) == (code == "access_denied")


@pytest.mark.requirement("OIDC-REFUSAL-02")
async def test_people_see_a_page_where_programs_get_json(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    issuer.person["email_verified"] = False
    reply = await sign_in(api, issuer, query="?redirect=/templates", **HTML)
    target = urlsplit(reply.headers["location"])
    assert (reply.status_code, target.path) == (303, "/login")
    assert _query(reply.headers["location"])["message"].startswith("Verify your e-mail address")
    assert _query(reply.headers["location"])["redirect"] == "/templates"
    assert cookies_of(reply)["oauth_state"] == ""
    assert reply.headers["cache-control"] == "no-store"
    program = await sign_in(api, issuer)
    assert (program.status_code, program.headers["content-type"]) == (403, "application/json")


@pytest.mark.requirement("OIDC-OFF-01")
async def test_without_settings_there_is_no_provider(db: Database) -> None:
    api = build_api(db)
    reply = await api.call(None, "GET", OIDC)
    assert reply.status_code == 400
    assert "not set up" in reply.json()["message"]
    assert (await api.call(None, "GET", "/users/authmethods")).json()["oidc"]["enabled"] is False


@pytest.mark.requirement("OIDC-OFF-01")
async def test_the_ways_to_sign_in_name_the_provider(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer, oidc_sign_in_text="Example Corp", oidc_icon_url="https://example.com/icon.svg")
    ways = (await api.call(None, "GET", "/users/authmethods")).json()
    assert ways["oidc"] == {
        "enabled": True,
        "signInText": "Example Corp",
        "iconUrl": "https://example.com/icon.svg",
    }
    assert issuer.requests == []


@pytest.mark.requirement("OIDC-DISCOVERY-01")
async def test_a_provider_that_is_away_is_asked_again(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    api = api_of(db, issuer)
    path = "/.well-known/openid-configuration"
    issuer.failing[path] = (503, {})
    reply = await api.call(None, "GET", OIDC)
    assert reply.status_code == 503
    assert "cannot be reached" in reply.json()["message"]
    asked = issuer.count(f"GET {path}")
    # A reading request is tried twice, and not again in the same breath.
    assert asked == 2
    assert (await api.call(None, "GET", OIDC)).status_code == 503
    assert issuer.count(f"GET {path}") == asked
    del issuer.failing[path]
    clock.advance(timedelta(seconds=6))
    await signed_in(api, issuer)
    await signed_in(api, issuer)
    assert issuer.count(f"GET {path}") == asked + 1


@pytest.mark.requirement("OIDC-DISCOVERY-02")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "https://another.example"}, "another.example"),
        ({"issuer": None}, "issuer"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"scopes_supported": "openid"}, "scopes_supported"),
        ({"authorization_endpoint": "http://[bad"}, "authorization_endpoint"),
        ({"token_endpoint": "https://"}, "token_endpoint"),
        ({"userinfo_endpoint": "http://127.0.0.1/a\r\nSet-Cookie: a=b"}, "userinfo_endpoint"),
        ({"end_session_endpoint": 7}, "end_session_endpoint"),
    ],
)
async def test_a_document_that_cannot_be_right_is_not_used(
    db: Database, issuer: Issuer, changes: dict[str, Any], words: str
) -> None:
    api = api_of(db, issuer)
    issuer.document_changes = changes
    reply = await api.call(None, "GET", OIDC)
    assert reply.status_code == 503
    assert words in reply.json()["detail"]


@pytest.mark.requirement("OIDC-DISCOVERY-03")
async def test_the_first_words_with_a_provider_only_warn(
    db: Database, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    api = api_of(db, issuer)
    issuer.document_changes = {"scopes_supported": ["openid"]}
    await api.providers.greet()
    assert "offers no offline_access" in caplog.text
    caplog.clear()
    issuer.failing["/.well-known/openid-configuration"] = (404, {})
    await api_of(db, issuer).providers.greet()
    assert "cannot be reached" in caplog.text
    assert [record.levelname for record in caplog.records if "OIDC" in record.getMessage()] == ["WARNING"]


@pytest.mark.requirement("OIDC-ISS-01")
async def test_the_answer_names_its_issuer(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    issuer.answer_changes = {"iss": "https://another.example"}
    reply = await sign_in(api, issuer)
    assert reply.status_code == 400
    assert "another issuer" in reply.json()["message"]
    assert issuer.count("POST /token") == 0
    issuer.answer_changes = {"iss": issuer.url}
    assert (await sign_in(api, issuer)).status_code == 307
    issuer.document_changes, issuer.answer_changes = {"authorization_response_iss_parameter_supported": True}, {}
    strict = api_of(db, issuer)
    assert (await sign_in(strict, issuer)).status_code == 400


@pytest.mark.requirement("OIDC-EXCHANGE-01")
@pytest.mark.expected_errors("did not complete the sign-in")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": "invalid_grant", "error_description": "no"}),
        (500, {}),
        (200, {"token_type": "Bearer"}),
        (200, {"access_token": 7}),
        (200, {"access_token": "a\x00b", "token_type": "Bearer"}),
        (200, {"access_token": "a", "token_type": "mac"}),
    ],
)
async def test_an_exchange_that_fails_is_told_and_makes_no_session(
    db: Database, issuer: Issuer, status: int, body: dict[str, Any]
) -> None:
    api = api_of(db, issuer)
    issuer.failing["/token"] = (status, body)
    reply = await sign_in(api, issuer)
    assert reply.status_code == 500
    assert "did not complete the sign-in" in reply.json()["message"]
    person = await sign_in(api, issuer, **HTML)
    assert person.status_code == 303
    # A code is good once, so asking again cannot help.
    assert issuer.count("POST /token") == 2
    assert await db.fetchval("select count(*) from users where not is_system") == 0


@pytest.mark.requirement("OIDC-EXCHANGE-02")
async def test_a_client_proves_itself_as_the_provider_takes_it(db: Database, issuer: Issuer) -> None:
    issuer.document_changes = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    await signed_in(api_of(db, issuer), issuer)
    assert issuer.token_forms[-1]["client_secret"]
    issuer.document_changes = {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}
    await signed_in(api_of(db, issuer), issuer)
    assert "client_secret" not in issuer.token_forms[-1]


@pytest.mark.requirement("OIDC-EXCHANGE-03")
async def test_a_provider_that_hangs_is_not_waited_for(
    db: Database, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homeport.identity.login.outbound.SECONDS", 0.3)
    api = api_of(db, issuer)
    await signed_in(api, issuer)
    issuer.delays["/token"] = 1.5
    reply = await sign_in(api, issuer)
    assert reply.status_code == 503


@pytest.mark.requirement("OIDC-REFUSAL-02")
async def test_an_answer_too_large_is_not_read(db: Database, issuer: Issuer) -> None:
    api = api_of(db, issuer)
    issuer.token_changes = {"more": "x" * 1_100_000}
    reply = await sign_in(api, issuer)
    assert reply.status_code == 503
    assert "more than" in reply.json()["detail"]
