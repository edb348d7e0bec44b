"""Decisions about documents of clients: which addresses, which networks, how long, and what a change means."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from homeport.oauth2.errors import OAuthError
from homeport.oauth2.rules import documents
from homeport.oauth2.rules.networks import is_public
from homeport.oauth2.rules.registration import BY_DOCUMENT, read_metadata
from homeport.oauth2.service.registering import new_row
from homeport.oauth2.types import AppRow, ClientKind

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "https://client.example/client.json"
DOCUMENT = {"client_id": URL, "client_name": "Example", "redirect_uris": ["http://localhost/callback"]}


@pytest.mark.requirement("CIM-02")
@pytest.mark.parametrize(
    "url",
    [
        "https://claude.ai/oauth/claude-code-client-metadata", URL, "https://client.example:8443/a/b.json",
        "https://client.example/a..b", "https://client.example/.well-known/client", "https://client.example/a%20b",
        "https://xn--bcher-kva.example/x", "https://[2606:4700::1111]/x", "https://192.0.2.7/x", "https://client.example/x/",
    ],
)  # fmt: skip
def test_addresses_that_may_be_a_client_id(url: str) -> None:
    assert documents.address_problem(url) == ""


@pytest.mark.requirement("CIM-02")
@pytest.mark.parametrize(
    "url",
    [
        "", "https://", "https:///x", "https://client.example", "https://client.example/", "http://client.example/x",
        "https://client.example/x#", "https://client.example/x#y", "https://client.example/x?", "https://client.example/x?y=z",
        "https://user@client.example/x", "https://user:pw@client.example/x", "https://@client.example/x",
        "https://client.example/.", "https://client.example/..", "https://client.example/a/../b", "https://client.example/a/./b",
        "https://client.example/%2e%2e/b", "https://client.example/%2E./b", "https://client.example/a/.%2e", "https://client.example/a/%2e",
        "HTTPS://client.example/x", "https://Client.example/x", "https://client.example:443/x", "https://client.example:/x",
        "https://client.example:08443/x", "https://client.example:99999/x", "https://client.example:-1/x", "https://client.example./x",
        "https://.client.example/x", "https://client..example/x", "https://-client.example/x", "https://client_x.example/x",
        "https://bücher.example/x", "https://client.example/ü", "https://client.example/a b", "https://client.example/a\\b",
        "https://client.example\\@evil.example/x", "https://client.example/x\n", " https://client.example/x", "https://127.1/x",
        "https://2130706433/x", "https://0x7f.1/x", "https://[::1/x", "https://::1/x", "https://client.example/\x00",
        "https://client.example/" + "x" * 2048, "javascript:alert(1)", "//client.example/x",
    ],
)  # fmt: skip
def test_addresses_that_may_not(url: str) -> None:
    assert documents.address_problem(url)


@pytest.mark.requirement("CIM-04")
@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "93.184.216.34",
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_addresses_of_the_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.requirement("CIM-04")
@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.9", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1",
        "2001::1", "2001:db8::1", "2001:10::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
        "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "", "localhost", "8.8.8.8.8", "8.8.8.8/32", "2606:4700::1%1",
    ],
)  # fmt: skip
def test_addresses_of_private_and_special_networks(address: str) -> None:
    assert not is_public(address)


@pytest.mark.requirement("CON-08")
@pytest.mark.parametrize(
    ("host", "allowed", "denied", "is_accepted"),
    [
        ("client.example", [], [], True),
        ("client.example", ["client.example"], [], True),
        ("a.client.example", ["client.example"], [], True),
        ("client.example", ["a.client.example"], [], False),
        ("evilclient.example", ["client.example"], [], False),
        ("client.example.evil", ["client.example"], [], False),
        ("client.example", ["Client.Example."], [], True),
        ("client.example", [], ["client.example"], False),
        ("a.client.example", [], [".client.example"], False),
        ("client.example", ["client.example"], ["client.example"], False),
        ("other.example", ["client.example", "other.example"], ["client.example"], True),
    ],
)
def test_domains_are_allowed_and_denied(host: str, allowed: list[str], denied: list[str], is_accepted: bool) -> None:
    assert (documents.domain_problem(f"https://{host}/x", allowed=allowed, denied=denied) == "") is is_accepted


@pytest.mark.requirement("CIM-04")
@pytest.mark.parametrize(
    ("hosts", "is_named"),
    [
        ((), False), (("client.example",), True), (("client.example:8443",), True), (("CLIENT.example:8443",), True),
        (("client.example:443",), False), (("example",), False), (("other.example",), False), (("*",), False),
    ],
)  # fmt: skip
def test_private_hosts_are_named_one_by_one(hosts: tuple[str, ...], is_named: bool) -> None:
    assert documents.is_private_host("https://client.example:8443/x", hosts) is is_named


@pytest.mark.requirement("CIM-06")
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 3600), ({"cache-control": "max-age=1800"}, 1800), ({"cache-control": "public, Max-Age=1800"}, 1800),
        ({"cache-control": "max-age=1"}, 300), ({"cache-control": "max-age=0"}, 300), ({"cache-control": "max-age=99999999"}, 86400),
        ({"cache-control": "no-store"}, 300), ({"cache-control": "no-cache, max-age=9000"}, 300),
        ({"cache-control": "max-age=1800, s-maxage=7200"}, 7200), ({"cache-control": "max-age=1800", "age": "600"}, 1200),
        ({"cache-control": "max-age=1800", "age": "x"}, 1800), ({"cache-control": "max-age=x"}, 3600), ({"cache-control": ""}, 3600),
        ({"expires": "Thu, 01 Jan 2026 14:00:00 GMT"}, 7200), ({"expires": "Thu, 01 Jan 2020 14:00:00 GMT"}, 300),
        ({"expires": "0"}, 300), ({"expires": "Thu, 01 Jan 2026 14:00:00 GMT", "cache-control": "max-age=600"}, 600),
    ],
)  # fmt: skip
def test_headers_say_how_long_within_our_bounds(headers: dict[str, str], seconds: int) -> None:
    assert documents.expires_at(headers, NOW) - NOW == timedelta(seconds=seconds)


@pytest.mark.requirement("CIM-01", "CIM-05")
@pytest.mark.parametrize(
    "document",
    [
        None, [], "x", 7, {}, {**DOCUMENT, "client_id": "https://client.example/other.json"}, {**DOCUMENT, "client_id": URL + "/"},
        {**DOCUMENT, "client_id": URL.upper()}, {**DOCUMENT, "client_id": [URL]}, {**DOCUMENT, "client_id": None},
        {**DOCUMENT, "client_name": None}, {**DOCUMENT, "client_name": ""}, {**DOCUMENT, "client_name": "  "},
        {**DOCUMENT, "client_name": 7}, {**DOCUMENT, "client_name": "\u202e"}, {**DOCUMENT, "redirect_uris": None},
        {**DOCUMENT, "redirect_uris": []}, {**DOCUMENT, "redirect_uris": ["http://client.example/"]},
        {**DOCUMENT, "redirect_uris": ["javascript:alert(1)"]}, {**DOCUMENT, "client_secret": "x"}, {**DOCUMENT, "client_secret": ""},
        {**DOCUMENT, "client_secret_expires_at": 0}, {**DOCUMENT, "token_endpoint_auth_method": "client_secret_basic"},
        {**DOCUMENT, "token_endpoint_auth_method": "client_secret_post"}, {**DOCUMENT, "token_endpoint_auth_method": "client_secret_jwt"},
        {**DOCUMENT, "token_endpoint_auth_method": "private_key_jwt"}, {**DOCUMENT, "grant_types": ["client_credentials"]},
        {**DOCUMENT, "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"]}, {**DOCUMENT, "response_types": ["token"]},
        {**DOCUMENT, "jwks": {"keys": [{"kty": "oct", "k": "x"}]}},
    ],
)  # fmt: skip
def test_documents_that_are_not_accepted(document: object) -> None:
    with pytest.raises(OAuthError):
        documents.read_document(URL, document)


@pytest.mark.requirement("CIM-05", "CIM-09")
def test_a_document_is_read() -> None:
    found = documents.read_document(URL, {**DOCUMENT, "logo_uri": "https://client.example/logo.png", "extra": [None]})
    assert (found.name, found.redirect_uris) == ("Example", ("http://localhost/callback",))
    assert found.auth_method == "none"
    assert found.application_type == "native"
    assert set(found.grant_types) == {"authorization_code", "refresh_token"}


def _row(**changes: object) -> AppRow:
    return new_row(
        read_metadata({**DOCUMENT, **changes}, BY_DOCUMENT), ClientKind.METADATA_DOCUMENT, is_scope_limit=False
    )


def _keys(*names: str) -> dict[str, object]:
    return {"keys": [{"kty": "EC", "crv": "P-256", "x": name, "y": name} for name in names]}


_KEYED = {"token_endpoint_auth_method": "private_key_jwt"}
_BOTH = ["http://localhost/callback", "https://client.example/callback"]


@pytest.mark.requirement("CIM-07")
@pytest.mark.parametrize(
    ("before", "after", "member"),
    [
        ({}, {}, ""),
        ({}, {"logo_uri": "https://client.example/logo.png", "scope": "coder:all", "contacts": ["a@b"]}, ""),
        ({}, {"client_name": "Other"}, "client_name"),
        ({}, {"redirect_uris": _BOTH}, "redirect_uris"),
        ({"redirect_uris": _BOTH}, {}, ""),
        ({"redirect_uris": _BOTH}, {"redirect_uris": _BOTH[::-1]}, ""),
        ({}, {**_KEYED, "jwks": _keys("a")}, "token_endpoint_auth_method"),
        ({**_KEYED, "jwks": _keys("a")}, {**_KEYED, "jwks": _keys("b")}, "jwks"),
        ({**_KEYED, "jwks": _keys("a")}, {**_KEYED, "jwks": _keys("b", "a")}, ""),
        ({**_KEYED, "jwks": _keys("a", "b")}, {**_KEYED, "jwks": _keys("b")}, ""),
        ({**_KEYED, "jwks": _keys("a")}, {**_KEYED, "jwks_uri": "https://client.example/keys"}, "jwks_uri"),
        (
            {**_KEYED, "jwks_uri": "https://client.example/keys"},
            {**_KEYED, "jwks_uri": "https://evil.example/keys"},
            "jwks_uri",
        ),
    ],
)
def test_changes_that_end_grants(before: dict[str, object], after: dict[str, object], member: str) -> None:
    old, new = _row(**before), _row(**after)
    assert documents.revoking_change(old, msgspec.structs.replace(new, id=old.id)) == member
