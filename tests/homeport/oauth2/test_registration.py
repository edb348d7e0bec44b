"""Clients that register themselves (RFC 7591)."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.shared.auth import OAuthClientInformationFull

from homeport.database import Database
from homeport.kit.clock import FakeClock
from homeport.oauth2.errors import OAuthError
from homeport.oauth2.rules.redirects import MOST_BYTES, MOST_URIS
from homeport.oauth2.rules.registration import Metadata, read_metadata
from homeport.oauth2.service.registering import delete_unused_clients
from tests.homeport.oauth2.test_metadata import empties
from tests.homeport.oauth2.world import World, is_refused
from tests.support.accounts import ACCESS_URL

RECORDED = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "registrations").glob("*.json"))
}
CALLBACK = "https://client.example/callback"
MINIMAL = {"redirect_uris": [CALLBACK]}


async def register(world: World, body: Any, **more: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"content-type": "application/json", **more.pop("headers", {})}
    return await world.first.request("POST", "/oauth2/register", content=content, headers=headers, **more)


async def registered(world: World, **body: Any) -> dict[str, Any]:
    answer = await register(world, {**MINIMAL, **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.requirement("REG-01", "REG-09", "RED-07", "DIS-10")
@pytest.mark.parametrize("name", RECORDED)
async def test_the_clients_that_people_use_register(world: World, name: str) -> None:
    body = RECORDED[name]
    answer = await register(world, body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("application/json")
    found = answer.json()
    assert empties(found) == []
    assert found["redirect_uris"] == body["redirect_uris"]
    for member in (
        "client_name",
        "client_uri",
        "grant_types",
        "response_types",
        "token_endpoint_auth_method",
        "software_id",
    ):
        assert found.get(member) == body.get(member), member
    assert isinstance(found["client_id_issued_at"], int)
    assert found["registration_client_uri"] == f"{ACCESS_URL}/oauth2/clients/{found['client_id']}"
    assert found["registration_access_token"].startswith("hp_reg_")
    assert ("client_secret" in found) is (body["token_endpoint_auth_method"] != "none")
    read = OAuthClientInformationFull.model_validate(found)
    assert read.client_id == found["client_id"]


@pytest.mark.requirement("REG-02")
async def test_who_says_nothing_gets_a_secret_and_who_is_public_gets_none(world: World) -> None:
    found = await registered(world)
    assert found["token_endpoint_auth_method"] == "client_secret_basic"
    assert found["client_secret"].startswith("hp_cs_")
    assert found["client_secret_expires_at"] == 0
    assert found["grant_types"] == ["authorization_code", "refresh_token"]
    assert found["response_types"] == ["code"]
    assert found["client_name"]
    public = await registered(world, token_endpoint_auth_method="none")
    assert not {"client_secret", "client_secret_expires_at"} & set(public)
    keyed = await registered(
        world, token_endpoint_auth_method="private_key_jwt", jwks_uri="https://client.example/keys"
    )
    assert not {"client_secret", "client_secret_expires_at"} & set(keyed)
    native = await registered(world, redirect_uris=["com.example.app:/callback"])
    assert native["token_endpoint_auth_method"] == "none"


@pytest.mark.requirement("REG-02", "TOK-12")
async def test_the_secret_proves_the_client_and_only_hashes_are_stored(world: World) -> None:
    found = await registered(world)
    wrong = await world.post(
        "/oauth2/tokens",
        {"grant_type": "authorization_code", "code": "hp_code_x_y", "redirect_uri": CALLBACK},
        headers={"authorization": httpx.BasicAuth(found["client_id"], found["client_secret"])._auth_header},
    )
    assert is_refused(wrong, "invalid_grant")
    stored = str([dict(row) for row in await world.db.fetch("select * from oauth2_provider_apps")])
    stored += str([dict(row) for row in await world.db.fetch("select * from oauth2_provider_app_secrets")])
    stored += str([dict(row) for row in await world.db.fetch("select * from audit_logs")])
    for text in (found["client_secret"], found["registration_access_token"]):
        assert text.rpartition("_")[2] not in stored
        assert text.split("_")[2] not in stored


@pytest.mark.requirement("RED-05", "RED-06", "REG-03")
@pytest.mark.parametrize(
    "uri",
    [
        "", "x", "/callback", "//client.example/callback", "http", "http:", "http://", "https://", "https:///path",
        "http://client.example/callback", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/",
        "http://127.1/", "http://0.0.0.0/", "http://[::]/", "http://2130706433/", "http://app.localhost/",
        "https://client.example/#", "https://client.example/#x", "https://client.example/cb#", "https://*.example/cb",
        "https://client.example/*", "https://user@client.example/", "https://user:pw@client.example/",
        "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "blob:x",
        "about:blank", "ftp://client.example/", "mailto:a@b", "tel:1", "foo:bar", "foo://bar", "com.example:cb",
        "https://client.example:99999/", "https://client.example:x/", "https://cl ient.example/", "https://client.example/ö",
        "https://client.example/\n", "\thttps://client.example/", "https://client.example/\x00", "https://client.example\\x",
        "urn:ietf:wg:oauth:2.0:oob", "https://client.example/" + "x" * MOST_BYTES,
    ],
)  # fmt: skip
async def test_addresses_that_lead_elsewhere_are_refused(world: World, uri: str) -> None:
    for uris in ([uri], [CALLBACK, uri]):
        for method in ("none", "client_secret_basic"):
            answer = await register(world, {"redirect_uris": uris, "token_endpoint_auth_method": method})
            assert is_refused(answer, "invalid_redirect_uri")
            assert "client.example" not in answer.text


@pytest.mark.requirement("RED-05", "RED-06", "REG-03")
async def test_addresses_for_public_clients_only_and_too_many_are_refused(world: World) -> None:
    for uri in ("cursor://anysphere.cursor-mcp/oauth/callback", "com.example.app:/callback"):
        body = {"redirect_uris": [uri], "token_endpoint_auth_method": "client_secret_post"}
        assert is_refused(await register(world, body), "invalid_redirect_uri")
        assert (await registered(world, redirect_uris=[uri], token_endpoint_auth_method="none"))["redirect_uris"] == [
            uri
        ]
    many = [f"https://client.example/{number}" for number in range(MOST_URIS + 1)]
    assert is_refused(await register(world, {"redirect_uris": many}), "invalid_redirect_uri")
    assert len((await registered(world, redirect_uris=many[1:]))["redirect_uris"]) == MOST_URIS
    assert is_refused(await register(world, {"client_name": "x"}), "invalid_redirect_uri")
    assert is_refused(await register(world, {"redirect_uris": []}), "invalid_redirect_uri")
    assert is_refused(await register(world, {"redirect_uris": CALLBACK}), "invalid_redirect_uri")
    assert is_refused(await register(world, {"redirect_uris": [CALLBACK, 7]}), "invalid_redirect_uri")


@pytest.mark.requirement("REG-03")
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"null", b"{}x", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 50_000, b'{"a": 1e999}',
        b'{"redirect_uris": ["https://client.example/"], "client_name": "\\ud800"}', b"x" * 70_000,
        {**MINIMAL, "client_name": 7}, {**MINIMAL, "client_name": "x" * 5000}, {**MINIMAL, "client_name": "a\x00b"},
        {**MINIMAL, "grant_types": "authorization_code"}, {**MINIMAL, "grant_types": ["implicit"]},
        {**MINIMAL, "grant_types": ["refresh_token"]}, {**MINIMAL, "grant_types": ["client_credentials"]},
        {**MINIMAL, "grant_types": [["x"]]}, {**MINIMAL, "response_types": ["token"]}, {**MINIMAL, "response_types": "code"},
        {**MINIMAL, "token_endpoint_auth_method": "client_secret_jwt"}, {**MINIMAL, "token_endpoint_auth_method": []},
        {**MINIMAL, "token_endpoint_auth_method": "private_key_jwt"}, {**MINIMAL, "application_type": "desktop"},
        {**MINIMAL, "scope": ["a"]}, {**MINIMAL, "scope": "x" * 5000}, {**MINIMAL, "scope": " ".join(f"a{n}" for n in range(200))},
        {**MINIMAL, "contacts": "a@b"}, {**MINIMAL, "contacts": ["a@b"] * 5 + [f"{n}" for n in range(20)]},
        {**MINIMAL, "client_uri": "not an address"}, {**MINIMAL, "logo_uri": "javascript:alert(1)"},
        {**MINIMAL, "logo_uri": "data:image/png;base64,x"}, {**MINIMAL, "tos_uri": "//x"}, {**MINIMAL, "policy_uri": "https://"},
        {**MINIMAL, "jwks_uri": "http://client.example/keys"}, {**MINIMAL, "jwks": []}, {**MINIMAL, "jwks": {"keys": []}},
        {**MINIMAL, "jwks": {"keys": [{"kty": "oct", "k": "x"}]}}, {**MINIMAL, "jwks": {"keys": [{"kty": "RSA", "d": "x"}]}},
        {**MINIMAL, "jwks": {"keys": [{"kty": "EC", "x": "a\x00"}]}}, {**MINIMAL, "jwks": {"keys": [{"kty": "EC"}] * 21}},
        {**MINIMAL, "jwks": {"keys": [{"kty": "EC", "x": "x" * 20_000}]}},
        {**MINIMAL, "jwks": {"keys": [{"kty": "EC"}]}, "jwks_uri": "https://client.example/keys"},
        {**MINIMAL, "software_id": "x" * 300}, {**MINIMAL, "software_version": 7},
    ],
    ids=lambda body: (body if isinstance(body, bytes) else msgspec.json.encode(body))[:60].decode("latin-1"),
)  # fmt: skip
async def test_what_cannot_be_registered_is_refused(world: World, body: Any) -> None:
    assert is_refused(await register(world, body), "invalid_client_metadata")
    assert await world.db.fetchval("select count(*) from oauth2_provider_apps") == 0


@pytest.mark.requirement("REG-03")
async def test_forms_and_other_methods_are_refused(world: World) -> None:
    form = await world.post("/oauth2/register", {"redirect_uris": CALLBACK})
    assert is_refused(form, "invalid_client_metadata")
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = await world.first.request(method, "/oauth2/register")
        assert answer.status_code == 405, method
        assert answer.json()["error"] == "invalid_request"


@pytest.mark.requirement("REG-04", "REG-08")
async def test_unknown_members_are_ignored_and_lists_are_cut_down(world: World) -> None:
    found = await registered(
        world,
        client_id="https://evil.example/me",
        client_secret="chosen",
        registration_access_token="chosen",
        grant_types=["implicit", "authorization_code", "password", "urn:ietf:params:oauth:grant-type:device_code", "x"],
        response_types=["code", "token", "id_token"],
        scope="openid coder:workspaces.read no-such offline_access coder:workspaces.read all",
        anything={"nested": [1, None]},
        require_pushed_authorization_requests=True,
    )
    assert found["grant_types"] == ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]
    assert found["response_types"] == ["code"]
    assert found["scope"] == "coder:workspaces.read coder:all"
    assert str(UUID(found["client_id"])) == found["client_id"]
    assert found["client_secret"] != "chosen"
    assert found["registration_access_token"] != "chosen"
    assert "anything" not in found
    unknown = await registered(world, scope="openid email profile")
    assert unknown["scope"] == "coder:workspaces.read"
    device = await registered(
        world,
        redirect_uris=None,
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"],
        token_endpoint_auth_method="none",
    )
    assert device["redirect_uris"] == []
    assert device["response_types"] == []


@pytest.mark.requirement("REG-05")
@pytest.mark.parametrize(
    ("said", "uris", "stored"),
    [
        (None, [CALLBACK], "web"),
        (None, ["http://localhost:1/cb"], "native"),
        (None, ["cursor://anysphere.cursor-mcp/oauth/callback"], "native"),
        ("web", [CALLBACK], "web"),
        ("web", ["http://127.0.0.1:7/cb", "cursor://anysphere.cursor-mcp/oauth/callback"], "web"),
        ("native", [CALLBACK], "native"),
        ("native", ["http://[::1]/cb"], "native"),
        ("", [CALLBACK], "web"),
    ],
)
async def test_the_application_type_is_kept_or_guessed(
    world: World, said: str | None, uris: list[str], stored: str
) -> None:
    found = await registered(world, application_type=said, redirect_uris=uris, token_endpoint_auth_method="none")
    assert found["application_type"] == stored


@pytest.mark.requirement("CON-07")
async def test_names_are_cut_and_cleaned(world: World) -> None:
    long = "A client " * 30
    found = await registered(world, client_name=long)
    assert len(found["client_name"]) == 64
    assert found["client_name"].startswith("A client")
    assert (await registered(world, client_name=long + "!"))["client_name"] != found["client_name"]
    tricky = await registered(world, client_name="\u202eevil\u2066 \n name\t\r\u200b ")
    assert tricky["client_name"] == "evil name"
    assert (await registered(world, client_name="\u202e\u200b"))["client_name"] == (await registered(world))[
        "client_name"
    ]


@pytest.mark.requirement("REG-06", "CON-08", "DIS-06")
async def test_registration_can_be_switched_off_and_on(world: World) -> None:
    owner, member = await world.accounts.make("owner"), await world.accounts.make()
    path = "/api/v2/oauth2-provider/settings"
    before = await registered(world, token_endpoint_auth_method="none")
    assert (await world.first.request("GET", path, headers=owner.headers)).json() == {
        "dynamic_client_registration_enabled": True
    }
    for method in ("GET", "PUT"):
        refused = await world.first.request(method, path, headers=member.headers, json={} if method == "PUT" else None)
        assert refused.status_code in {403, 404}, method
    off = await world.first.request(
        "PUT", path, headers=owner.headers, json={"dynamic_client_registration_enabled": False}
    )
    assert off.json() == {"dynamic_client_registration_enabled": False}
    same = await world.first.request("PUT", path, headers=owner.headers, json={})
    assert same.json() == {"dynamic_client_registration_enabled": False}
    refused = await register(world, MINIMAL)
    assert is_refused(refused, "invalid_request", 403)
    assert "disabled" in refused.json()["error_description"]
    metadata = await world.first.request("GET", "/.well-known/oauth-authorization-server")
    assert "registration_endpoint" not in metadata.json()
    managed = await world.first.request(
        "GET",
        f"/oauth2/clients/{before['client_id']}",
        headers={"authorization": f"Bearer {before['registration_access_token']}"},
    )
    assert managed.status_code == 200
    asked = await world.post(
        "/oauth2/tokens", {"client_id": before["client_id"], "grant_type": "refresh_token", "refresh_token": "x"}
    )
    assert is_refused(asked, "invalid_grant")
    await world.first.request("PUT", path, headers=owner.headers, json={"dynamic_client_registration_enabled": True})
    await registered(world)
    entries = [entry for entry in await world.audited("oauth2_provider_settings") if entry["status_code"] < 400]
    assert [entry["diff"]["dynamic_client_registration_enabled"]["new"] for entry in entries] == [False, True]
    assert {entry["user_id"] for entry in entries} == {owner.id}


@pytest.mark.requirement("REG-06")
async def test_another_server_shows_the_switch_within_seconds(world: World, second: Any, clock: FakeClock) -> None:
    owner = await world.accounts.make("owner")
    metadata = "/.well-known/oauth-authorization-server"
    assert "registration_endpoint" in (await second.request("GET", metadata)).json()
    await world.first.request(
        "PUT",
        "/api/v2/oauth2-provider/settings",
        headers=owner.headers,
        json={"dynamic_client_registration_enabled": False},
    )
    assert (await second.request("POST", "/oauth2/register", json=MINIMAL)).status_code == 403
    clock.advance(timedelta(seconds=3))
    assert "registration_endpoint" not in (await second.request("GET", metadata)).json()


@pytest.mark.requirement("REG-07")
async def test_registrations_are_limited_per_address(db: Database) -> None:
    async with World(db, dangerous_disable_rate_limits=False, oauth2_register_rate_limit=5) as world:
        statuses = [(await register(world, MINIMAL)).status_code for _ in range(7)]
        assert statuses == [201] * 5 + [429] * 2
        limited = await register(world, MINIMAL)
        assert int(limited.headers["retry-after"]) > 0
        assert set(limited.json()) == {"error", "error_description"}
        assert (await register(world, MINIMAL, address="198.51.100.9")).status_code == 201


@pytest.mark.requirement("REG-07")
async def test_the_cap_holds_and_unused_clients_make_room(db: Database, clock: FakeClock) -> None:
    async with World(db, oauth2_dynamic_client_limit=3) as world:
        answers = await asyncio.gather(*(register(world, MINIMAL) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 3
        assert is_refused(
            answers[[answer.status_code for answer in answers].index(429)], "temporarily_unavailable", 429
        )
        await world.make_client()
        clock.advance(timedelta(hours=2))
        assert (await register(world, MINIMAL)).status_code == 201


@pytest.mark.requirement("REG-07")
async def test_unused_clients_expire_and_those_with_grants_never_do(world: World, clock: FakeClock) -> None:
    person = await world.accounts.make()
    unused, used = await registered(world), await registered(world)
    await world.make_client()
    async with world.db.transaction() as conn:
        await conn.execute(
            "insert into oauth2_provider_grants (id, user_id, app_id, scopes, created_at, updated_at)"
            " values (gen_random_uuid(), $1, $2, '{coder:workspaces.read}', $3, $3)",
            person.id,
            UUID(used["client_id"]),
            clock.now(),
        )
    clock.advance(timedelta(days=13))
    assert await delete_unused_clients(world.db, world.settings) == 0
    clock.advance(timedelta(days=365))
    assert await delete_unused_clients(world.db, world.settings) == 1
    left = {str(row["id"]) for row in await world.db.fetch("select id from oauth2_provider_apps")}
    assert used["client_id"] in left
    assert unused["client_id"] not in left
    assert len(left) == 2
    (entry,) = await world.audited("oauth2_provider_app", "delete")
    assert entry["additional_fields"]["reason"] == "unused"


@pytest.mark.requirement("REG-11")
async def test_no_address_of_a_registration_is_fetched_and_no_statement_believed(world: World, host: Any) -> None:
    addresses = {name: host.url(f"/{name}") for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri")}
    statement = "eyJhbGciOiJub25lIn0.eyJjbGllbnRfbmFtZSI6IlRydXN0ZWQifQ."
    found = await registered(
        world, **addresses, software_statement=statement, token_endpoint_auth_method="private_key_jwt"
    )
    assert {name: found[name] for name in addresses} == addresses
    assert "software_statement" not in found
    assert found["client_name"] != "Trusted"
    assert host.resolved == []
    assert host.requests == []


@pytest.mark.requirement("CON-09")
async def test_a_registration_is_recorded(world: World) -> None:
    found = await registered(world, client_name="Recorded")
    (entry,) = await world.audited("oauth2_provider_app")
    assert entry["action"] == "register"
    assert entry["resource_target"] == "Recorded"
    assert entry["additional_fields"]["client_id"] == found["client_id"]
    assert entry["diff"]["redirect_uris"]["new"] == [CALLBACK]
    assert entry["diff"]["registration_ip"]["new"] == "192.0.2.7"
    assert entry["diff"]["registration_access_token"] == {"old": "", "new": "", "secret": True}


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
_MEMBERS = st.sampled_from(
    [
        "redirect_uris", "client_name", "grant_types", "response_types", "token_endpoint_auth_method", "scope", "contacts",
        "client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri", "jwks", "software_id", "software_version",
        "application_type", "client_id", "software_statement",
    ]
)  # fmt: skip


@pytest.mark.requirement("SEC-01", "REG-03")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(_MEMBERS, _VALUES, max_size=5), uris=st.lists(st.text(max_size=60), max_size=3))
def test_whatever_is_sent_the_answer_is_one_of_the_standard(changes: dict[str, Any], uris: list[str]) -> None:
    for body in (changes, {"redirect_uris": uris, **changes}, {**MINIMAL, **changes}):
        found = _read(body)
        if isinstance(found, OAuthError):
            assert found.code in {"invalid_redirect_uri", "invalid_client_metadata"}
            assert found.status == 400
            assert found.message.isascii()
            assert not {'"', "\\"} & set(found.message)
        else:
            assert found.redirect_uris or "authorization_code" not in found.grant_types
            assert len(found.name) <= 64


def _read(body: dict[str, Any]) -> Metadata | OAuthError:
    try:
        return read_metadata(body)
    except OAuthError as error:
        return error
