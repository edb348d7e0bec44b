"""Whatever is sent to the pages of the authorization server: an answer below 500, JSON or a page, and never a way elsewhere."""

from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeport.oauth2.types import DEVICE_GRANT
from tests.homeport.oauth2.visitors import HTML, asking
from tests.homeport.oauth2.world import CALLBACK, MCP, World

PATHS = ("/oauth2/authorize", "/oauth2/device/verify")
WORDS = (
    "", "code", "token", "none", "none consent", "consent", "S256", "plain", "allow", "deny", "switch", "a" * 43, MCP,
    CALLBACK, "https://evil.example/", "javascript:alert(1)", "http://127.0.0.1:99999/", "http://[", "//", "\\\\",
    "coder:all", "openid", "x" * 5000, "BCDF-GHJK", "%00", "{{7*7}}", "' or 1=1 --", "../../etc/passwd",
)  # fmt: skip
PARAMETERS = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "resource", "code_challenge", "code_challenge_method",
    "prompt", "request", "request_uri", "response_mode", "client_secret", "access_token", "coder_session_token",
    "csrf_token", "decision", "user_code", "x", "",
)  # fmt: skip
# What might be a value, or go wrong as one.
VALUES = st.one_of(st.sampled_from(WORDS), st.text(max_size=40)).map(lambda text: text.encode("utf-8", "surrogatepass"))
NAMES = st.sampled_from(PARAMETERS)
CHANGES = st.lists(st.tuples(NAMES, st.one_of(VALUES, st.binary(max_size=20))), max_size=5)


def encoded(pairs: Any) -> bytes:
    """A form of odd bytes."""
    return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(value)}" for name, value in pairs).encode()


@pytest.mark.requirement("SEC-01", "AUT-02", "M04")
@given(
    path=st.sampled_from(PATHS),
    changes=CHANGES,
    fields=CHANGES,
    raw=st.one_of(st.none(), st.binary(max_size=60)),
    method=st.sampled_from(["GET", "POST"]),
    who=st.sampled_from(["nobody", "cookie", "header"]),
    accept=st.sampled_from([HTML, "*/*", ""]),
    kind=st.sampled_from(["application/x-www-form-urlencoded", "application/json", "multipart/form-data", ""]),
)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
async def test_nothing_that_is_sent_breaks_a_page_or_leads_away(
    world: World,
    path: str,
    changes: list[tuple[str, bytes]],
    fields: list[tuple[str, bytes]],
    raw: bytes | None,
    method: str,
    who: str,
    accept: str,
    kind: str,
) -> None:
    person = await world.accounts.make("member")
    client = await world.make_client(is_public=True, grant_types=["authorization_code", DEVICE_GRANT])
    named = {name for name, _ in changes}
    pairs = [(name, value.encode()) for name, value in asking(client).items() if name not in named or len(changes) % 2]
    query = encoded([*pairs, *changes]).decode() if raw is None else quote_from_bytes(raw, safe="&=+;%")
    headers = {"accept": accept, "content-type": kind, "sec-fetch-site": "same-origin"}
    if who == "cookie":
        headers["cookie"] = f"coder_session_token={person.token}"
    elif who == "header":
        headers |= person.headers
    more: dict[str, Any] = {"content": encoded(fields)} if method == "POST" else {}
    reply = await world.first.request(method, f"{path}?{query}", headers=headers, **more)
    assert reply.status_code in {200, 303, 400, 401, 403, 429}, (reply.status_code, reply.text)
    if reply.status_code == 303:
        location = reply.headers["location"]
        assert location.isascii()
        assert location.isprintable()
        assert location.startswith((f"{CALLBACK}?", "/login?redirect=%2Foauth2%2F", "/oauth2/authorize?")), location
    elif reply.headers["content-type"].startswith("application/json"):
        assert set(reply.json()) == {"error", "error_description"}
        assert reply.json()["error_description"].isascii()
    else:
        assert reply.headers["content-type"].startswith("text/html")
        assert reply.headers["x-frame-options"] == "DENY"
        assert "evil.example" not in reply.text.replace(quote_from_bytes(b"https://evil.example/", safe=""), "")
