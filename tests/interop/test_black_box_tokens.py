"""The second half of the table of test_black_box.py: codes, refresh, resources, revocation, introspection, devices."""

from urllib.parse import urlencode

import pytest

from scripts.oauth2.pkce import make_pair
from tests.interop.issuers import CALLBACK, DEVICE, UNKNOWN, Issuer, holes, is_refused

pytestmark = [pytest.mark.requirement("E2E-08")]


# Codes (RFC 6749 section 4.1.3, RFC 7636 section 4.6)


@pytest.mark.parametrize("method", ["none", "client_secret_post", "client_secret_basic"])
def test_tokens_are_as_the_standards_have_them(issuer: Issuer, method: str) -> None:
    client, pair = issuer.register(token_endpoint_auth_method=method), make_pair()
    form = issuer.redemption(client, issuer.code(client, pair), pair, client_secret=None)
    secret = {"client_secret": client.told["client_secret"]} if method == "client_secret_post" else {}
    reply = issuer.post("token", {**form, **secret}, client.basic() if method == "client_secret_basic" else {})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("application/json")
    assert "no-store" in reply.headers["cache-control"]
    found = reply.json()
    assert found["token_type"] == "Bearer"
    assert 0 < found["expires_in"] <= 3600
    assert set(found["scope"].split()) == {issuer.narrow, issuer.broad}
    assert found["refresh_token"]
    assert holes(found) == []
    assert issuer.opens(client, found["access_token"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code_verifier": "b" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"code": "nothing-like-it"}, "invalid_grant"),
        ({"redirect_uri": f"{CALLBACK}/"}, "invalid_grant"),
        ({"redirect_uri": "https://attacker.example/callback"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "urn:example:grant"}, "unsupported_grant_type"),
    ],
)
def test_a_code_is_refused_and_not_used_up(issuer: Issuer, changes: dict[str, str | None], code: str) -> None:
    client, pair = issuer.register(), make_pair()
    given = issuer.code(client, pair)
    assert is_refused(issuer.post("token", issuer.redemption(client, given, pair, **changes)), code)
    assert issuer.post("token", issuer.redemption(client, given, pair)).status_code == 200


def test_a_missing_or_foreign_grant_type_has_a_name(issuer: Issuer) -> None:
    client, pair = issuer.register(grant_types=["authorization_code"]), make_pair()
    form = issuer.redemption(client, issuer.code(client, pair), pair, grant_type=None)
    assert is_refused(issuer.post("token", form), issuer.is_grant_type_needed)
    assert is_refused(issuer.refresh(client, "whatever"), issuer.is_grant_type_registered)


@pytest.mark.parametrize("name", ["grant_type", "code", "code_verifier", "redirect_uri", "client_id"])
def test_a_form_says_everything_once(issuer: Issuer, name: str) -> None:
    client, pair = issuer.register(), make_pair()
    form = issuer.redemption(client, issuer.code(client, pair), pair)
    assert is_refused(issuer.post("token", [*form.items(), (name, form[name])]), "invalid_request")
    assert issuer.post("token", [*form.items(), ("unknown", "1"), ("unknown", "2")]).status_code == 200


def test_a_code_is_good_once_and_its_tokens_end_with_the_second_use(issuer: Issuer) -> None:
    client, pair = issuer.confidential(), make_pair()
    form = issuer.redemption(client, issuer.code(client, pair), pair)
    first = issuer.post("token", form).json()
    assert issuer.opens(client, first["access_token"])
    assert is_refused(issuer.post("token", form), "invalid_grant")
    assert not issuer.opens(client, first["access_token"])
    assert is_refused(issuer.refresh(client, first["refresh_token"]), "invalid_grant")


def test_a_code_is_good_for_its_client_alone(issuer: Issuer) -> None:
    client, other, pair = issuer.register(), issuer.register(), make_pair()
    given = issuer.code(client, pair)
    assert is_refused(issuer.post("token", issuer.redemption(other, given, pair)), "invalid_grant")
    assert issuer.post("token", issuer.redemption(client, given, pair)).status_code == 200


def test_a_verifier_without_a_challenge_is_refused(issuer: Issuer) -> None:
    client, pair = issuer.confidential(), make_pair()
    given = issuer.code(client, pair, code_challenge=None, code_challenge_method=None)
    assert is_refused(issuer.post("token", issuer.redemption(client, given, pair)), "invalid_grant")


# Who asks (OAuth 2.1 section 2.4)


