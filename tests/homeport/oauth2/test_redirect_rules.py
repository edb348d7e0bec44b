"""Redirect addresses of authorization requests: the client's to the letter, but for the port on loopback."""

import pytest

from homeport.oauth2.errors import OAuthError
from homeport.oauth2.rules.authorization import redirect_of
from tests.homeport.oauth2.cases import WEB, app, asks

NEAR_MISSES = [
    "https://client.example/callback/",
    "https://client.example/Callback",
    "https://client.example/callback?",
    "https://client.example/callback?x=1",
    "https://client.example/callback#",
    "https://client.example/callback#x",
    "https://client.example//callback",
    "https://client.example/./callback",
    "https://client.example/a/../callback",
    "https://client.example/%2e/callback",
    "https://client.example/call%62ack",
    "https://client.example/callback%00",
    "https://client.example/callback%20",
    " https://client.example/callback",
    "https://client.example/callback ",
    "https://client.example/callback\n",
    "https://CLIENT.example/callback",
    "HTTPS://client.example/callback",
    "http://client.example/callback",
    "https://client.example:443/callback",
    "https://client.example:8443/callback",
    "https://client.example./callback",
    "https://user@client.example/callback",
    "https://client.example@evil.example/callback",
    "https://client.example.evil.example/callback",
    "https://evil.example/client.example/callback",
    "https://evil-client.example/callback",
    "https://sub.client.example/callback",
    "https://client.example",
    "https://client.example/",
    "https://client.example/call",
    "https://client.example/callback/deeper",
    "//client.example/callback",
    "/callback",
    "client.example/callback",
    "https:client.example/callback",
    "https:/client.example/callback",
    "https:\\\\client.example\\callback",
    "https://client.example\\callback",
    "javascript:alert(1)//https://client.example/callback",
    "https://clіent.example/callback",
]


@pytest.mark.requirement("RED-01", "AUT-02")
@pytest.mark.parametrize("uri", NEAR_MISSES)
def test_an_address_is_the_clients_to_the_letter(uri: str):
    with pytest.raises(OAuthError) as caught:
        redirect_of(asks(redirect_uri=uri), app(WEB))
    assert caught.value.code == "invalid_request"
    assert "must exactly match" in caught.value.message
    assert redirect_of(asks(redirect_uri=WEB), app("https://other.example/", WEB)) == WEB


@pytest.mark.requirement("RED-02")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
@pytest.mark.parametrize("registered", ["", ":1", ":8080"])
@pytest.mark.parametrize("asked", ["", ":1", ":49152", ":65535"])
def test_the_port_of_a_loopback_address_is_free(host: str, registered: str, asked: str):
    client = app(f"http://{host}{registered}/oauth/callback?a=1")
    uri = f"http://{host}{asked}/oauth/callback?a=1"
    assert redirect_of(asks(redirect_uri=uri), client) == uri


@pytest.mark.requirement("RED-02", "RED-04")
@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost/cb",
        "http://[::1]/cb",
        "http://127.0.0.2/cb",
        "http://127.1/cb",
        "http://0.0.0.0/cb",
        "http://2130706433/cb",
        "http://0x7f.0.0.1/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1:80.evil.example/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:8o/cb",
        "http://127.0.0.1:80:80/cb",
        "http://user@127.0.0.1/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1:1@evil.example/cb",
        "http://evil.example#@127.0.0.1/cb",
        "http://127.0.0.1/cb/",
        "http://127.0.0.1/cb?x=1",
        "http://127.0.0.1/CB",
        "http://127.0.0.1",
        "https://127.0.0.1/cb",
        "https://127.0.0.1:8443/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://app.localhost/cb",
        "http://localhost.evil.example/cb",
    ],
)
def test_nothing_else_of_a_loopback_address_is_free(uri: str):
    with pytest.raises(OAuthError):
        redirect_of(asks(redirect_uri=uri), app("http://127.0.0.1/cb"))


@pytest.mark.requirement("RED-04")
def test_the_port_of_https_on_loopback_is_not_free():
    with pytest.raises(OAuthError):
        redirect_of(asks(redirect_uri="https://localhost:8443/cb"), app("https://localhost/cb"))


@pytest.mark.requirement("RED-05")
@pytest.mark.parametrize(
    "uri",
    [
        "http://client.example/cb",
        "http://10.0.0.1/cb",
        "http://app.localhost/cb",
        "javascript:alert(1)",
        "javascript://client.example/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "blob:https://client.example/x",
        "about:blank",
        "ftp://client.example/cb",
        "https://client.example/cb#fragment",
        "https://*.client.example/cb",
        "https://client.example/" + "x" * 2048,
        "foo:bar",
        "com.example:cb",
        "unknown://x/cb",
    ],
)
def test_an_address_that_should_never_have_been_registered_is_not_used(uri: str):
    with pytest.raises(OAuthError) as caught:
        redirect_of(asks(redirect_uri=uri), app(uri, client_type="public"))
    assert caught.value.code == "invalid_request"
    with pytest.raises(OAuthError):
        redirect_of(asks(), app(uri, client_type="public"))


@pytest.mark.requirement("RED-06")
@pytest.mark.parametrize(
    "uri", ["cursor://anysphere.cursor-mcp/oauth/callback", "com.example.app:/cb", "com.example.app://x"]
)
def test_a_scheme_of_ones_own_is_for_public_clients(uri: str):
    assert redirect_of(asks(redirect_uri=uri), app(uri, client_type="public")) == uri
    with pytest.raises(OAuthError):
        redirect_of(asks(redirect_uri=uri), app(uri))
    with pytest.raises(OAuthError):
        redirect_of(asks(redirect_uri=f"{uri}/x"), app(uri, client_type="public"))


@pytest.mark.requirement("RED-08")
def test_an_address_can_be_left_out_where_there_is_one():
    assert redirect_of(asks(), app(WEB)) == WEB
    assert redirect_of(asks(redirect_uri=""), app(WEB)) == WEB
    assert redirect_of(asks(), app(callback_url=WEB)) == WEB
    assert redirect_of(asks(), app(WEB, callback_url=WEB)) == WEB
    for several in (app(WEB, "https://other.example/"), app(WEB, callback_url="https://other.example/"), app()):
        with pytest.raises(OAuthError, match="missing"):
            redirect_of(asks(), several)
