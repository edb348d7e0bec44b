"""What discovery advertises is there, and what it does not advertise is not accepted (DIS-09); no JSON holds nothings (DIS-10)."""

import base64
from typing import Any

import pytest

from tests.homeport.oauth2.test_metadata import RESOURCE, SERVER, empties
from tests.homeport.oauth2.test_registration import register, registered
from tests.homeport.oauth2.world import CALLBACK, World
from tests.support.accounts import ACCESS_URL

_ERRORS = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "invalid_scope",
    "invalid_target",
}


async def _metadata(world: World) -> dict[str, Any]:
    found: dict[str, Any] = (await world.first.request("GET", SERVER)).json()
    return found


def _path(address: str) -> str:
    assert address.startswith(ACCESS_URL)
    return address.removeprefix(ACCESS_URL)


@pytest.mark.requirement("DIS-09")
async def test_every_endpoint_that_is_advertised_is_there(world: World) -> None:
    found = await _metadata(world)
    posts = [name for name in found if name.endswith("_endpoint") and name != "authorization_endpoint"]
    assert len(posts) == 5
    for name in posts:
        answer = await world.post(_path(found[name]), {})
        assert answer.status_code in {400, 401}, (name, answer.text)
        assert set(answer.json()) == {"error", "error_description"}
        assert (await world.first.request("GET", _path(found[name]))).status_code == 405, name
    page = await world.first.request("GET", _path(found["authorization_endpoint"]), headers={"accept": "text/html"})
    assert page.status_code == 400
    for resource in found["protected_resources"]:
        path = _path(resource)
        answer = await world.first.request("GET", f"{RESOURCE}{path}")
        assert answer.json()["resource"] == resource


@pytest.mark.requirement("DIS-09")
async def test_every_grant_that_is_advertised_is_known_and_no_other(world: World) -> None:
    found = await _metadata(world)
    client = await world.make_client(
        grant_types=found["grant_types_supported"], service_user_id=(await world.accounts.make()).id
    )
    for grant in found["grant_types_supported"]:
        answer = await world.token(client, grant_type=grant)
        assert answer.status_code == 200 or answer.json()["error"] in _ERRORS, (grant, answer.text)
    for grant in (
        "password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:openid:params:grant-type:ciba", "AUTHORIZATION_CODE", "code",
    ):  # fmt: skip
        answer = await world.token(client, grant_type=grant, username="a", password="b", assertion="x")
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type"), grant


@pytest.mark.requirement("DIS-09")
async def test_every_way_to_prove_oneself_that_is_advertised_can_be_registered_and_no_other(world: World) -> None:
    found = await _metadata(world)
    for method in found["token_endpoint_auth_methods_supported"]:
        keys = {"jwks_uri": "https://client.example/keys"} if method == "private_key_jwt" else {}
        made = await registered(world, token_endpoint_auth_method=method, **keys)
        assert made["token_endpoint_auth_method"] == method
    for method in (
        "client_secret_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "attest_jwt_client_auth",
        "NONE",
    ):
        answer = await register(world, {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": method})
        assert answer.status_code == 400, method


@pytest.mark.requirement("DIS-09")
@pytest.mark.parametrize(
    "path",
    [
        "/oauth2/par",
        "/oauth2/userinfo",
        "/oauth2/jwks",
        "/oauth2/logout",
        "/oauth2/",
        "/oauth2",
        "/authorize",
        "/token",
        "/register",
        "/.well-known",
    ],
)
async def test_addresses_that_are_not_advertised_answer_nothing(world: World, path: str) -> None:
    for method in ("GET", "POST"):
        answer = await world.first.request(method, path)
        assert answer.status_code in {404, 405}, (method, answer.text[:200])
        if path.startswith(("/oauth2/", "/.well-known")):
            assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.requirement("DIS-10")
async def test_no_answer_holds_a_null_or_an_empty_text(world: World) -> None:
    person = await world.accounts.make()
    client = await world.make_client()
    tokens = await world.tokens(client, person)
    answers = [tokens]
    seen = await world.post("/oauth2/introspect", {**client.form, "token": tokens["access_token"]})
    gone = await world.post("/oauth2/introspect", {**client.form, "token": "none"})
    device = await world.make_client(is_public=True, grant_types=("urn:ietf:params:oauth:grant-type:device_code",))
    started = await world.post("/oauth2/device", device.form)
    assert started.status_code == 200, started.text
    credentials = base64.b64encode(b"x:y").decode()
    wrong = await world.post("/oauth2/tokens", {"grant_type": "x"}, headers={"authorization": f"Basic {credentials}"})
    answers += [answer.json() for answer in (seen, gone, started, wrong)]
    answers += [await registered(world, client_name=name, scope="", logo_uri=None, contacts=[]) for name in ("", "x")]
    for found in answers:
        assert empties(found) == [], found
    assert isinstance(tokens["expires_in"], int)
    assert isinstance(seen.json()["exp"], int)
    assert isinstance(started.json()["interval"], int)
