"""A table of cases over HTTP: discovery, registration, authorization; test_black_box_tokens.py has the rest.

It is held against Homeport and, where features overlap, against npm oidc-provider: what both servers do is no accident of
ours, and a case that the other one failed would be wrong itself.
"""

from typing import Any
from urllib.parse import urlsplit

import pytest

from scripts.oauth2.pkce import make_pair
from tests.interop.issuers import (
    CALLBACK,
    DEVICE,
    STATE,
    UNKNOWN,
    Issuer,
    holes,
    is_refused,
    parameters,
    registration,
    stays,
)

pytestmark = [pytest.mark.requirement("E2E-08")]
TOO_SHORT = "a" * 42
TOO_LONG = "a" * 129


# Discovery (RFC 8414)


def test_the_metadata_says_what_clients_need(issuer: Issuer) -> None:
    reply = issuer.http.get(f"{issuer.url}/.well-known/oauth-authorization-server")
    assert reply.headers["content-type"].startswith("application/json")
    found = reply.json()
    assert found["issuer"] == issuer.url
    for name in ("authorization", "token", "registration", "revocation", "introspection", "device_authorization"):
        assert found[f"{name}_endpoint"].startswith(f"{issuer.url}/"), name
    assert "code" in found["response_types_supported"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert {"authorization_code", "refresh_token", DEVICE} <= set(found["grant_types_supported"])
    assert {"none", "client_secret_basic", "client_secret_post"} <= set(found["token_endpoint_auth_methods_supported"])
    assert {issuer.narrow, issuer.broad} <= set(found["scopes_supported"])
    assert found["authorization_response_iss_parameter_supported"] is True
    assert holes(found) == []


# Registration (RFC 7591, 7592)


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_a_registration_is_told_back(issuer: Issuer, method: str) -> None:
    sent = registration(token_endpoint_auth_method=method, odd_member=[1], client_id=UNKNOWN)
    reply = issuer.http.post(issuer.metadata["registration_endpoint"], json=sent)
    assert reply.status_code == 201
    assert "no-store" in reply.headers["cache-control"]
    told = reply.json()
    assert {name: told[name] for name in sent if name not in {"odd_member", "client_id"}} == {
        name: value for name, value in sent.items() if name not in {"odd_member", "client_id"}
    }
    assert told["client_id"] != UNKNOWN
    assert isinstance(told["client_id_issued_at"], int)
    assert ("client_secret" in told) == (method != "none")
    assert told.get("client_secret_expires_at", 0) == 0
    assert holes(told) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uris": ["http://app.example/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"{CALLBACK}#part"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": "http://127.0.0.1/callback"}, "invalid_redirect_uri"),
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"token_endpoint_auth_method": "by-heart"}, "invalid_client_metadata"),
        ({"application_type": "mainframe"}, "invalid_client_metadata"),
        ({"client_uri": "not an address"}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
    ],
)
def test_what_cannot_be_registered_is_refused(issuer: Issuer, changes: dict[str, Any], code: str) -> None:
    reply = issuer.http.post(issuer.metadata["registration_endpoint"], json=registration(**changes))
    assert is_refused(reply, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null"])
def test_a_registration_that_is_no_object_is_refused(issuer: Issuer, body: bytes) -> None:
    reply = issuer.http.post(
        issuer.metadata["registration_endpoint"], content=body, headers={"Content-Type": "application/json"}
    )
    assert reply.status_code == 400
    assert reply.json()["error"] in {"invalid_client_metadata", "invalid_redirect_uri", "invalid_request"}


def test_a_registration_is_managed_by_its_token_alone(issuer: Issuer) -> None:
    client, other = issuer.register(), issuer.register()
    address = client.told["registration_client_uri"]
    mine = {"Authorization": f"Bearer {client.told['registration_access_token']}"}
    theirs = {"Authorization": f"Bearer {other.told['registration_access_token']}"}
    assert issuer.http.get(address, headers=mine).json()["client_name"] == client.told["client_name"]
    for headers in ({"Authorization": "Bearer nothing-like-it"}, theirs):
        for method in ("GET", "DELETE"):
            assert issuer.http.request(method, address, headers=headers).status_code == 401
    assert issuer.http.delete(address, headers=mine).status_code == 204
    assert issuer.http.get(address, headers=mine).status_code == 401
    assert is_refused(issuer.refresh(client, "whatever"), "invalid_client", 401)


# Authorization: what stays (RFC 6749 section 4.1.2.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None}, {"client_id": ""}, {"client_id": UNKNOWN}, {"client_id": "a b"},
        {"redirect_uri": "https://attacker.example/callback"},
        {"redirect_uri": f"{CALLBACK}/"}, {"redirect_uri": f"{CALLBACK}?more=1"}, {"redirect_uri": f"{CALLBACK}#part"},
        {"redirect_uri": f"{CALLBACK}/../callback"}, {"redirect_uri": CALLBACK.replace("callback", "Callback")},
        {"redirect_uri": CALLBACK.replace("http", "https")}, {"redirect_uri": CALLBACK.replace("127.0.0.1", "localhost")},
        {"redirect_uri": CALLBACK.replace("127.0.0.1", "127.0.0.1.attacker.example")},
        {"redirect_uri": CALLBACK.replace("127.0.0.1", "me@127.0.0.1")},
        {"redirect_uri": CALLBACK.replace("127.0.0.1", "127.1")}, {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "/callback"}, {"redirect_uri": "attacker.example"},
    ],
)  # fmt: skip
def test_nobody_is_sent_to_an_address_that_is_not_the_clients(issuer: Issuer, changes: dict[str, str | None]) -> None:
    client = issuer.register()
    request = issuer.request(client, make_pair(), **changes)
    assert stays(issuer.answer(request))
    assert "attacker" not in issuer.look(request).headers.get("location", "")


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_two_clients_or_addresses_are_none(issuer: Issuer, name: str) -> None:
    client = issuer.register(redirect_uris=[CALLBACK, "http://127.0.0.1/second"])
    request = issuer.request(client, make_pair())
    assert stays(issuer.answer([*request, (name, dict(request)[name])]))


