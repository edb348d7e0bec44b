"""Clients that cannot be run here, step by step as section 2.4 of the specification records them."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.published import Publisher
from tests.interop.recorded import Form, Installation
from tests.support.names import unique_name
from tests.support.server import Server

pytestmark = [pytest.mark.requirement("E2E-05")]
REGISTRATIONS = Path(__file__).parents[1] / "homeport" / "oauth2" / "registrations"
OAUTH, OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
RESOURCE = "/.well-known/oauth-protected-resource"
LIST = "coder_list_workspaces"
CLAUDE = "https://claude.ai/api/mcp/auth_callback"
CHATGPT = "https://chatgpt.com/connector_platform_oauth_redirect"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def registration(name: str) -> dict[str, Any]:
    """Return the body with which a client registers."""
    found: dict[str, Any] = json.loads((REGISTRATIONS / f"{name}.json").read_text())
    return found


def same_address(left: str, right: str) -> bool:
    """Whether two addresses are equal as browsers write them."""
    return str(httpx.URL(left)).rstrip("/") == str(httpx.URL(right)).rstrip("/")


@pytest.mark.requirement("PRM-02", "RED-07")
@pytest.mark.parametrize(
    "callback",
    ["http://127.0.0.1:33418/", "http://127.0.0.1:50817/", "https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect"],
)  # fmt: skip
def test_vs_code_by_registration(server: Server, callback: str) -> None:
    code = Installation(server)
    challenge = code.knock()
    # It looks where the header says and nowhere else, and wants its own address there.
    resource = code.first(challenge["resource_metadata"])
    assert same_address(resource["resource"], code.url)
    issuer = resource["authorization_servers"][0]
    metadata = code.first(f"{issuer}{OAUTH}", f"{issuer}{OPENID}")
    assert code.seen == [(f"{RESOURCE}/mcp", 200), (OAUTH, 200)]
    body = registration("vscode")
    can = {"authorization_code", "refresh_token", DEVICE}
    body["grant_types"] = [grant for grant in metadata["grant_types_supported"] if grant in can]
    assert set(body["grant_types"]) == can
    told = code.register(metadata, {**body, "scope": challenge["scope"]})
    assert "client_secret" not in told
    # The port of its own server is another one where 33418 is taken. What it must remember stands in the state.
    state = "vscode://dynamicauthprovider/127.0.0.1/authorize?nonce=a%2Bb%3D%3D"
    client = {"client_id": told["client_id"]}
    code.sign_in(
        metadata, client, redirect_uri=callback, state=state, scope=challenge["scope"], resource=resource["resource"]
    )
    assert LIST in code.work()
    code.refresh()
    assert LIST in code.work()


def test_vs_code_by_its_document(server: Server, published: Publisher) -> None:
    code = Installation(server, version="2025-11-25")
    resource = code.first(code.knock()["resource_metadata"])
    metadata = code.first(f"{resource['authorization_servers'][0]}{OAUTH}")
    assert metadata["client_id_metadata_document_supported"] is True
    body = registration("vscode")
    document = {
        **body,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": body["redirect_uris"][1:],
    }
    client = {"client_id": published.put("/oauth/vs-code-client-metadata.json", document)}
    code.sign_in(metadata, client, redirect_uri="http://127.0.0.1:61003/", resource=resource["resource"])
    assert LIST in code.work()
    code.refresh()
    assert LIST in code.work()


@pytest.mark.requirement("RED-06", "RED-07")
@pytest.mark.parametrize("callback", registration("cursor")["redirect_uris"])
def test_cursor_registers_three_addresses_at_once(server: Server, callback: str) -> None:
    cursor = Installation(server)
    challenge = cursor.knock()
    resource = cursor.first(
        challenge["resource_metadata"], f"{cursor.origin}{RESOURCE}/mcp", f"{cursor.origin}{RESOURCE}"
    )
    assert cursor.url.startswith(resource["resource"])
    metadata = cursor.first(f"{resource['authorization_servers'][0]}{OAUTH}")
    told = cursor.register(metadata, registration("cursor"))
    client, bound = {"client_id": told["client_id"]}, {"resource": resource["resource"]}
    cursor.sign_in(metadata, client, redirect_uri=callback, redeemed=bound, scope=challenge["scope"], **bound)
    assert LIST in cursor.work()
    cursor.refresh(**bound)
    assert LIST in cursor.work()


@pytest.mark.requirement("TOK-04")
def test_claude_registers_and_registers_again_when_it_is_forgotten(server: Server) -> None:
    claude = Installation(server)
    challenge = claude.knock()
    resource = claude.first(challenge["resource_metadata"])
    metadata = claude.first(f"{resource['authorization_servers'][0]}{OAUTH}")

    def connect() -> Form:
        told = claude.register(metadata, registration("claude"))
        client = {"client_id": told["client_id"], "client_secret": told["client_secret"]}
        claude.sign_in(metadata, client, redirect_uri=CLAUDE, scope=challenge["scope"], resource=resource["resource"])
        assert LIST in claude.work()
        return client

    first = connect()
    claude.refresh()
    assert LIST in claude.work()
    server.api.call("DELETE", f"/oauth2-provider/apps/{first['client_id']}")
    assert claude.refusal()["error"] == "invalid_token"
    gone = claude.token({"grant_type": "refresh_token", "refresh_token": claude.tokens["refresh_token"]})
    assert (gone.status_code, gone.json()["error"]) == (401, "invalid_client")
    assert connect()["client_id"] != first["client_id"]


def test_claude_with_an_id_and_a_secret_that_a_person_has_typed(server: Server) -> None:
    app = server.api.call("POST", "/oauth2-provider/apps", json={"name": unique_name("claude"), "callback_url": CLAUDE})
    secret = server.api.call("POST", f"/oauth2-provider/apps/{app['id']}/secrets")["client_secret_full"]
    claude = Installation(server)
    resource = claude.first(claude.knock()["resource_metadata"])
    metadata = claude.first(f"{resource['authorization_servers'][0]}{OAUTH}")
    client = {"client_id": app["id"], "client_secret": secret}
    claude.sign_in(metadata, client, redirect_uri=CLAUDE, resource=resource["resource"])
    assert LIST in claude.work()
    claude.refresh()
    assert LIST in claude.work()


@pytest.mark.requirement("CIM-09", "RED-03")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_claude_code_by_its_document(server: Server, published: Publisher, host: str) -> None:
    """The document names loopback addresses without a port; each sign-in listens on another one."""
    code = Installation(server)
    challenge = code.knock()
    resource = code.first(challenge["resource_metadata"])
    metadata = code.first(f"{resource['authorization_servers'][0]}{OAUTH}")
    assert metadata["client_id_metadata_document_supported"] is True
    document = {
        "client_name": "Claude Code", "client_uri": "https://claude.ai",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }  # fmt: skip
    client = {"client_id": published.put("/oauth/claude-code-client-metadata", document)}
    for port in (49153, 60999):
        code.sign_in(
            metadata, client, redirect_uri=f"http://{host}:{port}/callback", scope=challenge["scope"],
            resource=resource["resource"], redeemed={"resource": resource["resource"]},
        )  # fmt: skip
        assert LIST in code.work()
        code.refresh()
        assert LIST in code.work()


@pytest.mark.requirement("CHL-02", "DIS-03", "DIS-04")
def test_codex_looks_for_the_issuer_at_the_address_of_the_server(server: Server) -> None:
    """It does not follow resource_metadata, and takes the first document that answers 200: only the last one may."""
    codex = Installation(server)
    assert "error" not in codex.knock(), "it would not begin to sign in"
    metadata = codex.first(
        f"{codex.origin}{OAUTH}/mcp", f"{codex.origin}{OPENID}/mcp", f"{codex.url}{OPENID}", f"{codex.origin}{OAUTH}"
    )
    assert [status for _, status in codex.seen] == [404, 404, 404, 200]
    assert metadata["issuer"] == codex.origin
    told = codex.register(metadata, registration("codex"))
    client, bound = {"client_id": told["client_id"]}, {"resource": codex.url}
    redirect_uri = registration("codex")["redirect_uris"][0].replace("37819", "41777")
    codex.sign_in(metadata, client, redirect_uri=redirect_uri, redeemed=bound, **bound)
    assert LIST in codex.work()
    codex.refresh(**bound)
    assert LIST in codex.work()


@pytest.mark.parametrize("way", ["document", "registration", "predefined"])
def test_chatgpt_repeats_the_resource_as_it_was_told(server: Server, published: Publisher, way: str) -> None:
    chatgpt = Installation(server, path="/mcp?toolset=chatgpt")
    challenge = chatgpt.knock()
    resource = chatgpt.first(challenge["resource_metadata"])
    metadata = chatgpt.first(f"{resource['authorization_servers'][0]}{OAUTH}")
    assert "none" in metadata["token_endpoint_auth_methods_supported"]
    # Without both it would not use its own stable callback.
    assert metadata["authorization_response_iss_parameter_supported"] is True
    body = registration("chatgpt")
    if way == "document":
        client = {"client_id": published.put("/oauth/chatgpt.json", body)}
    elif way == "registration":
        client = {"client_id": chatgpt.register(metadata, body)["client_id"]}
    else:
        app = server.api.call(
            "POST", "/oauth2-provider/apps", json={"name": unique_name("chatgpt"), "callback_url": CHATGPT}
        )
        secret = server.api.call("POST", f"/oauth2-provider/apps/{app['id']}/secrets")["client_secret_full"]
        client = {"client_id": app["id"], "client_secret": secret}
    bound = {"resource": resource["resource"]}
    chatgpt.sign_in(metadata, client, redirect_uri=CHATGPT, redeemed=bound, scope=challenge["scope"], **bound)
    assert chatgpt.work() == {"search", "fetch"}
    chatgpt.refresh(**bound)
    assert chatgpt.work() == {"search", "fetch"}
