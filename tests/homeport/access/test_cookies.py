"""Names of cookies under https: ours cannot be set by sibling hosts, and what those set does not count."""

from typing import Any

import pytest

from homeport.access import cookies
from homeport.database import Database
from tests.support.accounts import Accounts, Api, build_api

HTTPS = "https://homeport.test"
BROWSER = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "User-Agent": "Mozilla/5.0"}


def inward(text: str, **headers: str) -> str:
    """Return the cookies that count of a request with these."""
    given = [(b"cookie", part.encode()) for part in text.split("|")]
    given += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return dict(cookies.inward(given)).get(b"cookie", b"").decode()


@pytest.mark.requirement("COOKIE-HOST-02")
@pytest.mark.parametrize(
    "headers",
    [{"sec_fetch_site": "none"}, {"sec_fetch_mode": "websocket"}, {"origin": HTTPS}, {"user_agent": "Mozilla/5.0 x"}],
)
def test_of_a_browser_only_prefixed_cookies_count(headers: dict[str, str]) -> None:
    assert inward("a=planted", **headers) == ""
    assert inward("a=planted; __Host-a=ours; b=other", **headers) == "a=ours"
    assert inward("__Host-a=ours|a=planted", **headers) == "a=ours"
    assert inward("__host-a=planted; __HOST-b=planted; __Secure-c=planted", **headers) == ""


@pytest.mark.requirement("COOKIE-HOST-02")
def test_programs_may_send_plain_ones_but_never_beside_a_prefixed_one() -> None:
    assert inward("a=theirs; b=2", user_agent="curl/8") == "a=theirs; b=2"
    assert inward("a=theirs; __Host-a=ours") == "a=ours"
    assert inward("__Host-a=ours; a=theirs; b=2") == "a=ours; b=2"


@pytest.mark.requirement("COOKIE-HOST-02")
def test_two_different_ones_of_a_name_are_none() -> None:
    assert inward("__Host-a=1; __Host-a=2; __Host-b=3", origin=HTTPS) == "b=3"
    assert inward("__Host-a=1; __Host-a=2; a=4") == ""
    assert inward("__Host-a=1; __Host-a=1") == "a=1"


@pytest.mark.requirement("COOKIE-HOST-02")
def test_odd_cookies_do_no_harm() -> None:
    assert inward("=x; ;; nothing; __Host-=y; a", origin=HTTPS) in {"=y", ""}
    assert inward("a=b=c; d=") == "a=b=c; d="
    headers = [(b"accept", b"*/*")]
    assert cookies.inward(headers) is headers


@pytest.mark.requirement("COOKIE-HOST-01")
def test_each_cookie_that_leaves_is_prefixed_once() -> None:
    given = [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"__Host-b=2"), (b"x", b"set-cookie")]
    assert cookies.outward(given) == [(b"set-cookie", b"__Host-a=1; Path=/"), given[1], given[2]]


class Browser:
    """What a browser keeps and sends back."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.jar: dict[str, str] = {}

    async def send(self, method: str, path: str, *, extra: str = "", **more: Any) -> Any:
        """Send a request with the cookies of the jar, and keep those of the answer."""
        cookie = "; ".join([*(f"{name}={value}" for name, value in self.jar.items()), *([extra] if extra else [])])
        headers = {**BROWSER, "Cookie": cookie, **more.pop("headers", {})}
        answer = await self.api.raw(method, path, headers=headers, **more)
        for text in answer.headers.get_list("set-cookie"):
            name, _, rest = text.partition("=")
            self.jar[name] = rest.partition(";")[0]
        return answer


async def session(db: Database, accounts: Accounts, access_url: str) -> tuple[Browser, str]:
    """Make an account with a session in a browser's jar, under the name that the deployment uses."""
    api = build_api(db, access_url=access_url)
    person = await accounts.make()
    browser = Browser(api)
    name = "__Host-coder_session_token" if access_url == HTTPS else "coder_session_token"
    browser.jar[name] = person.token
    return browser, person.token


@pytest.mark.requirement("COOKIE-HOST-02")
async def test_what_a_sibling_host_plants_signs_nobody_in(db: Database, accounts: Accounts) -> None:
    browser, token = await session(db, accounts, HTTPS)
    other = await accounts.make()
    assert (await browser.send("GET", "/api/v2/users/me")).json()["id"] != str(other.id)
    planted = f"coder_session_token={other.token}"
    assert (await browser.send("GET", "/api/v2/users/me", extra=planted)).json()["id"] != str(other.id)
    browser.jar.clear()
    assert (await browser.send("GET", "/api/v2/users/me", extra=planted)).status_code == 401
    program = await browser.api.raw("GET", "/api/v2/users/me", headers={"Cookie": planted})
    assert program.json()["id"] == str(other.id)
    assert token != other.token


@pytest.mark.requirement("COOKIE-HOST-02")
async def test_the_double_submit_counts_prefixed_tokens_only(db: Database, accounts: Accounts) -> None:
    browser, _ = await session(db, accounts, HTTPS)
    header = {"X-CSRF-TOKEN": "abc"}
    planted = await browser.send("POST", "/api/v2/users/me/keys", extra="csrf_token=abc", headers=header)
    assert (planted.status_code, "Something is wrong with your CSRF token" in planted.text) == (400, True)
    assert (
        await browser.send("POST", "/api/v2/users/me/keys", extra="__Host-csrf_token=abc", headers=header)
    ).status_code == 201


@pytest.mark.requirement("COOKIE-HOST-01", "COOKIE-ATTRIBUTES-01")
@pytest.mark.parametrize(
    ("settings", "prefix", "is_secure"),
    [
        ({"access_url": "http://homeport.test"}, "", False),
        ({"access_url": "http://homeport.test", "secure_auth_cookie": True}, "", True),
        ({"access_url": HTTPS}, "__Host-", True),
    ],
)
async def test_signing_out_deletes_the_cookies_under_the_names_that_were_set(
    db: Database, accounts: Accounts, settings: dict[str, Any], prefix: str, is_secure: bool
) -> None:
    api = build_api(db, **settings)
    person = await accounts.make()
    answer = await api.call(person, "POST", "/users/logout")
    found = sorted(answer.headers.get_list("set-cookie"))
    assert [text.partition("=")[0] for text in found] == [f"{prefix}coder_session_token", f"{prefix}csrf_token"]
    for text in found:
        attributes = {part.strip().lower() for part in text.split(";")[1:]}
        assert {"path=/", "httponly", "samesite=lax"} <= attributes
        assert ("secure" in attributes) == is_secure
        assert not any(one.startswith("domain") for one in attributes)
        assert "max-age=-1" in attributes or "max-age=0" in attributes, text
