"""The token endpoint, whatever is asked: forms, proofs of clients, grant types, refusals, limits."""

import base64
import re
from datetime import timedelta
from urllib.parse import quote

import pytest

from homeport.config import Settings
from homeport.kit import clock as kit_clock
from homeport.kit.ids import new_id
from homeport.oauth2.types import DEVICE_GRANT, JWT_BEARER_ASSERTION, AuthMethod
from tests.homeport.oauth2.world import CALLBACK, READ, VERIFIER, World, is_refused

TOKENS = "/oauth2/tokens"
FORM = "application/x-www-form-urlencoded"


def basic(name: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


@pytest.fixture
async def person(world):
    return await world.accounts.make("member")


@pytest.fixture
async def client(world):
    return await world.make_client()


@pytest.fixture
async def public(world):
    return await world.make_client(is_public=True)


@pytest.mark.requirement("TOK-01", "M04")
@pytest.mark.parametrize(
    "path", ["/oauth2/tokens", "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/device"]
)
async def test_only_posts_of_forms_are_taken(world, client, path):
    answer = await world.first.request("GET", path)
    assert is_refused(answer, "invalid_request", 405)
    assert "POST" in answer.headers["allow"]
    for content, kind in ((b'{"grant_type":"x"}', "application/json"), (b"grant_type=x", "text/plain"), (b"a=b", "")):
        answer = await world.first.request("POST", path, content=content, headers={"content-type": kind})
        assert is_refused(answer, "invalid_request")
        assert FORM in answer.json()["error_description"]


@pytest.mark.requirement("TOK-01")
@pytest.mark.parametrize(
    "name", ["code", "refresh_token", "client_secret", "client_id", "code_verifier", "grant_type", "resource"]
)
async def test_parameters_in_the_query_are_refused_even_when_right(world, client, person, name):
    first = await world.tokens(client, person)
    form = {**client.form, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    answer = await world.post(f"{TOKENS}?{name}={form.pop(name, 'x')}", form)
    assert is_refused(answer, "invalid_request")
    assert "query" in answer.json()["error_description"]
    # Nothing was used up; what we do not know may stand in a query.
    answer = await world.post(
        f"{TOKENS}?utm_source=x",
        {**client.form, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]},
    )
    assert answer.status_code == 200


@pytest.mark.requirement("TOK-01")
@pytest.mark.parametrize("path", [TOKENS, "/oauth2/revoke", "/oauth2/introspect", "/oauth2/device"])
async def test_a_parameter_is_given_once(world, client, path):
    form = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x"), *client.form.items()]
    answer = await world.post(path, [*form, ("client_id", client.id)])
    assert is_refused(answer, "invalid_request")
    assert "client_id" in answer.json()["error_description"]
    # What we do not know may come as often as it likes.
    answer = await world.post(path, [*form, ("odd", "1"), ("odd", "2")])
    assert "invalid_request" not in answer.text


@pytest.mark.requirement("TOK-01", "SEC-01")
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"grant_type=%ff%fe&client_id=x",
        b"grant_type=authorization_code&client_id=%00&code=x",
        b"grant_type=authorization_code&client_id=x%00y&client_secret=%00",
        b"&".join(b"a%d=1" % number for number in range(500)),
        b"",
        b"&&&===",
        b"grant_type",
        b"x" * 10_000,
    ],
)
async def test_forms_that_cannot_be_read_are_a_400(world, content):
    answer = await world.first.request("POST", TOKENS, content=content, headers={"content-type": FORM})
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error", "error_description"}


async def test_a_body_too_large_is_refused_before_it_is_read(world):
    answer = await world.first.request("POST", TOKENS, content=b"a" * 70_000, headers={"content-type": FORM})
    assert is_refused(answer, "invalid_request", 413)


@pytest.mark.requirement("TOK-02", "TOK-14")
async def test_success_is_complete_and_never_stored(world, client, person, clock):
    answer = await world.redeem(client, await world.code(client, person))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 3600
    assert isinstance(body["expires_in"], int)
    assert body["scope"] == READ
    assert re.fullmatch(r"[A-Za-z0-9]{10}-[A-Za-z0-9]{22}", body["access_token"])
    assert re.fullmatch(r"hp_rt_[A-Za-z0-9]{10}_[A-Za-z0-9]{32}", body["refresh_token"])
    assert body["expiry"].startswith("2026-01-01T13:00:00")
    assert None not in body.values()
    assert "" not in body.values()
    me = await world.whoami(body["access_token"])
    assert me.json()["id"] == str(person.id)


