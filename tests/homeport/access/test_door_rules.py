"""Pure rules at the door: CSRF, cookies, redirects, the page policy (identity 8)."""

import pytest
from litestar import MediaType, Response, get

from homeport.access import rules
from homeport.access.page_policy import content_security_policy
from homeport.database import Database
from homeport.kit.addresses import local_path
from homeport.kit.routes import public
from tests.support.accounts import Accounts, Api, build_api

SESSION = "0123456789-0123456789012345678901"


def _problem(path: str, *, method: str = "POST", query: str = "", **headers: str) -> str:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return rules.csrf_problem(method=method, path=path, headers=pairs, query=query.encode())


WITH_SESSION = {"cookie": f"coder_session_token={SESSION}; csrf_token=tok"}


@pytest.mark.requirement("ACCESS-CSRF-01")
@pytest.mark.parametrize("path", ["/", "/workspaces", "/@ada/dev/apps/code/", "/apiary", "/derp"])
def test_paths_outside_the_api_need_no_token(path: str) -> None:
    assert _problem(path, **WITH_SESSION) == ""


@pytest.mark.requirement("ACCESS-CSRF-01")
@pytest.mark.parametrize(
    "path",
    ["/api/v2", "/api/v2/users/me/keys", "/api/v2/users/derp", "/api/v2/users/scim/keys", "/api"],
)
def test_paths_of_the_api_need_one(path: str) -> None:
    assert _problem(path, **WITH_SESSION) == rules.CSRF_GENERAL


@pytest.mark.requirement("ACCESS-CSRF-02")
@pytest.mark.parametrize("path", ["/api/v2/csp/reports", "/api/v2/users/first"])
def test_two_paths_are_exempt(path: str) -> None:
    assert _problem(path, **WITH_SESSION) == ""
    assert _problem(path + "/x", **WITH_SESSION) != ""


@pytest.mark.requirement("ACCESS-CSRF-02")
def test_who_proves_to_know_a_credential_is_exempt() -> None:
    path = "/api/v2/users/me/keys"
    assert _problem(path) == "", "no session cookie"
    for method in ("GET", "HEAD", "OPTIONS"):
        assert _problem(path, method=method, **WITH_SESSION) == ""
    assert _problem(path, **WITH_SESSION, coder_session_token=SESSION) == ""
    assert _problem(path, **WITH_SESSION, query=f"coder_session_token={SESSION}") == ""
    assert _problem(path, **WITH_SESSION, coder_provisioner_daemon_psk="x") == ""
    assert _problem(path, **WITH_SESSION, coder_provisioner_daemon_key="x") == ""
    assert _problem(path, **WITH_SESSION, authorization="Bearer x") == ""
    assert _problem(path, **WITH_SESSION, x_csrf_token="tok") == ""
    assert _problem(path, **WITH_SESSION, x_csrf_token="other") == rules.CSRF_GENERAL
    assert _problem(path, **WITH_SESSION, authorization="Basic x") == rules.CSRF_GENERAL


@pytest.mark.requirement("ACCESS-CSRF-03", "M25")
def test_the_answer_names_a_mismatch_only_when_two_tokens_differ() -> None:
    path = "/api/v2/users/me/keys"
    mismatch = _problem(path, **WITH_SESSION, coder_session_token="another")
    assert "CSRF error encountered" in mismatch
    assert "Coder-Session-Token" in mismatch
    assert "coder_session_token" in mismatch
    for general in (_problem(path, **WITH_SESSION, coder_session_token=""), _problem(path, **WITH_SESSION)):
        assert "Something is wrong with your CSRF token" in general


@pytest.mark.requirement("ACCESS-CSRF-04")
def test_forms_of_other_sites_are_refused_on_pages() -> None:
    for site in ("cross-site", "same-site"):
        assert _problem("/logout", **WITH_SESSION, sec_fetch_site=site) != ""
    assert _problem("/logout", **WITH_SESSION, sec_fetch_site="same-origin") == ""
    assert _problem("/logout", **WITH_SESSION, origin="https://evil.test", host="homeport.test") != ""
    assert _problem("/logout", **WITH_SESSION, origin="https://homeport.test", host="homeport.test") == ""
    assert _problem("/logout", **WITH_SESSION, origin="null", host="homeport.test") != ""


@pytest.mark.requirement("ACCESS-CSRF-04")
@pytest.mark.parametrize("path", ["/login", "/oauth2/authorize", "/oauth2/device/verify"])
def test_pages_that_send_no_referrer_have_forms_without_an_origin(path: str) -> None:
    assert _problem(path, **WITH_SESSION, origin="null", host="homeport.test") == ""
    assert _problem(path, **WITH_SESSION, origin="null", host="homeport.test", sec_fetch_site="cross-site") != ""
    assert _problem(path, **WITH_SESSION, origin="https://evil.test", host="homeport.test") != ""
    assert _problem(f"{path}/x", **WITH_SESSION, origin="null", host="homeport.test") != ""


