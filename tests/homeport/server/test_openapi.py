"""The API document tells what is so: every route once, who may call it, what it takes and what it answers."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from homeport.database import Database, Listener
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

_CREDENTIALS = {"coder-session-token", "authorization", "cookie", "coder_session_token", "access_token"}


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
        assert any(status.startswith(("2", "3")) for status in statuses), route
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


@pytest.mark.requirement("SWAGGER-DOCUMENT-01", "M26")
async def test_over_the_whole_route_tree_the_document_is_sound(deployment: Deployment) -> None:
    """The checks of identity section 10, on what the document holds and not on what the routes declare."""
    described = document(deployment.app)
    schemes = described["components"]["securitySchemes"]
    assert not any(one["in"] == "cookie" or one["type"] != "apiKey" for one in schemes.values())
    assert described["security"] == [{"CoderSessionToken": []}]
    problems, ids, count = [], set(), 0
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            count += 1
            problems += [f"{method.upper()} {path}: {one}" for one in unsound(path, method, operation, set(schemes))]
            if operation["operationId"] in ids:
                problems.append(f"{method.upper()} {path}: another operation has this id")
            ids.add(operation["operationId"])
    assert problems == []
    assert count > 200
    names = set(re.findall(r'"\$ref": ?"#/components/schemas/([^"]+)"', msgspec.json.encode(described).decode()))
    assert len(names) > 100
    assert names <= described["components"]["schemas"].keys(), "each schema that is referred to is there"


def unsound(path: str, method: str, operation: dict[str, Any], schemes: set[str]) -> Iterator[str]:
    """Say what identity section 10 forbids of an operation."""
    if operation["operationId"] != re.sub(r"[^a-z0-9]+", "-", operation.get("summary", "").lower()).strip("-"):
        yield "its id is not made of its summary"
    if not operation.get("tags"):
        yield "it has no tag"
    statuses = set(operation["responses"])
    if not any(status[0] in "23" for status in statuses) or not any(status[0] in "4d" for status in statuses):
        yield f"success or failure is missing: {sorted(statuses)}"
    parameters = operation.get("parameters", [])
    declared = [(one["in"], one["name"].lower()) for one in parameters]
    if len(set(declared)) != len(declared):
        yield "a parameter is declared twice"
    in_path = {one["name"] for one in parameters if one["in"] == "path" and one.get("required")}
    if in_path != set(re.findall(r"\{(\w+)\}", path)):
        yield f"path parameters are {sorted(in_path)}"
    if any(kind == "cookie" or name in _CREDENTIALS for kind, name in declared):
        yield "a credential is a parameter"
    choices = operation["security"]
    if any(set(choice) - schemes for choice in choices) or ({} in choices and len(choices) < 2):
        yield f"its security is {choices}"
    if "requestBody" in operation and (method in {"get", "delete", "head"} or not operation["requestBody"]["content"]):
        yield "it takes a body that nobody sends"
    for status, answer in operation["responses"].items():
        if status in {"204", "304"} and answer.get("content"):
            yield f"{status} has a body"


@pytest.mark.requirement("SWAGGER-DOCUMENT-01")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"summary": "Another"}, "its id"),
        ({"tags": []}, "no tag"),
        ({"responses": {"200": {}}}, "success or failure"),
        ({"parameters": []}, "path parameters"),
        (
            {"parameters": [{"in": "cookie", "name": "x"}, {"in": "path", "name": "a", "required": True}]},
            "a credential",
        ),
        ({"parameters": [{"in": "path", "name": "a", "required": True}] * 2}, "twice"),
        ({"security": [{"Basic": []}]}, "its security"),
        ({"requestBody": {"content": {"application/json": {}}}}, "a body that nobody sends"),
        ({"responses": {"204": {"content": {"x": {}}}, "4XX": {}}}, "204 has a body"),
    ],
)
def test_what_is_unsound_is_told(change: dict[str, Any], words: str) -> None:
    good = {
        "operationId": "read-a", "summary": "Read a", "tags": ["A"], "responses": {"200": {}, "4XX": {}},
        "parameters": [{"in": "path", "name": "a", "required": True}], "security": [{"CoderSessionToken": []}],
    }  # fmt: skip
    assert list(unsound("/{a}", "get", good, {"CoderSessionToken"})) == []
    assert any(words in one for one in unsound("/{a}", "get", good | change, {"CoderSessionToken"}))


@pytest.mark.requirement("SWAGGER-PAGE-01")
async def test_the_page_knows_nobody_and_goes_with_its_document(db: Database, deployment: Deployment) -> None:
    person = await deployment.accounts.make("owner")
    pages = []
    for path in ("/swagger", "/swagger/", "/swagger/index.html"):
        for headers in ([], [("cookie", f"coder_session_token={person.token}")]):
            answer = await send(deployment.asgi, "GET", path, headers=headers)
            assert (answer.status, answer.kind) == (200, "text/html")
            assert "set-cookie" not in answer.headers
            assert "script-src 'self';" in answer.headers["content-security-policy"]
            pages.append(answer.body)
    assert len(set(pages)) == 1
    assert person.username.encode() not in pages[0]
    assert b"style=" not in pages[0]
    alias = await send(deployment.asgi, "GET", "/swagger/doc.json")
    assert alias.json() == (await send(deployment.asgi, "GET", "/swagger/openapi.json")).json()
    off = Deployment(db, Listener(db.connect), swagger_enable=False)
    for path in ("/swagger", "/swagger/index.html", "/swagger/openapi.json", "/swagger/doc.json"):
        assert (await send(off.asgi, "GET", path)).status == 404, path
    assert document(off.app)["paths"]
    await off.close()


@pytest.mark.requirement("HTTP-OPENAPI-01")
async def test_anybody_may_read_the_document_as_it_is(deployment: Deployment) -> None:
    answer = await send(deployment.asgi, "GET", "/swagger/openapi.json")
    assert (answer.status, answer.json()) == (200, msgspec.to_builtins(document(deployment.app)))
    assert (await send(deployment.asgi, "GET", "/swagger/openapi.json")).body == answer.body
