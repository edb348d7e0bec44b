"""ID tokens: what is accepted as signed by the provider, and what it must say (OpenID Connect Core 3.1.3.7)."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from joserfc.jwk import OctKey, RSAKey

from homeport.database import Database
from homeport.kit import clock as kit_clock
from homeport.kit.clock import FakeClock
from tests.support.issuer import CLIENT_SECRET, Issuer, ec_key, okp_key
from tests.support.signing_in import OIDC, api_of, arrive, depart, sign_in, signed_in


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


async def _refused(db: Database, issuer: Issuer, words: str, **settings: Any) -> None:
    reply = await sign_in(api_of(db, issuer, **settings), issuer)
    assert reply.status_code == 400, reply.text
    assert words in reply.text
    assert await db.fetchval("select count(*) from users where not is_system") == 0


@pytest.mark.requirement("OIDC-TOKEN-01")
async def test_a_missing_id_token_is_refused(db: Database, issuer: Issuer) -> None:
    issuer.token_changes = {"id_token": None}
    await _refused(db, issuer, "gave no ID token")


@pytest.mark.requirement("OIDC-TOKEN-02")
@pytest.mark.parametrize("kind", ["none", "hmac-secret", "hmac-public-key", "foreign", "no-jwt", "changed"])
async def test_what_the_provider_has_not_signed_is_refused(db: Database, issuer: Issuer, kind: str) -> None:
    api = api_of(db, issuer)
    departure = await depart(api)
    answer = issuer.authorize(departure.location)
    claims = issuer.id_token_claims(departure.cookies["oauth_nonce"])
    if kind == "none":
        token = f"{_part({'alg': 'none', 'kid': 'first'})}.{_part(claims)}."
    elif kind == "hmac-secret":
        token = issuer.sign(claims, key=OctKey.import_key(CLIENT_SECRET), algorithm="HS256")
    elif kind == "hmac-public-key":
        public = issuer.keys[0].as_pem(private=False)
        token = issuer.sign(claims, key=OctKey.import_key(base64.b64encode(public)), algorithm="HS256", kid="first")
    elif kind == "foreign":
        token = issuer.sign(claims, key=RSAKey.generate_key(2048, {"kid": "first"}))
    elif kind == "changed":
        head, _, signature = issuer.sign(claims).split(".")
        token = ".".join((head, _part({**claims, "email": "eve@example.com"}), signature))
    else:
        token = "not.a.jwt\x7f"
    issuer.token_changes = {"id_token": token}
    reply = await arrive(api, answer, departure.cookies)
    assert reply.status_code == 400
    assert "not signed by a key of the provider" in reply.json()["message"]
    assert await db.fetchval("select count(*) from users where not is_system") == 0


@pytest.mark.requirement("OIDC-TOKEN-03")
@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "ES256", "EdDSA", "Ed25519"])
async def test_signatures_by_key_pairs_are_accepted(db: Database, issuer: Issuer, algorithm: str) -> None:
    issuer.algorithm = algorithm
    if algorithm == "ES256":
        issuer.keys = [ec_key()]
    elif algorithm.startswith("Ed"):
        issuer.keys = [okp_key()]
    await signed_in(api_of(db, issuer), issuer)


@pytest.mark.requirement("OIDC-TOKEN-03")
async def test_keys_without_names_and_of_other_uses_do_not_confuse(db: Database, issuer: Issuer) -> None:
    signing = RSAKey.generate_key(2048)
    issuer.keys = [
        signing,
        OctKey.generate_key(256, {"kid": "odd"}),
        RSAKey.generate_key(2048, {"use": "enc"}),
        ec_key(),
    ]
    issuer.header_changes = {"typ": "JWT", "x5t": "abc", "unheard-of": "x" * 1000}
    await signed_in(api_of(db, issuer), issuer)


@pytest.mark.requirement("OIDC-TOKEN-03")
async def test_keys_that_are_none_do_not_confuse(db: Database, issuer: Issuer) -> None:
    good = issuer.keys[0].as_dict(private=False)
    odd = [None, 7, {"kty": ["RSA"]}, {"kty": "RSA", "kid": {"a": 1}}, {"kty": "EC", "crv": "P-256", "x": "!", "y": 1}]
    issuer.failing["/keys"] = (200, {"keys": [*odd, good]})
    await signed_in(api_of(db, issuer), issuer)


@pytest.mark.requirement("OIDC-TOKEN-02")
@pytest.mark.parametrize("kid", [["first"], {"a": 1}, 7, True])
async def test_names_of_keys_that_are_none_are_refused(db: Database, issuer: Issuer, kid: Any) -> None:
    api = api_of(db, issuer)
    departure = await depart(api)
    claims = issuer.id_token_claims(departure.cookies["oauth_nonce"])
    _, payload, signature = issuer.sign(claims).split(".")
    issuer.token_changes = {"id_token": f"{_part({'alg': 'RS256', 'kid': kid})}.{payload}.{signature}"}
    reply = await arrive(api, issuer.authorize(departure.location), departure.cookies)
    assert (reply.status_code, "not signed by a key" in reply.text) == (400, True)


@pytest.mark.requirement("OIDC-TOKEN-02")
@pytest.mark.parametrize("payload", [b"[" * 50_000 + b"]" * 50_000, b"[1]", b"hello", b'{"exp": ' + b"9" * 5000 + b"}"])
async def test_signed_contents_that_are_no_claims_are_refused(db: Database, issuer: Issuer, payload: bytes) -> None:
    issuer.token_changes = {"id_token": issuer.sign_bytes(payload)}
    await _refused(db, issuer, "not signed by a key of the provider")


@pytest.mark.requirement("OIDC-KEYS-01")
async def test_new_keys_are_fetched_when_a_token_names_one(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    api = api_of(db, issuer)
    await signed_in(api, issuer)
    await signed_in(api, issuer)
    assert issuer.count("GET /keys") == 1
    issuer.rotate("second")
    clock.advance(timedelta(seconds=11))
    await signed_in(api, issuer)
    assert issuer.count("GET /keys") == 2


@pytest.mark.requirement("OIDC-KEYS-02")
async def test_made_up_keys_do_not_make_us_ask_without_end(db: Database, issuer: Issuer, clock: FakeClock) -> None:
    api = api_of(db, issuer)
    await signed_in(api, issuer)
    clock.advance(timedelta(seconds=11))
    foreign = RSAKey.generate_key(2048, {"kid": "made-up"})
    for _ in range(5):
        departure = await depart(api)
        claims = issuer.id_token_claims(departure.cookies["oauth_nonce"])
        issuer.token_changes = {"id_token": issuer.sign(claims, key=foreign)}
        reply = await arrive(api, issuer.authorize(departure.location), departure.cookies)
        assert reply.status_code == 400
        assert "made-up" in reply.json()["detail"]
    assert issuer.count("GET /keys") == 2


@pytest.mark.requirement("OIDC-KEYS-03")
async def test_old_keys_serve_while_the_provider_publishes_none(
    db: Database, issuer: Issuer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    api = api_of(db, issuer)
    await signed_in(api, issuer)
    issuer.failing["/keys"] = (500, {})
    issuer.failing["/.well-known/openid-configuration"] = (500, {})
    clock.advance(timedelta(hours=2))
    await signed_in(api, issuer)
    assert "cannot be renewed" in caplog.text


@pytest.mark.requirement("OIDC-KEYS-03")
async def test_without_any_keys_nobody_is_believed(db: Database, issuer: Issuer) -> None:
    issuer.failing["/keys"] = (200, {"keys": "none"})
    reply = await sign_in(api_of(db, issuer), issuer)
    assert reply.status_code == 503


@pytest.mark.requirement("OIDC-CLAIMS-01")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iss": "https://another.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["homeport", "another"], "azp": "another"}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"iat": None}, "iat"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
        ({"sub": ""}, "sub"),
        ({"sub": "  "}, "sub"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "a\x00b"}, "sub"),
    ],
)
async def test_a_token_for_something_else_is_refused(
    db: Database, issuer: Issuer, changes: dict[str, Any], words: str
) -> None:
    issuer.id_token_changes = changes
    await _refused(db, issuer, words)


@pytest.mark.requirement("OIDC-CLAIMS-02")
@pytest.mark.parametrize(("shift", "is_accepted"), [(-50, True), (-70, False), (50, True), (70, False)])
async def test_clocks_may_differ_by_a_minute(db: Database, issuer: Issuer, shift: int, is_accepted: bool) -> None:
    now = int(kit_clock.now().timestamp())
    issuer.id_token_changes = {"exp": now + shift} if shift < 0 else {"iat": now + shift, "nbf": now + shift}
    reply = await sign_in(api_of(db, issuer), issuer)
    assert reply.status_code == (307 if is_accepted else 400), reply.text


@pytest.mark.requirement("OIDC-CLAIMS-03")
async def test_the_hash_of_the_access_token_is_held_against_it(db: Database, issuer: Issuer) -> None:
    """The RFC's rule: the left half of the hash, in base64url."""
    issuer.token_changes = {"access_token": "fixed"}
    half = hashlib.sha256(b"fixed").digest()[:16]
    issuer.id_token_changes = {"at_hash": base64.urlsafe_b64encode(half).decode().rstrip("=")}
    await signed_in(api_of(db, issuer), issuer)