@pytest.mark.requirement("ACCESS-CSRF-05")
async def test_a_forged_request_is_plain_text_400_and_does_nothing(api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    cookie = {"Cookie": f"coder_session_token={person.token}"}
    answer = await api.raw("POST", "/api/v2/users/me/keys", headers=cookie)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert "Something is wrong with your CSRF token" in answer.text
    assert await api.db.fetchval("select count(*) from api_keys") == 1
    named = await api.raw("POST", "/api/v2/users/me/keys", headers={**cookie, "Coder-Session-Token": person.token})
    assert named.status_code == 201
    token = {"Cookie": f"coder_session_token={person.token}; csrf_token=abc", "X-CSRF-TOKEN": "abc"}
    assert (await api.raw("POST", "/api/v2/users/me/keys", headers=token)).status_code == 201


@pytest.mark.requirement("ACCESS-REDIRECT-02")
@pytest.mark.parametrize(
    "target", ["//evil.test", "/\\evil.test", "https://evil.test", "javascript:x", "", "evil", "/a\r\nb", "/a\\b"]
)
def test_a_redirect_stays_on_this_server(target: str) -> None:
    assert local_path(target) == "/"


def test_a_local_redirect_is_kept() -> None:
    assert local_path("/workspaces?a=1#x") == "/workspaces?a=1#x"


@pytest.mark.requirement("ACCESS-REDIRECT-02")
def test_the_way_back_is_local_by_construction() -> None:
    assert rules.login_location("//evil.test", b"", "m") == "/login?message=m&redirect=%2F"
    assert "redirect=%2Fa%2520b" in rules.login_location("/a b", b"", "m")


@pytest.mark.requirement("ACCESS-CSP-01")
def test_the_policy_allows_our_origin_and_its_websockets() -> None:
    policy = content_security_policy(host="homeport.test:3000")
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["connect-src"] == "'self' ws://homeport.test:3000 wss://homeport.test:3000"
    assert directives["media-src"] == "'self'"
    assert directives["style-src"] == "'self' 'unsafe-inline'"
    assert directives["frame-ancestors"] == "'self'"
    assert directives["report-uri"] == "/api/v2/csp/reports"
    assert "evil" not in content_security_policy(host="x; script-src evil")


@pytest.mark.requirement("ACCESS-CSP-02")
def test_additions_are_appended_and_never_replace() -> None:
    policy = content_security_policy(host="", additions={"img-src": ("blob:",), "frame-ancestors": ("https://a.test",)})
    assert "img-src 'self' https: data: blob:" in policy
    assert "frame-ancestors 'self' https://a.test" in policy


@pytest.mark.requirement("ACCESS-CSP-01")
def test_the_way_in_is_never_framed_and_may_lead_away() -> None:
    usual, leading = (content_security_policy(host="homeport.test", leads_away=away) for away in (False, True))
    assert "form-action 'self'" in usual
    assert "form-action" not in leading
    assert "frame-ancestors 'none'" in leading
    assert (
        usual.replace("form-action 'self'; ", "").replace("frame-ancestors 'self'", "frame-ancestors 'none'") == leading
    )


@get("/hello", opt=public("for this test"), media_type=MediaType.HTML)
async def hello() -> str:
    return "<p>hello</p>"


@get("/quiet", opt=public("for this test"), sync_to_thread=False)
def quiet() -> Response[str]:
    return Response("quiet", headers={"Referrer-Policy": "no-referrer"})


@pytest.mark.requirement("ACCESS-CSP-03")
async def test_a_stricter_header_of_an_answer_stays_alone(db: Database) -> None:
    api = build_api(db, root_routes=[hello, quiet])
    assert (await api.raw("GET", "/hello")).headers.get_list("referrer-policy") == ["same-origin"]
    assert (await api.raw("GET", "/quiet")).headers.get_list("referrer-policy") == ["no-referrer"]


@pytest.mark.requirement("ACCESS-CSP-03")
async def test_pages_carry_the_policy_and_answers_carry_nosniff(db: Database) -> None:
    api = build_api(db, root_routes=[hello])
    page = await api.raw("GET", "/hello")
    assert "connect-src 'self' ws://homeport.test wss://homeport.test" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    plain = await api.raw("GET", "/api/v2/users/authmethods")
    assert "content-security-policy" not in plain.headers
    assert plain.headers["x-content-type-options"] == "nosniff"


def test_cookies_are_read_exactly() -> None:
    headers = [(b"cookie", b'xcoder_session_token=no; coder_session_token="yes"; a=b'), (b"cookie", b"later=1")]
    assert rules.cookie(headers, "coder_session_token") == "yes"
    assert rules.cookie(headers, "later") == "1"
    assert rules.cookie(headers, "missing") == ""
