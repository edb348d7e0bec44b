"""Authorization requests, judged without any database: addresses to the letter, PKCE, scopes, resources, answers."""

from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

import msgspec
import pytest

from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.oauth2.errors import OAuthError
from homeport.oauth2.rules.authorization import (
    Asked,
    AuthorizationRequest,
    answer,
    can_be_silent,
    error_answer,
    judged,
    read_pairs,
    read_request,
    redirect_of,
)
from homeport.oauth2.rules.wording import scope_words, shown_name
from homeport.oauth2.types import AppRow, GrantRow
from homeport.rbac import EXTERNAL_SCOPE_NAMES
from tests.homeport.oauth2.cases import WEB, app, asks
from tests.homeport.oauth2.world import CHALLENGE, MCP
from tests.support.accounts import ACCESS_URL


def judge(request: AuthorizationRequest, client: AppRow | None = None, **more: Any) -> Asked:
    options = {"is_pkce_required": False, "class_limit": (), "access_url": ACCESS_URL, **more}
    return judged(request, client or app(WEB), **options)


USUAL = {"response_type": "code", "client_id": "x", "state": "s", "code_challenge": CHALLENGE}


def refusal(request: AuthorizationRequest, client: AppRow | None = None, **more: Any) -> str:
    with pytest.raises(OAuthError) as caught:
        judge(request, client, **more)
    assert caught.value.message.isascii()
    assert not set('"\\') & set(caught.value.message)
    return caught.value.code


@pytest.mark.requirement("AUT-03")
@pytest.mark.parametrize("kind", ["token", "id_token", "none", "code token", "code id_token", "CODE", "c0de"])
def test_only_codes_are_given(kind: str):
    assert refusal(asks(**{**USUAL, "response_type": kind})) == "unsupported_response_type"
    assert refusal(asks(**{**USUAL, "response_type": ""})) == "invalid_request"
    assert refusal(asks(**USUAL), app(WEB, grant_types=["client_credentials"])) == "unauthorized_client"
    assert refusal(asks(**USUAL), app(WEB, response_types=[])) == "unauthorized_client"


@pytest.mark.requirement("AUT-04")
def test_pkce_is_for_public_clients_always_and_for_others_where_it_is_demanded():
    without = asks(response_type="code", state="s")
    assert judge(without).challenge == ""
    assert refusal(without, app(WEB, client_type="public")) == "invalid_request"
    assert refusal(without, is_pkce_required=True) == "invalid_request"
    assert refusal(asks(response_type="code", code_challenge="")) == "invalid_request"
    assert judge(asks(response_type="code", code_challenge=CHALLENGE)).challenge == CHALLENGE


@pytest.mark.requirement("AUT-05")
@pytest.mark.parametrize(
    ("changes", "is_good"),
    [
        ({}, True),
        ({"code_challenge_method": "S256"}, True),
        ({"code_challenge_method": ""}, True),
        ({"code_challenge_method": "plain"}, False),
        ({"code_challenge_method": "s256"}, False),
        ({"code_challenge_method": "S512"}, False),
        ({"code_challenge": ""}, None),
        ({"code_challenge": "", "code_challenge_method": "S256"}, False),
        ({"code_challenge": "a" * 42}, False),
        ({"code_challenge": "a" * 43}, True),
        ({"code_challenge": "a" * 128}, True),
        ({"code_challenge": "a" * 129}, False),
        ({"code_challenge": "-._~" + "a" * 39}, True),
        ({"code_challenge": "a" * 42 + "="}, False),
        ({"code_challenge": "a" * 42 + "+"}, False),
        ({"code_challenge": "a" * 42 + "/"}, False),
        ({"code_challenge": "a" * 42 + "é"}, False),
        ({"code_challenge": "a" * 43 + "\n"}, False),
        ({"code_challenge": "٣" * 43}, False),
    ],
)
def test_a_challenge_is_s256_and_well_formed(changes: dict[str, str], is_good: bool | None):
    request = asks(**{**USUAL, **changes})
    if is_good is False:
        assert refusal(request) == "invalid_request"
    else:
        assert judge(request).challenge == (request.code_challenge if is_good else "")