def test_an_address_may_be_left_out_where_there_is_one(issuer: Issuer) -> None:
    two = issuer.register(redirect_uris=[CALLBACK, "http://127.0.0.1/second"])
    assert stays(issuer.answer(issuer.request(two, make_pair(), redirect_uri=None)))
    assert "code" in issuer.given(issuer.request(issuer.register(), make_pair(), redirect_uri=None))


# Authorization: what goes back to the client


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "magic"}, "unsupported_response_type"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": TOO_SHORT}, "invalid_request"),
        ({"code_challenge": TOO_LONG}, "invalid_request"),
        ({"code_challenge": "a" * 42 + "="}, "invalid_request"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"resource": "mcp"}, "invalid_target"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
        ({"prompt": "none login"}, "invalid_request"),
    ],
)
def test_other_mistakes_are_told_to_the_client(issuer: Issuer, changes: dict[str, str | None], code: str) -> None:
    given = issuer.given(issuer.request(issuer.register(), make_pair(), **changes))
    assert (given["error"], given["state"], given["iss"]) == (code, STATE, issuer.url)
    assert "code" not in given


@pytest.mark.parametrize("name", ["scope", "response_type", "code_challenge", "code_challenge_method"])
def test_a_parameter_that_comes_twice_is_a_mistake(issuer: Issuer, name: str) -> None:
    request = issuer.request(issuer.register(), make_pair())
    given = issuer.given([*request, (name, dict(request)[name])])
    assert (given["error"], given["iss"]) == ("invalid_request", issuer.url)


def test_a_person_may_refuse(issuer: Issuer) -> None:
    given = issuer.given(issuer.request(issuer.register(), make_pair()), "deny")
    assert (given["error"], given["state"], given["iss"]) == ("access_denied", STATE, issuer.url)
    assert "code" not in given


def test_an_answer_is_complete_and_nothing_else(issuer: Issuer) -> None:
    client = issuer.register()
    request = issuer.request(client, make_pair())
    reply = issuer.answer([*request, ("unknown", "1"), ("unknown", "2"), ("display", "")])
    assert reply.headers["location"].startswith(f"{CALLBACK}?")
    assert "#" not in reply.headers["location"]
    given = parameters(reply)
    assert (set(given), given["state"], given["iss"]) == ({"code", "state", "iss"}, STATE, issuer.url)
    assert "state" not in issuer.given(issuer.request(client, make_pair(), state=None))


@pytest.mark.parametrize("state", ["x" * 4000, "%", "ключ 鍵", "a&b=c", "+ "])
def test_any_state_comes_back_as_it_was(issuer: Issuer, state: str) -> None:
    assert issuer.given(issuer.request(issuer.register(), make_pair(), state=state))["state"] == state


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
@pytest.mark.parametrize("registered", ["", ":7777"])
def test_the_port_of_a_program_on_the_same_machine_is_free(issuer: Issuer, host: str, registered: str) -> None:
    client = issuer.register(redirect_uris=[f"http://{host}{registered}/callback"])
    asked = f"http://{host}:53621/callback"
    reply = issuer.answer(issuer.request(client, make_pair(), redirect_uri=asked))
    assert reply.headers["location"].startswith(f"{asked}?")
    assert "code" in parameters(reply)


def test_the_query_of_a_registered_address_stays(issuer: Issuer) -> None:
    address = "https://app.example/callback?tenant=a%20b&x="
    client = issuer.confidential(redirect_uris=[address], application_type="web")
    reply = issuer.answer(issuer.request(client, make_pair(), redirect_uri=address))
    assert reply.headers["location"].startswith(f"{address.partition('?')[0]}?")
    given = parameters(reply)
    assert (given["tenant"], given["x"]) == ("a b", "")
    assert "code" in given


def test_looking_gives_no_code(issuer: Issuer) -> None:
    client = issuer.register()
    issuer.tokens(client)
    reply = issuer.look(issuer.request(client, make_pair()))
    assert reply.status_code in {302, 303}
    assert urlsplit(reply.headers["location"])._replace(path="", query="").geturl() in {issuer.url, ""}
    given = parameters(issuer.look(issuer.request(client, make_pair(), prompt="none")))
    assert (given["error"], given["iss"]) == ("login_required", issuer.url)
