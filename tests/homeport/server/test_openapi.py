"""The API document tells what is so: every route once, who may call it, what it takes and what it answers."""

import re
from typing import Any

import msgspec
import pytest

from homeport.server.openapi import document
from tests.homeport.server.deployment import Deployment
from tests.homeport.server.driver import send
from tests.homeport.server.routes import Route, all_routes

HEADERS = {
    "CoderSessionToken": "Coder-Session-Token",
    "CoderProvisionerKey": "Coder-Provisioner-Daemon-Key",
    "HomeportJobToken": "Homeport-Job-Token",
}
WANTED = {
    "public": set(),
    "optional": {"", "CoderSessionToken"},
    "user": {"CoderSessionToken"},
    "agent": {"CoderSessionToken"},
    "provisioner": {"CoderProvisionerKey", "CoderSessionToken"},
    "job": {"HomeportJobToken"},
}
# Endpoints of protocols that the document leaves out: what it describes under another address, what says that there is
# nothing, and MCP, whose messages no such document can describe.
ALIASES = ("/oauth2/token", "/.well-known/oauth-authorization-server/{path}", "/oauth2/{path}", "/.well-known/{path}")


def operations(deployment: Deployment) -> tuple[dict[str, Any], list[tuple[Route, dict[str, Any]]]]:
    """Return the document, and the routes of programs with what it says of each. One route answers for another one's `me`."""
    described = document(deployment.app)
    routes = [
        one
        for one in all_routes(deployment.app)
        if (one.is_api and one.method != "WS" and "/users/me" not in one.path)
        or (one.is_protocol and one.path not in ALIASES and one.access.resource is None)
    ]
    return described, [(route, described["paths"][route.path][route.method.lower()]) for route in routes]


@pytest.mark.requirement("HTTP-OPENAPI-01")
async def test_every_route_is_described_once_and_completely(deployment: Deployment) -> None:
    described, found = operations(deployment)
    assert sum(len(methods) for methods in described["paths"].values()) == len(found) > 100
    ids = [operation["operationId"] for _, operation in found]
    assert len(set(ids)) == len(ids)
    for route, operation in found:
        assert operation["operationId"] == re.sub(r"[^a-z0-9]+", "-", operation["summary"].lower()).strip("-"), route
        assert operation["tags"], route
        assert operation["description"], route
        declared = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert declared == set(route.names), route
        assert route.is_changing or "requestBody" not in operation, route
        if route.is_protocol and route.method in {"POST", "PUT"}:
            (content,) = operation["requestBody"]["content"].values()
            assert content["schema"]["properties"], route
        statuses = set(operation["responses"])
        assert any(status.startswith("2") for status in statuses), route
        shape = "OAuth2ErrorBody" if route.path.startswith("/oauth2/") else "Response"
        assert operation["responses"]["4XX"]["content"]["application/json"]["schema"] == {
            "$ref": f"#/components/schemas/{shape}"
        }
        for status, answer in operation["responses"].items():
            assert status in {"204", "4XX"} or answer["content"], f"{route} {status}"


@pytest.mark.requirement("HTTP-OPENAPI-01")
async def test_the_document_says_which_credential_a_route_takes(deployment: Deployment) -> None:
    described, found = operations(deployment)
    schemes = described["components"]["securitySchemes"]
    assert {name: (one["type"], one["in"], one["name"]) for name, one in schemes.items()} == {
        name: ("apiKey", "header", header) for name, header in HEADERS.items()
    }
    for route, operation in found:
        offered = {name for choice in operation["security"] for name in (choice or {"": []})}
        assert offered == WANTED[route.access.credential], route


@pytest.mark.requirement("HTTP-OPENAPI-01")
async def test_anybody_may_read_the_document_as_it_is(deployment: Deployment) -> None:
    answer = await send(deployment.asgi, "GET", "/swagger/openapi.json")
    assert (answer.status, answer.json()) == (200, msgspec.to_builtins(document(deployment.app)))
    assert (await send(deployment.asgi, "GET", "/swagger/openapi.json")).body == answer.body