@pytest.mark.requirement("AUT-06")
def test_parameters_come_once_and_unknown_ones_do_not_matter():
    pairs = list(USUAL.items())
    for name in ("response_type", "scope", "state", "code_challenge", "code_challenge_method", "prompt"):
        again = [*pairs, (name, "x"), (name, "x")]
        assert refusal(read_request(again)) == "invalid_request"
    judge(read_request([*pairs, ("unknown", "1"), ("unknown", "2"), ("nonce", ""), ("", "x")]))
    twice = read_request([*pairs, ("state", "s")])
    assert twice.state is None
    for name in ("redirect_uri",):
        with pytest.raises(OAuthError):
            redirect_of(read_request([(name, WEB), (name, WEB)]), app(WEB))
    assert asks(state="").state is None


@pytest.mark.requirement("AUT-06")
@pytest.mark.parametrize("name", ["client_secret", "client_assertion", "access_token", "coder_session_token"])
def test_a_secret_in_the_query_is_refused(name: str):
    with pytest.raises(OAuthError, match="no secret"):
        asks(**{**USUAL, name: "x"})


def test_a_request_with_too_many_parameters_is_refused():
    with pytest.raises(OAuthError, match="parameters"):
        read_pairs(b"&".join(b"a=%d" % number for number in range(101)))


def test_request_objects_and_other_answers_are_refused_by_name():
    assert refusal(asks(**USUAL, request="x")) == "request_not_supported"
    assert refusal(asks(**USUAL, request_uri="https://x")) == "request_uri_not_supported"
    assert refusal(asks(**USUAL, response_mode="fragment")) == "invalid_request"
    judge(asks(**USUAL, response_mode="query"))


def test_state_is_needed_without_pkce():
    assert refusal(asks(response_type="code")) == "invalid_request"
    judge(asks(response_type="code", state="s"))
    judge(asks(response_type="code", code_challenge=CHALLENGE))


@pytest.mark.requirement("AUT-12")
def test_without_a_scope_a_client_gets_the_least():
    found = judge(asks(**USUAL))
    assert found.scopes == ("coder:workspaces.read",)
    assert found.is_default
    narrow = app(WEB, scope="template:read")
    assert judge(asks(**USUAL), narrow).scopes == ("template:read",)


@pytest.mark.requirement("AUT-13")
def test_unknown_scopes_are_left_out():
    found = judge(asks(**USUAL, scope="openid coder:workspaces.create email profile offline_access workspace:read"))
    assert found.scopes == ("coder:workspaces.create", "workspace:read")
    assert not found.is_default
    assert judge(asks(**USUAL, scope="openid email profile")).scopes == ("coder:workspaces.read",)
    assert judge(asks(**USUAL, scope="  coder:all   all ")).scopes == ("coder:all",)
    assert judge(read_request([*USUAL.items(), *read_pairs(b"scope=%FF%FE+workspace:read")])).scopes == (
        "workspace:read",
    )
    limited = app(WEB, scope="coder:workspaces.read")
    assert refusal(asks(**USUAL, scope="coder:all"), limited) == "invalid_scope"
    assert refusal(asks(**USUAL, scope="x" * 4097)) == "invalid_scope"


RESOURCES = {
    ACCESS_URL: ACCESS_URL,
    f"{ACCESS_URL}/": ACCESS_URL,
    "HTTP://HomePort.Test:80/": ACCESS_URL,
    MCP: MCP,
    MCP.replace("homeport", "HOMEPORT"): MCP,
    f"{ACCESS_URL}/api/experimental/mcp/http": f"{ACCESS_URL}/api/experimental/mcp/http",
    f"{MCP}/": None,
    f"{ACCESS_URL}/MCP": None,
    f"{ACCESS_URL}/other": None,
    f"{MCP}#": None,
    f"{MCP}#x": None,
    f"{MCP}?x=1": None,
    "/mcp": None,
    "mcp": None,
    "https://homeport.test/mcp": None,
    "http://homeport.test:81/mcp": None,
    "http://homeport.test.evil.example/mcp": None,
    "http://user@homeport.test/mcp": None,
    "urn:x": None,
    "http://": None,
    "http://[": None,
    "http://homeport.test:x/": None,
}


