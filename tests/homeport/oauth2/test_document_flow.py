"""Clients by document from end to end: consent, code, tokens; and those that prove themselves by keys that they publish."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from homeport.kit import clock as kit_clock
from homeport.kit.clock import FakeClock
from homeport.oauth2.types import JWT_BEARER_ASSERTION
from tests.homeport.oauth2.document_host import NAME, DocumentHost
from tests.homeport.oauth2.test_documents import client_at
from tests.homeport.oauth2.test_registration import registered
from tests.homeport.oauth2.visitors import Visitor, asking, is_page
from tests.homeport.oauth2.world import VERIFIER, World, is_refused
from tests.support.accounts import ACCESS_URL

PATH = "/oauth/claude-code-client-metadata"
CLAUDE_CODE: dict[str, Any] = {
    "client_name": "Claude Code",
    "client_uri": "https://claude.ai",
    "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}


@pytest.mark.requirement("CIM-09", "RED-03", "CIM-01")
@pytest.mark.parametrize("callback", ["http://localhost:52163/callback", "http://127.0.0.1:3118/callback"])
async def test_claude_code_signs_in_by_its_document(near: World, host: DocumentHost, callback: str) -> None:
    person = await near.accounts.make()
    client = await client_at(near, host.put_client(PATH, **CLAUDE_CODE))
    visitor = Visitor(near.first, person)
    wanted = asking(client, redirect_uri=callback, resource=f"{ACCESS_URL}/mcp")
    page = await visitor.open(wanted)
    assert is_page(page, 200)
    assert "Claude Code" in page.text
    assert NAME in page.text
    given = await visitor.allow(wanted)
    assert (given["state"], given["iss"]) == ("s", ACCESS_URL)
    answer = await near.token(
        client, grant_type="authorization_code", code=given["code"], redirect_uri=callback, code_verifier=VERIFIER
    )
    assert answer.status_code == 200, answer.text
    refreshed = await near.refresh(client, answer.json()["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    assert [seen.path for seen in host.requests] == [PATH]


@pytest.mark.requirement("RED-03", "RED-04", "AUT-02")
@pytest.mark.parametrize(
    "callback",
    [
        "http://localhost:1/other", "http://localhost:1/callback/", "https://localhost/callback", "http://[::1]/callback",
        "http://localhost.evil.example/callback", "http://127.1:7/callback", "https://client.example/callback",
    ],
)  # fmt: skip
async def test_addresses_that_the_document_does_not_name_are_no_way_out(
    near: World, host: DocumentHost, callback: str
) -> None:
    client = await client_at(near, host.put_client(PATH, **CLAUDE_CODE))
    page = await Visitor(near.first, await near.accounts.make()).open(asking(client, redirect_uri=callback))
    assert is_page(page, 400)


@pytest.mark.requirement("CIM-06", "AUT-01")
async def test_a_document_that_cannot_be_had_is_a_page_for_people(near: World, host: DocumentHost) -> None:
    client = await client_at(near, host.put_client(PATH, **CLAUDE_CODE))
    visitor = Visitor(near.first, await near.accounts.make())
    page = await visitor.open({**asking(client), "client_id": host.url("/gone")})
    assert is_page(page, 401)
    assert "document" in page.text


def _assertion(client_id: str, key: ECKey, **changes: Any) -> str:
    now = int(kit_clock.now().timestamp())
    claims = {
        "iss": client_id, "sub": client_id, "aud": ACCESS_URL, "iat": now, "exp": now + 60, "jti": str(uuid4()), **changes,
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])


async def _prove(world: World, client_id: str, key: ECKey, **changes: Any) -> httpx.Response:
    return await world.post(
        "/oauth2/tokens",
        {
            "grant_type": "refresh_token", "refresh_token": "none", "client_id": client_id,
            "client_assertion_type": JWT_BEARER_ASSERTION, "client_assertion": _assertion(client_id, key, **changes),
        },
    )  # fmt: skip


def _key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"})


def _set(*keys: ECKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


@pytest.mark.requirement("CIM-08", "M2M-02")
@pytest.mark.parametrize("place", ["document", "jwks_uri"])
async def test_a_client_proves_itself_by_keys_that_it_publishes(near: World, host: DocumentHost, place: str) -> None:
    mine, other = _key("a"), _key("a")
    keys_at = host.put(_set(mine), "/keys.json")
    member = {"jwks": _set(mine)} if place == "document" else {"jwks_uri": keys_at}
    url = host.put_client(token_endpoint_auth_method="private_key_jwt", **member)
    assert is_refused(await _prove(near, url, mine), "invalid_grant")
    assert is_refused(await _prove(near, url, mine), "invalid_grant")
    assert is_refused(await _prove(near, url, other), "invalid_client", 401)
    assert is_refused(await _prove(near, url, mine, aud="https://evil.example"), "invalid_client", 401)
    bare = await near.post("/oauth2/tokens", {"grant_type": "refresh_token", "refresh_token": "none", "client_id": url})
    assert is_refused(bare, "invalid_client", 401)
    assert [seen.path for seen in host.requests].count("/keys.json") == (0 if place == "document" else 1)


@pytest.mark.requirement("CIM-08")
async def test_renewed_keys_are_found_and_old_ones_forgotten(near: World, host: DocumentHost, clock: FakeClock) -> None:
    old, new = _key("old"), _key("new")
    keys_at = host.put(_set(old), "/renewed.json", Cache_Control="max-age=7200")
    url = host.put_client(token_endpoint_auth_method="private_key_jwt", jwks_uri=keys_at, cache="max-age=86400")
    assert is_refused(await _prove(near, url, old), "invalid_grant")
    host.put(_set(new), "/renewed.json")
    for _ in range(3):
        assert is_refused(await _prove(near, url, new), "invalid_client", 401)
    clock.advance(timedelta(minutes=2))
    assert is_refused(await _prove(near, url, new), "invalid_grant")
    assert is_refused(await _prove(near, url, old), "invalid_client", 401)
    assert [seen.path for seen in host.requests].count("/renewed.json") == 2


@pytest.mark.requirement("CIM-08", "CIM-04")
async def test_keys_are_fetched_under_the_same_rules(
    world: World, host: DocumentHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = _key("a")
    keys_at = host.put(_set(mine), "/private.json")
    found = await registered(world, token_endpoint_auth_method="private_key_jwt", jwks_uri=keys_at)
    refused = await _prove(world, found["client_id"], mine)
    assert is_refused(refused, "invalid_client", 401)
    assert host.requests == []
    monkeypatch.setattr("homeport.oauth2.service.fetching.is_public", lambda _: True)
    assert is_refused(await _prove(world, found["client_id"], mine), "invalid_grant")


@pytest.mark.requirement("CIM-08")
@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"keys": []},
        {"keys": [{"kty": "oct", "k": "x"}]},
        {"keys": "x"},
        {"keys": [{"kty": "EC", "crv": "no", "x": 1, "y": []}]},
    ],
)
async def test_what_is_no_key_set_proves_nobody(near: World, host: DocumentHost, document: Any) -> None:
    keys_at = host.put(document, f"/{uuid4()}.json")
    url = host.put_client(token_endpoint_auth_method="private_key_jwt", jwks_uri=keys_at)
    assert is_refused(await _prove(near, url, _key("a")), "invalid_client", 401)
