"""Clients of 2025-03-26: for them the MCP server is the authorization server, and there is no metadata of resources."""

import pytest

from tests.interop.recorded import Installation
from tests.interop.test_recorded_clients import LIST, OAUTH, registration
from tests.support.server import Server

VERSION = "2025-03-26"
CALLBACK = registration("mcp_remote")["redirect_uris"][0]


def registered(server: Server) -> tuple[Installation, dict[str, object], dict[str, str]]:
    """Go as far as every client of that time goes: the metadata at the origin of the address, then a registration."""
    client = Installation(server, version=VERSION)
    client.knock()
    metadata = client.first(f"{client.origin}{OAUTH}")
    assert client.seen == [(OAUTH, 200)], "nothing else is looked for"
    told = client.register(metadata, registration("mcp_remote"))
    return client, metadata, {"client_id": told["client_id"]}


@pytest.mark.requirement("E2E-07", "AUD-01", "RES-01")
def test_one_that_names_the_server_as_its_resource_is_let_in(server: Server) -> None:
    client, metadata, known = registered(server)
    client.sign_in(metadata, known, redirect_uri=CALLBACK, resource=client.url)
    assert LIST in client.work()
    client.refresh()
    assert LIST in client.work()
    assert not client.is_let_into_the_api()


@pytest.mark.requirement("E2E-07", "AUD-02", "RES-05")
def test_one_that_names_no_resource_gets_a_token_for_the_api_alone(server: Server) -> None:
    client, metadata, known = registered(server)
    client.sign_in(metadata, known, redirect_uri=CALLBACK)
    told = client.refusal()
    assert told["error"] == "invalid_token"
    assert told["resource_metadata"].endswith("/.well-known/oauth-protected-resource/mcp"), "where to learn better"
    assert client.is_let_into_the_api()
