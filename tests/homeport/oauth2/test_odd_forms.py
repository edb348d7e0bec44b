"""Whatever is sent to the endpoints of clients: an answer below 500, in the standards' JSON, and nothing of it comes back."""

import base64
import json
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeport.oauth2.types import DEVICE_GRANT, JWT_BEARER_ASSERTION
from tests.homeport.oauth2.world import CALLBACK, MCP, VERIFIER, World

PATHS = ("/oauth2/tokens", "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/device")
GRANTS = ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT]
PARAMETERS = (
    "grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "refresh_token", "scope", "resource",
    "device_code", "client_assertion", "client_assertion_type", "token", "token_type_hint", "x", "",
)  # fmt: skip
JWT = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"ES256"}', b'{"sub":"x","iss":"x","exp":1e400}', b"signature")
)
WORDS = (
    *GRANTS, "password", JWT_BEARER_ASSERTION, JWT, "a.b.c", MCP, CALLBACK, VERIFIER, "http://[",
    "https://localhost/x", "coder:all", "user:*", "openid " * 50, "x" * 9000, "hp_rt_0123456789_" + "a" * 32,
    "hp_code_0123456789_" + "a" * 32, "hp_cs_0123456789_" + "a" * 32, "hp_dc_0123456789_" + "a" * 32,
    "0123456789-" + "a" * 22, "00000000-0000-0000-0000-000000000000", "\x00", "%00", "' or 1=1 --", "{{7*7}}", "NaN",
)  # fmt: skip
VALUES = st.one_of(st.sampled_from(WORDS), st.text(max_size=40)).map(lambda text: text.encode("utf-8", "surrogatepass"))
FIELDS = st.lists(st.tuples(st.sampled_from(PARAMETERS), st.one_of(VALUES, st.binary(max_size=20))), max_size=6)
ENDS = {"invalid_request", "invalid_client", "invalid_grant", "invalid_scope", "invalid_target", "unauthorized_client",
        "unsupported_grant_type", "authorization_pending", "slow_down", "access_denied", "expired_token"}  # fmt: skip

FORM = "application/x-www-form-urlencoded"
KINDS = (FORM, FORM, f"{FORM}; charset=utf-8", "application/json", "text/html", "")
AUTHORIZATIONS = st.one_of(
    st.just(b""),
    st.binary(max_size=30).map(lambda value: b"Basic " + base64.b64encode(value)),
    st.sampled_from([b"Basic", b"Bearer x", b"\xff"]),
)


def encoded(pairs: Any) -> bytes:
    return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(value)}" for name, value in pairs).encode()


@pytest.mark.requirement("SEC-01", "TOK-03", "M04")
@given(
    path=st.sampled_from(PATHS),
    method=st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "DELETE", "HEAD"]),
    who=st.sampled_from(["nobody", "public", "secret", "basic"]),
    grant=st.sampled_from(["", *GRANTS]),
    fields=FIELDS,
    query=st.one_of(st.just([]), FIELDS),
    raw=st.one_of(st.none(), st.binary(max_size=80)),
    kind=st.sampled_from(KINDS),
    authorization=AUTHORIZATIONS,
)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
async def test_nothing_that_is_sent_breaks_an_endpoint(
    world: World,
    path: str,
    method: str,
    who: str,
    grant: str,
    fields: Any,
    query: Any,
    raw: bytes | None,
    kind: str,
    authorization: bytes,
) -> None:
    clients = await _clients(world)
    pairs = [
        *({"grant_type": grant}.items() if grant else ()),
        *(clients[who].form.items() if who in {"public", "secret"} else ()),
    ]
    body = encoded([(name, value.encode()) for name, value in pairs]) + b"&" + encoded(fields)
    headers = {b"content-type": kind.encode(), b"authorization": authorization}
    if who == "basic":
        headers[b"authorization"] = clients["secret"].basic()["authorization"].encode()
    reply = await world.first.request(
        method,
        f"{path}?{encoded(query).decode()}" if query else path,
        headers=[(name, value) for name, value in headers.items() if value],
        content=body if raw is None else raw,
    )
    assert reply.status_code < 500, reply.text
    if reply.status_code >= 400 and method != "HEAD" and not (method == "DELETE" and path == "/oauth2/tokens"):
        found = json.loads(reply.content)
        assert set(found) == {"error", "error_description"}
        assert found["error"] in ENDS
        assert all(" " <= letter <= "~" and letter not in '"\\' for letter in found["error_description"])
        assert reply.headers["cache-control"] == "no-store"
        sent = [value.decode("latin-1") for _, value in fields if len(value) > 12]
        assert not any(
            value in found["error_description"] for value in sent if value not in {*GRANTS, JWT_BEARER_ASSERTION}
        )


async def _clients(world: World) -> dict[str, Any]:
    """Make the clients of a world once, for all examples."""
    known: dict[str, Any] = world.__dict__.setdefault("odd_clients", {})
    if not known:
        person = await world.accounts.make("member")
        known["public"] = await world.make_client(is_public=True, grant_types=GRANTS)
        known["secret"] = await world.make_client(grant_types=GRANTS, service_user_id=person.id)
    return known