@pytest.mark.requirement("RES-02", "RES-03")
@pytest.mark.parametrize(("uri", "expected"), RESOURCES.items())
def test_a_resource_is_one_of_ours(uri: str, expected: str | None):
    request = asks(**USUAL, resource=uri)
    if expected is None:
        assert refusal(request) == "invalid_target"
    else:
        assert judge(request).resource == expected


@pytest.mark.requirement("RES-02")
def test_several_resources_are_refused_unless_they_are_one():
    pairs = list(USUAL.items())
    same = read_request(
        [*pairs, ("resource", MCP), ("resource", MCP.upper().replace("/MCP", "/mcp")), ("resource", "")]
    )
    assert judge(same).resource == MCP
    assert refusal(read_request([*pairs, ("resource", MCP), ("resource", ACCESS_URL)])) == "invalid_target"
    assert refusal(read_request([*pairs, ("resource", MCP), ("resource", "https://evil.example/")])) == "invalid_target"


STATES = [
    "s", "a b", "a+b", "a%20b", "%2B", "100%", "a&b=c", "?x#y", "üñí→🦀", "\u202e", '"<script>', "a\r\nb", "\x00\x7f", " ",
    "é" * 1000, "x" * 4096,
]  # fmt: skip


@pytest.mark.requirement("AUT-09")
@pytest.mark.parametrize("state", STATES)
def test_the_state_comes_back_as_it_was(state: str):
    found = answer(WEB, issuer=ACCESS_URL, state=state, parameters=[("code", "c")])
    assert found.isascii()
    assert found.isprintable()
    assert " " not in found
    assert parse_qsl(urlsplit(found).query) == [("code", "c"), ("state", state), ("iss", ACCESS_URL)]


@pytest.mark.requirement("AUT-08", "AUT-09")
@pytest.mark.parametrize(
    "encoded",
    [
        b"state=a+b",
        b"state=a%2Bb",
        b"state=%FF%00%C3",
        b"state=\xff\xc3\xa9",
        b"state=%E2%82%AC",
        "state=é".encode(),
        b"state=%",
        b"state=%zz",
    ],
)
def test_the_bytes_of_a_state_survive_every_way(encoded: bytes):
    first = read_request(read_pairs(encoded))
    again = read_request(read_pairs(first.query.encode("ascii")))
    assert again == first
    assert again.query == first.query
    expected = unquote_to_bytes(encoded.removeprefix(b"state=").replace(b"+", b" "))
    assert first.state is not None
    assert first.state.encode("utf-8", "surrogateescape") == expected
    location = answer(WEB, issuer=ACCESS_URL, state=first.state, parameters=[])
    assert unquote_to_bytes(urlsplit(location).query.partition("state=")[2].partition("&")[0]) == expected


@pytest.mark.requirement("AUT-09")
def test_a_state_that_was_not_sent_is_not_made_up():
    assert "state" not in answer(WEB, issuer=ACCESS_URL, state=None, parameters=[("code", "c")])


@pytest.mark.requirement("AUT-10")
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://c.example/cb", "https://c.example/cb?code=c&state=s&iss=http%3A%2F%2Fi"),
        ("https://c.example/cb?x=1", "https://c.example/cb?x=1&code=c&state=s&iss=http%3A%2F%2Fi"),
        ("https://c.example/cb?x=a%20b&y", "https://c.example/cb?x=a%20b&y&code=c&state=s&iss=http%3A%2F%2Fi"),
        ("https://c.example/cb?", "https://c.example/cb?code=c&state=s&iss=http%3A%2F%2Fi"),
        ("https://c.example/cb?code=old&x=1&st%61te=old&iss=x&error=e", "https://c.example/cb?x=1&code=c&state=s&iss=http%3A%2F%2Fi"),
        ("com.example.app:/cb", "com.example.app:/cb?code=c&state=s&iss=http%3A%2F%2Fi"),
        ("http://127.0.0.1:3", "http://127.0.0.1:3?code=c&state=s&iss=http%3A%2F%2Fi"),
    ],
)  # fmt: skip
def test_a_registered_query_stays_and_ours_stands_there_once(uri: str, expected: str):
    assert answer(uri, issuer="http://i", state="s", parameters=[("code", "c")]) == expected