@pytest.mark.parametrize("endpoint", ["token", "revocation", "introspection"])
def test_a_client_that_does_not_prove_itself_is_401(issuer: Issuer, endpoint: str) -> None:
    basic, post = issuer.confidential("client_secret_basic"), issuer.confidential("client_secret_post")
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    assert is_refused(issuer.post(endpoint, {**form, "client_id": UNKNOWN}), "invalid_client", 401)
    assert is_refused(issuer.post(endpoint, {**form, "client_id": post.id}), "invalid_client", 401)
    assert is_refused(
        issuer.post(endpoint, {**form, "client_id": post.id, "client_secret": "wrong"}), "invalid_client", 401
    )
    wrong = issuer.post(endpoint, form, basic.basic("wrong"))
    assert is_refused(wrong, "invalid_client", 401)
    assert wrong.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("endpoint", ["token", "introspection", "registration"])
def test_no_refusal_is_stored(issuer: Issuer, endpoint: str) -> None:
    assert "no-store" in issuer.post(endpoint, {"grant_type": "nonsense"}).headers["cache-control"]


@pytest.mark.parametrize("endpoint", ["token", "revocation", "introspection"])
def test_a_client_proves_itself_in_one_way(issuer: Issuer, endpoint: str) -> None:
    client = issuer.confidential("client_secret_basic")
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", **client.form}
    assert is_refused(issuer.post(endpoint, form, client.basic()), "invalid_request")


@pytest.mark.parametrize("endpoint", ["token", "revocation", "introspection"])
def test_nothing_is_taken_from_a_query_or_json(issuer: Issuer, endpoint: str) -> None:
    client = issuer.confidential()
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", **client.form}
    address = issuer.metadata[f"{endpoint}_endpoint"]
    for reply in (issuer.http.post(f"{address}?{urlencode(form)}"), issuer.http.post(address, json=form)):
        assert reply.status_code == 400
        assert reply.json()["error"] == "invalid_request"
    assert issuer.http.get(f"{address}?{urlencode(form)}").status_code in {404, 405}


# Refresh (RFC 6749 section 6, RFC 9700 section 4.14)


