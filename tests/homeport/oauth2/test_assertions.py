"""Clients with keys prove themselves by assertions that they sign (private_key_jwt, RFC 7523)."""

import asyncio
import base64
import hmac
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from homeport.kit import clock as kit_clock
from homeport.kit.ids import new_id
from homeport.oauth2.types import JWT_BEARER_ASSERTION, AuthMethod
from tests.homeport.oauth2.world import is_refused
from tests.support.accounts import ACCESS_URL

RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"})
EC = ECKey.generate_key("P-256", parameters={"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", parameters={"kid": "ed"})
STRANGER = ECKey.generate_key("P-256", parameters={"kid": "ec"})


def public_set(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


@pytest.fixture
async def client(world):
    robot = await world.accounts.make("member")
    return await world.make_client(
        method=AuthMethod.PRIVATE_KEY_JWT, grant_types=["client_credentials"], service_user_id=robot.id,
        jwks=public_set(RSA, EC, ED),
    )  # fmt: skip


def claims_of(client, **changes):
    now = int(kit_clock.now().timestamp())
    claims = {"iss": client.id, "sub": client.id, "aud": ACCESS_URL, "exp": now + 60, "iat": now, "jti": str(new_id())}
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def signed(client, *, key=EC, alg="ES256", header=None, **changes):
    return jwt.encode(
        {"alg": alg, "kid": key.kid, **(header or {})}, claims_of(client, **changes), key, algorithms=[alg]
    )


async def ask(world, assertion, *, on=None, **more):
    form = {
        "grant_type": "client_credentials", "client_assertion_type": JWT_BEARER_ASSERTION, "client_assertion": assertion, **more,
    }  # fmt: skip
    return await world.post("/oauth2/tokens", form, on=on)


@pytest.mark.requirement("M2M-02", "TOK-10")
@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA")])
async def test_a_signed_assertion_proves_the_client(world, client, key, alg):
    for more in ({}, {"client_id": client.id}):
        answer = await ask(world, signed(client, key=key, alg=alg), **more)
        assert answer.status_code == 200, answer.text
    assert await world.works(answer.json()["access_token"])


@pytest.mark.requirement("M2M-02")
async def test_the_key_need_not_be_named(world, client):
    token = jwt.encode({"alg": "ES256"}, claims_of(client), EC)
    assert (await ask(world, token)).status_code == 200


@pytest.mark.requirement("M2M-02")
async def test_it_may_be_used_at_every_endpoint(world, client):
    token = (await ask(world, signed(client))).json()["access_token"]
    form = {"token": token, "client_assertion_type": JWT_BEARER_ASSERTION}
    found = await world.post("/oauth2/introspect", {**form, "client_assertion": signed(client)})
    assert found.json()["active"] is True
    assert (await world.post("/oauth2/revoke", {**form, "client_assertion": signed(client)})).status_code == 200
    assert not await world.works(token)


@pytest.mark.requirement("M2M-02")
async def test_an_assertion_counts_once_on_two_servers(world, second, client):
    assertion = signed(client)
    servers = [world.first, second]
    answers = await asyncio.gather(*(ask(world, assertion, on=servers[number % 2]) for number in range(10)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 9}
    assert is_refused(await ask(world, assertion), "invalid_client", 401)
    # The id is the client's own: another client may use the same.
    jti = str(new_id())
    other = await world.make_client(
        method=AuthMethod.PRIVATE_KEY_JWT, grant_types=["client_credentials"], jwks=public_set(EC),
        service_user_id=client.app.service_user_id,
    )  # fmt: skip
    assert (await ask(world, signed(client, jti=jti))).status_code == 200
    assert (await ask(world, signed(other, jti=jti))).status_code == 200


@pytest.mark.requirement("M2M-02")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": f"{ACCESS_URL}/oauth2/tokens"}, {"aud": f"{ACCESS_URL}/"}, {"aud": "https://other.example"}, {"aud": None},
        {"aud": [ACCESS_URL, "https://other.example"]}, {"aud": []}, {"aud": {}}, {"aud": 1},
        {"iss": "somebody"}, {"iss": None}, {"sub": "somebody"}, {"sub": None}, {"sub": 5}, {"sub": "\x00"},
        {"jti": None}, {"jti": ""}, {"jti": 5}, {"jti": "x" * 600},
        {"exp": None}, {"exp": "soon"}, {"exp": True}, {"exp": -5}, {"exp": 1e300},
        {"iat": "now"}, {"nbf": 9_999_999_999},
    ],
    ids=str,
)  # fmt: skip
async def test_claims_that_prove_nothing(world, client, changes):
    answer = await ask(world, signed(client, **changes), client_id=client.id)
    assert is_refused(answer, "invalid_client", 401)


@pytest.mark.requirement("M2M-02")
async def test_the_audience_may_be_a_list_of_one(world, client):
    assert (await ask(world, signed(client, aud=[ACCESS_URL]))).status_code == 200


@pytest.mark.requirement("M2M-02")
async def test_five_minutes_at_most(world, client, clock):
    now = int(kit_clock.now().timestamp())
    assert (await ask(world, signed(client, exp=now + 300))).status_code == 200
    assert is_refused(await ask(world, signed(client, exp=now + 400)), "invalid_client", 401)
    late = signed(client, exp=now + 60)
    clock.advance(timedelta(seconds=100))
    assert is_refused(await ask(world, late), "invalid_client", 401)
    # Once used, it stays used for as long as any clock of ours might take it.
    moment = int(kit_clock.now().timestamp())
    used = signed(client, exp=moment + 10)
    assert (await ask(world, used)).status_code == 200
    clock.advance(timedelta(seconds=35))
    from homeport.oauth2.service.purging import purge  # lazy: only this test purges here

    await purge(world.db, world.settings)
    assert is_refused(await ask(world, used), "invalid_client", 401)


@pytest.mark.requirement("M2M-02")
async def test_signatures_that_prove_nothing(world, client):
    good = signed(client)
    head, body, signature = good.split(".")
    head_of_mac = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"rsa"}').rstrip(b"=").decode()
    mac = hmac.digest(RSA.as_pem(private=False), f"{head_of_mac}.{body}".encode(), "sha256")
    forged = [
        signed(client, key=STRANGER),
        f"{head}.{body}.",
        f"{head}.{body}.{'A' * len(signature)}",
        f"{head}.{signed(client).split('.')[1]}.{signature}",
        f"{head_of_mac}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}",
        jwt.encode({"alg": "none"}, claims_of(client), OctKey.import_key("x"), algorithms=["none"]),
        "a.b.c",
        "...",
        "eyJhbGciOiJub25lIn0.e30.",
        f"{head}.{body}.{signature}.x",
        good + "é",
    ]
    for assertion in forged:
        answer = await ask(world, assertion, client_id=client.id)
        assert is_refused(answer, "invalid_client", 401)
    assert (await ask(world, good)).status_code == 200


