"""The door of protected resources: which hosts and origins are expected, which credentials can be read, who is good where."""

import pytest

from homeport.access.resources import foreign_host, foreign_origin, presented_token, unreadable_credential
from homeport.access.rules import is_good_at
from homeport.kit.addresses import canonical, well_known

URL = "https://homeport.example.com"


@pytest.mark.requirement("CHL-09")
@pytest.mark.parametrize(
    ("origin", "is_expected"),
    [
        ("", True), (URL, True), ("https://HOMEPORT.example.com", True), ("https://homeport.example.com:443", True),
        ("http://localhost:6274", True), ("http://127.0.0.1:5173", True), ("http://[::1]:8000", True), ("https://localhost", True),
        ("https://extra.example", True), ("https://extra.example/", True), ("app://own", True),
        ("https://evil.example", False), ("http://homeport.example.com", False), ("https://homeport.example.com:8443", False),
        ("https://homeport.example.com.evil.example", False), ("https://apps.homeport.example.com", False), ("null", False),
        ("http://localhost.evil.example", False), ("http://10.0.0.1", False), ("file://", False), ("chrome-extension://abc", False),
        ("https://evil.example@homeport.example.com", False), ("https://", False), ("//localhost", False), ("localhost", False),
    ],
)  # fmt: skip
def test_origins(origin: str, is_expected: bool):
    headers = [(b"origin", origin.encode())] if origin else []
    problem = foreign_origin(headers, URL, ("https://extra.example", "app://own"))
    assert (problem == "") == is_expected


@pytest.mark.requirement("CHL-09")
@pytest.mark.parametrize(
    ("host", "is_expected"),
    [
        ("homeport.example.com", True), ("HOMEPORT.example.COM", True), ("homeport.example.com:443", True),
        ("homeport.example.com.", True), ("localhost:3000", True), ("127.0.0.1", True), ("[::1]:3000", True),
        ("192.0.2.10:80", True), ("extra.example", True), ("extra.example:3000", True),
        ("", False), ("evil.example", False), ("homeport.example.com.evil.example", False), ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False), ("apps.homeport.example.com", False), ("[::1].evil.example", False),
    ],
)  # fmt: skip
def test_hosts(host: str, is_expected: bool):
    headers = [(b"host", host.encode())] if host else []
    assert (foreign_host(headers, URL, ("https://extra.example",)) == "") == is_expected


@pytest.mark.requirement("CHL-09")
def test_a_star_expects_everybody():
    headers = [(b"host", b"evil.example"), (b"origin", b"https://evil.example")]
    assert foreign_host(headers, URL, ("*",)) == foreign_origin(headers, URL, ("*",)) == ""


@pytest.mark.requirement("CHL-05", "CHL-06")
@pytest.mark.parametrize(
    ("headers", "query", "is_readable", "token"),
    [
        ([], b"", True, ""),
        ([(b"authorization", b"Bearer abc")], b"", True, "abc"),
        ([(b"authorization", b"bearer  abc ")], b"", True, "abc"),
        ([(b"coder-session-token", b"abc")], b"", True, "abc"),
        ([(b"authorization", b"Basic abc")], b"", True, ""),
        ([(b"authorization", b"Basic abc"), (b"coder-session-token", b"t")], b"", True, "t"),
        ([(b"cookie", b"coder_session_token=abc")], b"access_token=abc", True, ""),
        ([(b"authorization", b"Bearer")], b"", False, ""),
        ([(b"authorization", b"Bearer ")], b"", False, ""),
        ([(b"authorization", b"Bearer a b")], b"", False, "a b"),
        ([(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")], b"", False, "a"),
        ([(b"authorization", b"Bearer a"), (b"authorization", b"Basic a")], b"", False, "a"),
        ([(b"authorization", b"Bearer a"), (b"coder-session-token", b"a")], b"", False, "a"),
        ([(b"authorization", b"Bearer a")], b"x=1&access_token=a", False, "a"),
        ([(b"authorization", b"Bearer a")], b"access%5Ftoken=a", False, "a"),
        ([(b"coder-session-token", b"a")], b"access_token=b", False, "a"),
        ([(b"authorization", b"Bearer a")], b"toolset=standard", True, "a"),
    ],
)
def test_credentials(headers: list[tuple[bytes, bytes]], query: bytes, is_readable: bool, token: str):
    assert (unreadable_credential(headers, query) == "") == is_readable
    assert presented_token(headers) == token


@pytest.mark.requirement("AUD-01", "AUD-02")
@pytest.mark.parametrize(
    ("audience", "path", "is_good"),
    [
        (None, "", True), (None, "/mcp", False), (URL, "", True), (URL, "/mcp", False), (f"{URL}/mcp", "/mcp", True),
        (f"{URL}/mcp", "", False), (f"{URL}/mcp", "/api/experimental/mcp/http", False), (f"{URL}/mcp/", "/mcp", False),
        ("https://other.example/mcp", "/mcp", False), ("", "", True), ("", "/mcp", False),
    ],
)  # fmt: skip
def test_a_token_is_good_at_its_resource_alone(audience: str | None, path: str, is_good: bool):
    assert is_good_at(audience, path, f"{URL}/") == is_good


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (URL, f"{URL}/.well-known/oauth-protected-resource"),
        (f"{URL}/mcp", f"{URL}/.well-known/oauth-protected-resource/mcp"),
        (f"{URL}/base/mcp", f"{URL}/.well-known/oauth-protected-resource/base/mcp"),
        ("http://[::1]:3000/mcp", "http://[::1]:3000/.well-known/oauth-protected-resource/mcp"),
    ],
)
def test_the_metadata_is_found_between_host_and_path(address: str, found: str):
    assert well_known(canonical(address), "oauth-protected-resource") == found