@pytest.mark.requirement("OIDC-CLAIMS-04")
async def test_without_issuer_checks_every_issuer_is_believed(db: Database, issuer: Issuer) -> None:
    issuer.document_changes = {"issuer": "https://{tenant}.example"}
    issuer.id_token_changes = {"iss": "https://one.example"}
    assert (await api_of(db, issuer).call(None, "GET", OIDC)).status_code == 503
    api = api_of(db, issuer, dangerous_oidc_skip_issuer_checks=True)
    await signed_in(api, issuer)
    linked = await db.fetchval("select linked_id from user_links")
    assert linked == "https://one.example||ada-1"
    # Another tenant's person of the same name is somebody else.
    issuer.id_token_changes = {"iss": "https://two.example"}
    reply = await sign_in(api, issuer)
    assert (reply.status_code, "linked to another" in reply.text) == (403, True)


@pytest.mark.requirement("OIDC-CLAIMS-05")
async def test_64_kib_of_claims_are_accepted(db: Database, issuer: Issuer) -> None:
    groups = [f"group-{number:05}-of-a-large-company" for number in range(2200)]
    issuer.person["groups"] = groups
    token = issuer.sign(issuer.id_token_claims())
    assert len(token) > 64 * 1024
    await signed_in(api_of(db, issuer), issuer)
    claims = await db.fetchval("select claims from user_links")
    assert claims["merged_claims"]["groups"] == groups