@pytest.mark.requirement("M2M-02", "TOK-10")
async def test_a_client_of_another_kind_is_not_let_in(world, client):
    secretive = await world.make_client(grant_types=["client_credentials"], jwks=public_set(EC))
    assert is_refused(await ask(world, signed(secretive)), "invalid_client", 401)
    keyless = await world.make_client(method=AuthMethod.PRIVATE_KEY_JWT)
    assert is_refused(await ask(world, signed(keyless)), "invalid_client", 401)
    assert is_refused(await ask(world, signed(client), client_id=secretive.id), "invalid_client", 401)
    form = {"grant_type": "client_credentials", "client_assertion": signed(client), "client_assertion_type": "urn:x"}
    assert is_refused(await world.post("/oauth2/tokens", form), "invalid_request")
    unknown = signed(client, iss=str(new_id()), sub=str(new_id()))
    assert is_refused(await ask(world, unknown), "invalid_client", 401)


@pytest.mark.requirement("M2M-02")
async def test_keys_that_cannot_be_read_are_no_500(world):
    oct_key, half_a_key = {"kty": "oct", "k": "eA"}, {"kty": "EC"}
    unreadable: list[dict[str, Any]] = [
        {"keys": []},
        {"keys": [half_a_key]},
        {"keys": [oct_key]},
        {"keys": [5]},
        {"x": 1},
    ]
    for jwks in unreadable:
        client = await world.make_client(method=AuthMethod.PRIVATE_KEY_JWT, jwks=jwks)
        assert is_refused(await ask(world, signed(client)), "invalid_client", 401)


def test_the_set_of_these_tests_holds_no_private_key():
    assert not any("d" in key for key in public_set(RSA, EC, ED)["keys"])