@pytest.mark.requirement("AUT-11")
def test_an_error_tells_who_answers():
    found = dict(
        parse_qsl(urlsplit(error_answer(WEB, OAuthError("e", "What, why."), issuer="http://i", state="s")).query)
    )
    assert found == {"error": "e", "error_description": "What, why.", "state": "s", "iss": "http://i"}


def granted(*scopes: str, host: str = "client.example") -> GrantRow:
    now = clock.now()
    return GrantRow(
        id=new_id(), user_id=new_id(), app_id=new_id(), resource_uri="", scopes=list(scopes), redirect_hosts=[host],
        created_at=now, updated_at=now,
    )  # fmt: skip


@pytest.mark.requirement("CON-05")
def test_only_a_confidential_registered_client_at_https_is_remembered():
    request, wanted = asks(**USUAL), Asked(scopes=("workspace:read",), resource="", challenge="", is_default=False)

    def is_silent(client: AppRow, *, uri: str = WEB, grant: GrantRow | None = None, prompt: str = "") -> bool:
        allowed = grant or granted("workspace:read", "template:read")
        asked = msgspec.structs.replace(request, prompt=prompt)
        return can_be_silent(asked, client, wanted, redirect_uri=uri, grant=allowed)

    known = app(WEB)
    assert is_silent(known)
    assert is_silent(known, prompt="none")
    assert is_silent(known, grant=granted("coder:all"))
    assert not can_be_silent(request, known, wanted, redirect_uri=WEB, grant=None)
    assert not is_silent(known, grant=granted("template:read"))
    assert not is_silent(known, grant=granted("workspace:read", host="other.example"))
    assert not is_silent(app(WEB, client_type="public"))
    assert not is_silent(app(WEB, kind="dynamic", dynamically_registered=True))
    assert not is_silent(app(WEB, dynamically_registered=True))
    assert not is_silent(app(WEB, kind="metadata_document", metadata_url="https://client.example/m"))
    for prompt in ("consent", "login", "select_account", "login consent"):
        assert not is_silent(known, prompt=prompt)
    for uri in ("http://127.0.0.1/cb", "http://localhost:1/cb", "com.example.app:/cb"):
        assert not is_silent(known, uri=uri, grant=granted("workspace:read", host="127.0.0.1"))


@pytest.mark.requirement("CON-07")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Cursor", "Cursor"),
        ("  a \t b\n c ", "a b c"),
        ("\u202eevil\u202c", "evil"),
        ("a\u200bb\ufeff\u00adc\u2066d", "abcd"),
        ("\x00\x1b[31mred", "[31mred"),
        ("a\u2028b", "a b"),
        ("\u200b", "An application without a name"),
        ("", "An application without a name"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 63 + "…"),
        ("<b>&\"'", "<b>&\"'"),
        ("日本語 🦀", "日本語 🦀"),
    ],
)
def test_a_name_is_shown_without_what_hides_or_turns_others(name: str, shown: str):
    assert shown_name(name) == shown


@pytest.mark.requirement("CON-01")
def test_every_scope_has_words():
    for name in EXTERNAL_SCOPE_NAMES:
        words = scope_words(name)
        assert words[0].isupper(), name
        assert words.endswith("."), name
        assert "_" not in words, name
        assert ":" not in words.replace("workspaces: run", ""), name
    assert scope_words("workspace:ssh") == "Run commands and open shells in workspaces."
    assert scope_words("api_key:*") == "Do everything with API keys."
    assert scope_words("new_thing:odd_verb") == "Odd verb new thing."