@pytest.mark.parametrize("method", ["none", "client_secret_post"])
def test_every_refresh_gives_another_pair_and_reuse_ends_them_all(issuer: Issuer, method: str) -> None:
    client = issuer.register(token_endpoint_auth_method=method)
    first = issuer.tokens(client)
    second = issuer.refresh(client, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert issuer.opens(client, second["access_token"])
    assert is_refused(issuer.refresh(client, first["refresh_token"]), "invalid_grant")
    assert is_refused(issuer.refresh(client, second["refresh_token"]), "invalid_grant")
    assert not issuer.opens(client, second["access_token"])


def test_a_refresh_token_is_good_for_its_client_alone(issuer: Issuer) -> None:
    client, other = issuer.register(), issuer.register()
    first = issuer.tokens(client)
    assert is_refused(issuer.refresh(other, first["refresh_token"]), "invalid_grant")
    assert is_refused(issuer.refresh(client, first["refresh_token"], client_id=UNKNOWN), "invalid_client", 401)
    assert issuer.refresh(client, first["refresh_token"]).status_code == 200


def test_a_refresh_narrows_for_once_and_never_widens(issuer: Issuer) -> None:
    client = issuer.register()
    token = issuer.tokens(client)["refresh_token"]
    narrowed = issuer.refresh(client, token, scope=issuer.narrow).json()
    assert narrowed["scope"] == issuer.narrow
    whole = issuer.refresh(client, narrowed["refresh_token"]).json()
    assert set(whole["scope"].split()) == {issuer.narrow, issuer.broad}
    small = issuer.tokens(client, scope=issuer.narrow)["refresh_token"]
    assert is_refused(issuer.refresh(client, small, scope=issuer.both), "invalid_scope")
    assert issuer.refresh(client, small).status_code == 200


@pytest.mark.parametrize("token", ["", "nothing-like-it", "x" * 5000])
def test_what_is_no_refresh_token_is_refused(issuer: Issuer, token: str) -> None:
    assert is_refused(issuer.refresh(issuer.register(), token), "invalid_grant" if token else "invalid_request")


# Resources (RFC 8707)


def test_a_token_is_for_the_resource_that_was_named(issuer: Issuer) -> None:
    client, pair = issuer.confidential(), make_pair()
    form = issuer.redemption(client, issuer.code(client, pair), pair)
    for other in (issuer.other_resource, "https://elsewhere.example/mcp"):
        with_other = issuer.post("token", {**form, "resource": other})
        assert is_refused(with_other, "invalid_target")
        form = issuer.redemption(client, issuer.code(client, pair), pair)
    found = issuer.post("token", {**form, "resource": issuer.resource}).json()
    for _ in range(2):
        told = issuer.post("introspection", {"token": found["access_token"], **client.form}).json()
        assert told["aud"] == issuer.resource
        found = issuer.refresh(client, found["refresh_token"]).json()
    elsewhere = issuer.refresh(client, found["refresh_token"], resource=issuer.other_resource)
    assert is_refused(elsewhere, "invalid_target")


# Revocation and introspection (RFC 7009, 7662)


def test_a_refresh_token_that_is_given_back_takes_everything_with_it(issuer: Issuer) -> None:
    client = issuer.confidential()
    tokens = issuer.tokens(client)
    for hint in ({"token_type_hint": "access_token"}, {}, {"token_type_hint": "nonsense"}):
        reply = issuer.post("revocation", {"token": tokens["refresh_token"], **client.form, **hint})
        assert (reply.status_code, reply.content) == (200, b"")
    assert not issuer.is_active(client, tokens["access_token"])
    assert not issuer.is_active(client, tokens["refresh_token"])
    assert is_refused(issuer.refresh(client, tokens["refresh_token"]), "invalid_grant")


def test_an_access_token_that_is_given_back_is_over(issuer: Issuer) -> None:
    client = issuer.confidential()
    tokens = issuer.tokens(client)
    assert issuer.opens(client, tokens["access_token"])
    assert issuer.post("revocation", {"token": tokens["access_token"], **client.form}).status_code == 200
    assert not issuer.opens(client, tokens["access_token"])


def test_nobody_gives_back_what_is_anothers(issuer: Issuer) -> None:
    client, other = issuer.confidential(), issuer.confidential()
    tokens = issuer.tokens(client)
    for token in (tokens["access_token"], tokens["refresh_token"], "nothing-like-it"):
        assert issuer.post("revocation", {"token": token, **other.form}).status_code == 200
    assert issuer.is_active(client, tokens["access_token"])
    assert issuer.refresh(client, tokens["refresh_token"]).status_code == 200
    assert is_refused(issuer.post("revocation", client.form), "invalid_request")


def test_introspection_says_what_a_token_is_good_for(issuer: Issuer) -> None:
    client, other = issuer.confidential(), issuer.confidential()
    tokens = issuer.tokens(client)
    told = issuer.post("introspection", {"token": tokens["access_token"], **client.form}).json()
    assert told["active"] is True
    assert (told["client_id"], told["iss"], told["aud"]) == (client.id, issuer.url, issuer.resource)
    assert set(told["scope"].split()) == {issuer.narrow, issuer.broad}
    assert told["token_type"] == "Bearer"
    assert told["exp"] - told["iat"] == tokens["expires_in"]
    assert told["sub"]
    assert holes(told) == []
    assert issuer.is_active(client, tokens["refresh_token"])
    for asker, token in (
        (other, tokens["access_token"]),
        (other, tokens["refresh_token"]),
        (client, "nothing-like-it"),
    ):
        assert issuer.post("introspection", {"token": token, **asker.form}).json() == {"active": False}
    assert is_refused(issuer.post("introspection", client.form), "invalid_request")


# Devices (RFC 8628)


def test_a_device_waits_for_its_person(issuer: Issuer) -> None:
    client, other = issuer.register(grant_types=[DEVICE]), issuer.register(grant_types=[DEVICE])
    reply = issuer.post("device_authorization", {"scope": issuer.narrow, **client.form})
    assert reply.status_code == 200, reply.text
    told = reply.json()
    assert told["verification_uri"].startswith(f"{issuer.url}/")
    assert told["verification_uri_complete"].startswith(told["verification_uri"])
    assert len(told["user_code"].replace("-", "")) >= 6
    assert 0 < told["expires_in"] <= 1800
    assert holes(told) == []
    form = {"grant_type": DEVICE, "device_code": told["device_code"]}
    assert is_refused(issuer.post("token", {**form, **other.form}), "invalid_grant")
    assert is_refused(issuer.post("token", {**form, **client.form}), "authorization_pending")
    assert is_refused(issuer.post("token", {**form, **client.form, "device_code": "x"}), "invalid_grant")