@pytest.mark.requirement("TOK-14")
async def test_the_life_of_an_access_token_is_short_and_can_be_set(db, person, clock):
    assert Settings().oauth2_access_token_lifetime <= timedelta(hours=1)
    async with World(db, oauth2_access_token_lifetime=timedelta(minutes=5)) as world:
        client = await world.make_client()
        tokens = await world.tokens(client, person)
        assert tokens["expires_in"] == 300
        clock.advance(timedelta(seconds=299))
        assert await world.works(tokens["access_token"])
        clock.advance(timedelta(seconds=2))
        assert not await world.works(tokens["access_token"])


async def test_both_addresses_answer_alike(world, client, person):
    form = {
        "grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **client.form,
    }  # fmt: skip
    answer = await world.post("/oauth2/token", {**form, "code": await world.code(client, person)})
    assert answer.status_code == 200
    assert is_refused(await world.post("/oauth2/token", {"grant_type": "nothing"}), "unsupported_grant_type")


@pytest.mark.requirement("TOK-03", "M04")
async def test_each_refusal_has_its_code(world, client, person):
    verifier = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    code = await world.code(client, person)
    grant = {"grant_type": "authorization_code"}
    assert is_refused(await world.token(client, **grant, **verifier), "invalid_request")
    assert is_refused(await world.token(client, **grant, code="nonsense", **verifier), "invalid_grant")
    assert is_refused(await world.token(client, grant_type="refresh_token"), "invalid_request")
    assert is_refused(await world.token(client, grant_type="refresh_token", refresh_token="x"), "invalid_grant")
    assert is_refused(await world.token(None, **grant, code=code), "invalid_request")
    assert is_refused(
        await world.token(client, **grant, code=code, resource="https://other.example", **verifier), "invalid_target"
    )
    tokens = await world.tokens(client, person)
    assert is_refused(await world.refresh(client, tokens["refresh_token"], scope="coder:all"), "invalid_scope")
    assert is_refused(await world.token(client, grant_type="client_credentials"), "unauthorized_client")


@pytest.mark.requirement("TOK-03")
async def test_a_refusal_repeats_nothing_of_the_request(world, client):
    answer = await world.token(client, grant_type="<script>alert(1)</script>")
    assert "alert" not in answer.text
    answer = await world.post(
        TOKENS, {"grant_type": "refresh_token", "client_id": '"><img>', "refresh_token": "hp_rt_x"}
    )
    assert "img" not in answer.text
    assert "hp_rt" not in answer.text
    description = answer.json()["error_description"]
    assert all(" " <= letter <= "~" and letter not in '"\\' for letter in description)


@pytest.mark.requirement("TOK-04")
@pytest.mark.parametrize("is_public", [True, False])
async def test_an_unknown_or_deleted_client_is_told_to_register_again(world, person, is_public):
    client = await world.make_client(is_public=is_public)
    tokens = await world.tokens(client, person)
    await world.db.execute("delete from oauth2_provider_apps where id = $1", client.app.id)
    assert is_refused(await world.refresh(client, tokens["refresh_token"]), "invalid_client", 401)
    assert not await world.works(tokens["access_token"])
    for unknown in (str(new_id()), "no-uuid", "", "https://client.example/none", client.id.upper(), f"{{{client.id}}}"):
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": unknown}
        expected = ("invalid_client", 401) if unknown else ("invalid_request", 400)
        answer = await world.post(TOKENS, form)
        assert is_refused(answer, *expected)


@pytest.mark.requirement("TOK-10")
async def test_secrets_count_in_the_form_and_in_the_header_raw_and_encoded(world, client, person):
    grant = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    encoded = {
        "authorization": "basic "
        + base64.b64encode(
            f"{quote(client.id, safe='')}:{''.join(f'%{ord(letter):02X}' for letter in client.secret)}".encode()
        ).decode()
    }
    for headers, form in (
        ({}, client.form),
        (client.basic(), {}),
        (client.basic(), {"client_id": client.id}),
        (encoded, {}),
        (basic(client.id, ""), {"client_secret": client.secret}),
        ({**client.basic(), "cookie": "coder_session_token=x"}, {}),
        ({"authorization": "Bearer whatever"}, client.form),
    ):
        code = await world.code(client, person)
        answer = await world.post(TOKENS, {**grant, **form, "code": code}, headers=headers)
        assert answer.status_code == 200, (headers, form, answer.text)


