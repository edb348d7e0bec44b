"""Discovery: what clients read before anything else (RFC 8414, RFC 9728)."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from homeport.database import Database
from tests.homeport.oauth2.world import World
from tests.support.accounts import ACCESS_URL

SERVER = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource"
MCP_PATHS = ("/mcp", "/api/experimental/mcp/http")
FOREIGN = {"origin": "https://inspector.example"}


async def _json(world: World, path: str, **more: Any) -> dict[str, Any]:
    answer = await world.first.request("GET", path, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    found: dict[str, Any] = answer.json()
    return found


def empties(value: Any, where: str = "") -> list[str]:
    """Return where a JSON value holds a null or an empty text."""
    if isinstance(value, dict):
        return [found for name, each in value.items() for found in empties(each, f"{where}.{name}")]
    if isinstance(value, list):
        return [found for number, each in enumerate(value) for found in empties(each, f"{where}[{number}]")]
    return [where] if value is None or value == "" else []


@pytest.mark.requirement("PRM-01", "PRM-02", "PRM-03", "PRM-04", "PRM-05", "PRM-06")
@pytest.mark.parametrize("path", ["", *MCP_PATHS])
async def test_every_resource_has_a_document_that_names_it_to_the_letter(world: World, path: str) -> None:
    issuer = (await _json(world, SERVER))["issuer"]
    for headers in ({}, {"authorization": "Bearer nonsense"}, FOREIGN):
        found = await _json(world, f"{RESOURCE}{path}", headers=headers)
        assert found["resource"] == f"{ACCESS_URL}{path}"
        assert found["authorization_servers"] == [issuer]
        assert not issuer.endswith("/")
        assert found["bearer_methods_supported"] == ["header"]
        scopes = found["scopes_supported"]
        assert 0 < len(scopes) < 10
        assert "offline_access" not in scopes
        assert not any("*" in scope or scope.endswith("all") for scope in scopes)


@pytest.mark.requirement("DIS-01", "DIS-02", "DIS-05", "DIS-06", "DIS-07", "M01")
async def test_the_server_describes_itself(world: World) -> None:
    found = await _json(world, SERVER)
    assert found["issuer"] == ACCESS_URL
    expected = {
        "authorization_endpoint": "/oauth2/authorize",
        "token_endpoint": "/oauth2/tokens",
        "registration_endpoint": "/oauth2/register",
        "revocation_endpoint": "/oauth2/revoke",
        "introspection_endpoint": "/oauth2/introspect",
        "device_authorization_endpoint": "/oauth2/device",
    }
    assert {name: found[name] for name in expected} == {name: f"{ACCESS_URL}{path}" for name, path in expected.items()}
    assert found["response_types_supported"] == ["code"]
    assert {"authorization_code", "refresh_token"} <= set(found["grant_types_supported"])
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert {"none", "client_secret_basic", "client_secret_post", "private_key_jwt"} == set(
        found["token_endpoint_auth_methods_supported"]
    )
    assert "none" not in found["introspection_endpoint_auth_methods_supported"]
    assert not any(
        name.startswith("HS") or name == "none" for name in found["token_endpoint_auth_signing_alg_values_supported"]
    )
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["scopes_supported"]
    assert found["protected_resources"] == [f"{ACCESS_URL}{path}" for path in ("", *MCP_PATHS)]


@pytest.mark.requirement("DIS-08", "CON-08")
@pytest.mark.parametrize("is_on", [True, False])
async def test_documents_of_clients_are_advertised_while_they_are_accepted(db: Database, is_on: bool) -> None:
    async with World(db, oauth2_client_metadata_documents=is_on) as world:
        found = await _json(world, SERVER)
    assert found.get("client_id_metadata_document_supported") is (True if is_on else None)


@pytest.mark.requirement("DIS-06", "REG-06")
async def test_registration_is_advertised_while_it_is_open(db: Database) -> None:
    async with World(db, oauth2_dynamic_client_registration=False) as world:
        assert "registration_endpoint" not in await _json(world, SERVER)
        owner = await world.accounts.make("owner")
        changed = await world.first.request(
            "PUT",
            "/api/v2/oauth2-provider/settings",
            headers=owner.headers,
            json={"dynamic_client_registration_enabled": True},
        )
        assert changed.status_code == 200
        assert (await _json(world, SERVER))["registration_endpoint"] == f"{ACCESS_URL}/oauth2/register"


@pytest.mark.requirement("DIS-02", "DIS-03")
async def test_an_issuer_with_a_path_is_found_where_the_path_is_inserted(db: Database) -> None:
    base = "https://homeport.test/base"
    async with World(db, access_url=base) as world:
        found = await _json(world, f"{SERVER}/base")
        assert found["issuer"] == base
        assert found["token_endpoint"] == f"{base}/oauth2/tokens"
        assert (await _json(world, f"{RESOURCE}/base/mcp"))["resource"] == f"{base}/mcp"
        assert (await _json(world, f"{RESOURCE}/base"))["resource"] == base
        for path in (
            f"{SERVER}/other",
            f"{SERVER}/base/more",
            f"{RESOURCE}/other",
            "/.well-known/openid-configuration/base",
        ):
            await _is_nothing(world, path)
        appended = await world.first.request("GET", f"/base{SERVER}")
        assert appended.status_code == 404


@pytest.mark.requirement("DIS-04", "DIS-09")
@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/mcp",
        "/.well-known/anything",
        "/.well-known/",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/oauth-protected-resource/unknown",
        "/.well-known/oauth-protected-resource/mcp/more",
        "/.well-known/oauth-protected-resource/../secret",
        "/.well-known/jwks.json",
        "/.well-known/%00",
    ],
)
async def test_other_well_known_addresses_are_nothing_in_json(world: World, path: str) -> None:
    await _is_nothing(world, path)


async def _is_nothing(world: World, path: str) -> None:
    answer = await world.first.request("GET", path, headers={**FOREIGN, "accept": "text/html"})
    assert answer.status_code == 404, (path, answer.text)
    assert answer.headers["content-type"].startswith("application/json")
    assert isinstance(answer.json(), dict)


@pytest.mark.requirement("DIS-10")
async def test_nothing_in_discovery_is_null_or_empty(world: World) -> None:
    for path in (SERVER, RESOURCE, *(f"{RESOURCE}{each}" for each in MCP_PATHS)):
        assert empties(await _json(world, path)) == [], path


@pytest.mark.requirement("DIS-11")
async def test_headers_of_a_request_change_no_address(world: World) -> None:
    spoofed = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-forwarded-prefix": "/evil",
        "forwarded": "host=evil.example;proto=https",
        "x-original-url": "/evil",
    }
    for path in (SERVER, RESOURCE, f"{RESOURCE}/mcp"):
        assert await _json(world, path, headers=spoofed) == await _json(world, path)


@pytest.mark.requirement("DIS-12")
async def test_metadata_may_be_cached_shortly_and_is_under_no_limit(db: Database) -> None:
    async with World(
        db, dangerous_disable_rate_limits=False, login_rate_limit=5, oauth2_authorize_rate_limit=5
    ) as world:
        for _ in range(200):
            answer = await world.first.request("GET", SERVER)
            assert answer.status_code == 200
        control = answer.headers["cache-control"]
        assert "no-store" not in control
        assert "private" not in control
        assert 0 < int(control.partition("max-age=")[2]) <= 3600


@pytest.mark.requirement("CHL-08")
async def test_pages_of_other_sites_may_read_metadata_and_register(world: World) -> None:
    for path in (SERVER, RESOURCE, f"{RESOURCE}/mcp", "/.well-known/openid-configuration"):
        answer = await world.first.request("GET", path, headers=FOREIGN)
        assert answer.headers["access-control-allow-origin"] == "*", path
        assert "access-control-allow-credentials" not in answer.headers
    for path, method in ((SERVER, "GET"), (f"{RESOURCE}/mcp", "GET"), ("/oauth2/register", "POST")):
        asked = {
            **FOREIGN,
            "access-control-request-method": method,
            "access-control-request-headers": "content-type, mcp-protocol-version",
        }
        answer = await world.first.request("OPTIONS", path, headers=asked)
        assert answer.status_code in {200, 204}, answer.text
        assert answer.headers["access-control-allow-origin"] == "*"
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert "mcp-protocol-version" in allowed
        assert "content-type" in allowed
        assert method in answer.headers["access-control-allow-methods"]
    refused = await world.first.request("POST", "/oauth2/register", headers=FOREIGN, content=b"{")
    assert refused.status_code == 400
    assert refused.headers["access-control-allow-origin"] == "*"


async def test_nothing_of_it_exists_where_the_server_is_switched_off(db: Database) -> None:
    async with World(db, oauth2_provider_enable=False) as world:
        for path in (SERVER, RESOURCE, "/oauth2/register", "/api/v2/oauth2-provider/apps"):
            answer = await world.first.request("GET", path)
            assert answer.status_code == 404, path
            assert answer.headers["content-type"].startswith("application/json")


async def test_addresses_in_metadata_have_one_origin(world: World) -> None:
    found = await _json(world, SERVER)
    origins = {urlsplit(value)[:2] for name, value in found.items() if name.endswith("endpoint") or name == "issuer"}
    assert origins == {urlsplit(ACCESS_URL)[:2]}