@pytest.mark.requirement("TOK-10")
async def test_two_proofs_at_once_are_refused(world, client):
    grant = {"grant_type": "refresh_token", "refresh_token": "x"}
    assertion = {"client_assertion": "a.b.c", "client_assertion_type": JWT_BEARER_ASSERTION}
    for headers, form in (
        (client.basic(), client.form),
        (client.basic(), assertion),
        ({}, {**client.form, **assertion}),
        (client.basic(), {"client_id": str(new_id())}),
    ):
        assert is_refused(await world.post(TOKENS, {**grant, **form}, headers=headers), "invalid_request")
    lone = {"client_id": client.id, "client_assertion": "a.b.c"}
    assert is_refused(await world.post(TOKENS, {**grant, **lone}), "invalid_request")


@pytest.mark.requirement("TOK-10", "TOK-03")
async def test_nothing_less_than_the_right_secret_will_do(world, client, public, person):
    other = await world.make_client()
    prefix = client.secret.rpartition("_")[0]
    code = await world.code(client, person)
    grant = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "code": code}
    wrong = [
        "",
        "secret",
        "hp_cs_",
        f"{prefix}_{'a' * 32}",
        other.secret,
        client.secret + "x",
        client.secret.replace("_cs_", "_rt_"),
    ]
    for secret in wrong:
        answer = await world.post(TOKENS, {**grant, "client_id": client.id, "client_secret": secret})
        assert is_refused(answer, "invalid_client", 401)
        assert "www-authenticate" not in answer.headers
        answer = await world.post(TOKENS, grant, headers=basic(client.id, secret))
        assert is_refused(answer, "invalid_client", 401)
        assert answer.headers["www-authenticate"].lower().startswith("basic ")
    for header in (
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":x").decode(),
    ):
        assert is_refused(await world.post(TOKENS, grant, headers={"authorization": header}), "invalid_client", 401)
    # A public client has nothing to prove itself with, and nothing is taken for a proof.
    answer = await world.post(TOKENS, {**grant, "client_id": public.id, "client_secret": client.secret})
    assert is_refused(answer, "invalid_client", 401)
    assert (await world.post(TOKENS, {**grant, **client.form})).status_code == 200


@pytest.mark.requirement("TOK-10")
async def test_a_client_with_keys_is_not_let_in_by_a_secret(world):
    client = await world.make_client(method=AuthMethod.PRIVATE_KEY_JWT)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": client.id}
    for more in ({}, {"client_secret": "hp_cs_0123456789_01234567890123456789012345678901"}):
        assert is_refused(await world.post(TOKENS, {**form, **more}), "invalid_client", 401)


@pytest.mark.requirement("TOK-10")
async def test_a_secret_ends_and_takes_its_tokens_along(world, client, person, clock):
    tokens = await world.tokens(client, person)
    await world.db.execute(
        "update oauth2_provider_apps set client_secret_expires_at = $2 where id = $1",
        client.app.id, kit_clock.now() + timedelta(minutes=1),
    )  # fmt: skip
    clock.advance(timedelta(seconds=61))
    assert is_refused(await world.refresh(client, tokens["refresh_token"]), "invalid_client", 401)
    assert await world.works(tokens["access_token"])
    await world.db.execute("delete from oauth2_provider_app_secrets where app_id = $1", client.app.id)
    assert not await world.works(tokens["access_token"])


async def test_the_use_of_a_secret_is_noted_once_an_hour(world, client, person, clock):
    async def noted():
        return await world.db.fetchval(
            "select last_used_at from oauth2_provider_app_secrets where app_id = $1", client.app.id
        )

    assert await noted() is None
    await world.tokens(client, person)
    first = await noted()
    assert first == kit_clock.now()
    clock.advance(timedelta(minutes=59))
    await world.tokens(client, person)
    assert await noted() == first
    clock.advance(timedelta(minutes=2))
    await world.tokens(client, person)
    assert await noted() == kit_clock.now()
    assert (
        await world.db.fetchval("select last_used_at from oauth2_provider_apps where id = $1", client.app.id)
        == kit_clock.now()
    )


@pytest.mark.requirement("TOK-11")
@pytest.mark.parametrize(
    "grant_type",
    ["", "password", "implicit", "token", "AUTHORIZATION_CODE", "urn:ietf:params:oauth:grant-type:jwt-bearer",
     "urn:ietf:params:oauth:grant-type:token-exchange"],
)  # fmt: skip
async def test_grant_types_that_we_do_not_have(world, client, grant_type):
    answer = await world.token(client, grant_type=grant_type, username="ada", password="x")
    assert is_refused(answer, "unsupported_grant_type")


@pytest.mark.requirement("TOK-11")
async def test_grant_types_that_the_client_is_not_registered_for(world, person):
    codes_only = await world.make_client(grant_types=["authorization_code"])
    tokens = await world.tokens(codes_only, person)
    assert "refresh_token" not in tokens
    for grant in (
        {"grant_type": "refresh_token", "refresh_token": "x"},
        {"grant_type": "client_credentials"},
        {"grant_type": DEVICE_GRANT, "device_code": "x"},
    ):
        assert is_refused(await world.token(codes_only, **grant), "unauthorized_client")
    refresh_only = await world.make_client(grant_types=["refresh_token"])
    assert is_refused(await world.redeem(refresh_only, "x"), "unauthorized_client")


@pytest.mark.requirement("TOK-13")
async def test_wrong_credentials_are_limited_and_right_ones_are_not(db, second, person):
    async with World(db, dangerous_disable_rate_limits=False, oauth2_token_rate_limit=5) as world:
        client, other = await world.make_client(), await world.make_client()
        for _ in range(12):
            assert (await world.redeem(client, await world.code(client, person))).status_code == 200
        for number in range(5):
            form = (
                {"code": "hp_code_0123456789_01234567890123456789012345678901"}
                if number % 2
                else {"client_secret": "x"}
            )
            wrong = {**client.form, "grant_type": "authorization_code", "code": "x", **form}
            answer = await world.post(TOKENS, wrong)
            assert answer.status_code in {400, 401}
        answer = await world.redeem(client, await world.code(client, person))
        assert is_refused(answer, "too_many_requests", 429)
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        # Who was not wrong goes on: other clients behind this address, and this client from others.
        assert (await world.redeem(other, await world.code(other, person))).status_code == 200
        form = {**client.form, "grant_type": "authorization_code", "code": await world.code(client, person),
                "redirect_uri": CALLBACK, "code_verifier": VERIFIER}  # fmt: skip
        assert (await world.post(TOKENS, form, address="198.51.100.9")).status_code == 200
        # Traffic of other kinds has limits of its own.
        assert (await world.first.request("GET", "/.well-known/oauth-authorization-server")).status_code == 200


@pytest.mark.requirement("TOK-13")
async def test_guessing_at_many_clients_is_limited_by_address(db, person):
    async with World(db, dangerous_disable_rate_limits=False, oauth2_token_rate_limit=2) as world:
        client = await world.make_client()
        for _ in range(20):
            form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": str(new_id())}
            assert is_refused(await world.post(TOKENS, form), "invalid_client", 401)
        for path in (TOKENS, "/oauth2/introspect", "/oauth2/revoke", "/oauth2/device"):
            form = {**client.form, "grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
            assert is_refused(await world.post(path, form), "too_many_requests", 429)


@pytest.mark.requirement("CHL-08")
async def test_pages_of_other_sites_may_ask_for_tokens_and_read_the_answers(world, client, person):
    origin = {"origin": "https://inspector.example"}
    for path in (TOKENS, "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/device"):
        preflight = await world.first.request(
            "OPTIONS", path, headers={**origin, "access-control-request-method": "POST"}
        )
        assert preflight.status_code == 204
        assert "POST" in preflight.headers["access-control-allow-methods"]
        refusal = await world.post(path, {"grant_type": "x"}, headers=origin)
        assert refusal.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in refusal.headers


async def test_nothing_is_there_where_the_authorization_server_is_switched_off(db):
    async with World(db, oauth2_provider_enable=False) as world:
        for path in (TOKENS, "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/device"):
            assert (await world.post(path, {"grant_type": "x"})).status_code == 404
