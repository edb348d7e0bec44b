"""Whatever is sent to the endpoints of OAuth, discovery and MCP, they refuse in the form of their protocol, or do it: never a 500.

The endpoints come from the application, what they take from its OpenAPI document and from the schemas of the tools. Forms
with odd fields are sent by tests/homeport/oauth2/test_odd_forms.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from homeport.mcp.registry import Tool
from homeport.mcp.tools import TOOLSETS
from tests.homeport.server.deployment import CALLBACK, Deployment, Places
from tests.homeport.server.driver import Answer, Headers, send
from tests.homeport.server.hostile import (
    BAD_BODIES,
    BAD_QUERIES,
    BAD_SEGMENTS,
    NO_JSON,
    fields_of,
    odd_values,
    with_value,
    without,
    wrong_kinds,
)
from tests.homeport.server.routes import Route, all_routes, described_by
from tests.homeport.server.sweep import JSON, inner_words, shape_problems
from tests.support.accounts import Person
from tests.support.logging import ErrorLog
from tests.support.names import unique_name

TOKEN = "coder-session-token"
BOTH = ("accept", "application/json, text/event-stream")
QUERIES = ("client_id", "token", "toolset", "access_token", "coder_session_token", "resource", "x")
CREDENTIALS = ["\xff" * 40, "a" * 100_000, "aaaaaaaaaa-" + "a" * 22, "hp_reg_0123456789_" + "a" * 32, "\x00"]
# What a client may leave out it may also leave empty.
ABSENT = {"null", '""', "[]"}
REGISTRATION: dict[str, Any] = {"redirect_uris": [CALLBACK], "client_name": "Swept"}


def endpoints(deployment: Deployment) -> list[Route]:
    """List the endpoints of protocols."""
    return [one for one in all_routes(deployment.app) if one.is_protocol]


class Asker:
    """Asks as one person and notes what is wrong with the answers."""

    def __init__(self, deployment: Deployment, log: ErrorLog, person: Person) -> None:
        self._asgi, self._log = deployment.asgi, log
        self.headers: Headers = [(TOKEN, person.token), BOTH]
        self.problems: list[str] = []

    async def ask(self, route: Route, target: str, body: bytes = b"", *, kind: str = JSON, what: str = "") -> Answer:
        """Send one request."""
        headers = self.headers if route.access.credential == "user" else self.headers[1:]
        answer = await send(self._asgi, route.method, target, headers=headers, body=body, kind=kind)
        self.note(route, what or target[-60:], answer, *shape_problems(route, answer))
        return answer

    def note(self, route: Route, what: str, answer: Answer, *problems: str) -> None:
        """Note problems, and the error that was logged meanwhile."""
        found = [*problems, *(f"an error was logged: {one.getMessage()[:200]}" for one in self._log.records)]
        self._log.records.clear()
        self.problems += [f"{route}: {what}: {one}: {answer.status} {answer.body[:300]!r}" for one in found]


@pytest.fixture
async def asker(deployment: Deployment, error_log: ErrorLog) -> Asker:
    """Asks as an owner."""
    return Asker(deployment, error_log, await deployment.accounts.make("owner"))


@pytest.mark.requirement("HTTP-PROTOCOL-01")
async def test_odd_addresses_and_bodies_are_refused_in_the_protocols_form(deployment: Deployment, asker: Asker) -> None:
    for number, route in enumerate(endpoints(deployment)):
        path = route.path.format_map(dict.fromkeys(route.names, "mcp"))
        targets = [route.path.format_map({name: text}) for name in route.names for text in BAD_SEGMENTS]
        targets += [f"{path}?{name}={text}" for name in QUERIES for text in BAD_QUERIES[number % 4 :: 4]]
        for target in targets:
            await asker.ask(route, target)
        for body, kind in BAD_BODIES if route.is_changing else ():
            await asker.ask(route, path, body, kind=kind, what=f"{kind} {body[:30]!r}")
    assert not asker.problems, "\n".join(asker.problems)


@pytest.mark.requirement("HTTP-PROTOCOL-01")
async def test_odd_credentials_are_refused_in_the_protocols_form(deployment: Deployment, asker: Asker) -> None:
    for route in endpoints(deployment):
        path = route.path.format_map(dict.fromkeys(route.names, "x"))
        for text in CREDENTIALS:
            for name, value in ((TOKEN, text), ("authorization", f"Bearer {text}"), ("authorization", f"Basic {text}")):
                answer = await send(deployment.asgi, route.method, path, headers=[(name, value), BOTH])
                asker.note(route, f"{name}: {value[:20]!r}", answer, *shape_problems(route, answer))
                if route.access.credential == "user":
                    assert answer.status == 401, f"{route}: {name}: {value[:20]!r}: {answer}"
    assert not asker.problems, "\n".join(asker.problems)


@pytest.mark.requirement("HTTP-PROTOCOL-01")
async def test_methods_that_an_endpoint_does_not_have_are_refused_in_its_form(
    deployment: Deployment, asker: Asker
) -> None:
    known = endpoints(deployment)
    for path in {route.path for route in known}:
        allowed = {route.method for route in known if route.path == path}
        for method in {"DELETE", "GET", "PATCH", "POST", "PUT"} - allowed:
            example = next(route for route in known if route.path == path)
            route = Route(method, path, example.access)
            answer = await asker.ask(route, path.format_map(dict.fromkeys(route.names, "x")))
            assert answer.status in {404, 405}, route
            assert answer.status == 404 or answer.headers["allow"], route
    assert not asker.problems, "\n".join(asker.problems)


@pytest.mark.requirement("HTTP-PROTOCOL-01")
async def test_what_a_client_says_of_itself_is_refused_by_name(deployment: Deployment, asker: Asker) -> None:
    components = described_by(deployment.app)["components"]["schemas"]
    made = await send(
        deployment.asgi, "POST", "/oauth2/register", body=msgspec.json.encode(REGISTRATION), headers=[BOTH]
    )
    assert made.status == 201, made.body
    client = made.json()
    asker.headers = [*asker.headers, ("authorization", f"Bearer {client['registration_access_token']}")]
    routes = [route for route in endpoints(deployment) if route.body is not None]
    assert {str(route) for route in routes} == {"POST /oauth2/register", "PUT /oauth2/clients/{client_id}"}
    for route in routes:
        target = route.path.format_map({"client_id": client["client_id"]})
        assert (await asker.ask(route, target, msgspec.json.encode(REGISTRATION))).status in {200, 201}, route
        for field in fields_of(route.body or {}, components):
            name = str(field.path[0])
            for text in {*wrong_kinds(field)} - ABSENT:
                answer = await asker.ask(route, target, with_value(REGISTRATION, field.path, text))
                if answer.status != 400 or name not in answer.json()["error_description"]:
                    asker.note(route, f"{name}={text[:40]}", answer, "a 400 that names the field was due")
            for text in odd_values(field):
                answer = await asker.ask(
                    route, target, with_value(REGISTRATION, field.path, text), what=f"{name}={text[:40]}"
                )
                words = answer.json().get("error_description", "")
                if answer.status >= 400 and text not in NO_JSON and not is_told(name, words):
                    asker.note(route, f"{name}={text[:40]}", answer, "the field is not named")
    assert not asker.problems, "\n".join(asker.problems)


@pytest.mark.requirement("HTTP-PROTOCOL-01")
async def test_a_cookie_makes_no_difference_where_none_is_read(deployment: Deployment) -> None:
    ann = await deployment.accounts.make()
    cookie = [("cookie", f"coder_session_token={ann.token}"), ("origin", "https://client.example")]
    for route in endpoints(deployment):
        if not route.access.has_cors:
            continue
        path = route.path.format_map(dict.fromkeys(route.names, "x"))
        for origin in (cookie[1:], []) if route.access.resource is None else ([],):
            bare = await send(deployment.asgi, route.method, path, headers=origin)
            with_cookie = await send(deployment.asgi, route.method, path, headers=[*origin, cookie[0]])
            assert (with_cookie.status, with_cookie.body) == (bare.status, bare.body), route


@pytest.mark.requirement("HTTP-PROTOCOL-02")
@pytest.mark.identities("owner", "member")
async def test_odd_arguments_of_tools_are_told_in_words(
    deployment: Deployment, error_log: ErrorLog, identity: Person
) -> None:
    owner = identity if identity.kind == "owner" else await deployment.accounts.make("owner")
    places = await deployment.furnish(owner, identity, user="me")
    asker = Asker(deployment, error_log, identity)
    route = next(one for one in endpoints(deployment) if one.access.resource is not None and one.method == "POST")
    for toolset, found in TOOLSETS.items():
        for tool in found.tools:
            good = fitting(tool, places)
            for what, arguments, is_wrong in odd_arguments(tool, good):
                message = with_value(
                    call(tool.name), ("params", "arguments"), arguments.decode("utf-8", "surrogateescape")
                )
                answer = await asker.ask(
                    route, f"{route.path}?toolset={toolset}", message, what=f"{tool.name} {what[:60]}"
                )
                asker.note(route, f"{tool.name} {what[:60]}", answer, *reply_problems(answer, is_wrong=is_wrong))
    assert not asker.problems, "\n".join(asker.problems)


def is_told(field: str, words: str) -> bool:
    """Tell whether the words name the field or what stands in it, or speak of the body as a whole."""
    return field in words or (field == "redirect_uris" and "redirect address" in words) or "The body has more" in words


def call(tool: str) -> dict[str, Any]:
    """Return a call of a tool."""
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}


def fitting(tool: Tool, places: Places) -> dict[str, Any]:
    """Return arguments that a tool takes."""
    words = places.words
    known: dict[str, Any] = {
        "workspace_id": words["workspace"], "workspace": words["workspacename"], "workspace_build_id": words["workspacebuild"],
        "workspace_agent_id": words["workspaceagent"], "template_version_id": words["templateversion"],
        "version_id": words["fresh_version"], "template_id": words["template"], "file_id": words["file_id"],
        "name": unique_name(), "transition": "start", "files": {"homeport.yaml": "x"}, "command": "true", "path": "a",
        "content": "x", "edits": [{"search": "a", "replace": "b"}], "port": 80, "query": "x", "id": words["workspace"],
    }  # fmt: skip
    if tool.name == "coder_workspace_edit_files":
        known["files"] = [{"path": "a", "edits": known["edits"]}]
    if tool.name == "coder_delete_template":
        known["template_id"] = words["random_id"]
    return {name: known[name] for name in tool.schema["required"]}


def odd_arguments(tool: Tool, good: Mapping[str, Any]) -> Iterator[tuple[str, bytes, bool]]:
    """Yield what is odd, the arguments, and whether a tool must refuse them."""
    yield "nothing odd", msgspec.json.encode(good), False
    yield "an unknown one", msgspec.json.encode({**good, "no_such_argument": 1}), True
    for field in fields_of(tool.schema, {}):
        name = ".".join(map(str, field.path))
        for text in wrong_kinds(field):
            yield f"{name}={text}", with_value(good, field.path, text), True
        for text in odd_values(field):
            if text not in NO_JSON:
                yield f"{name}={text[:40]}", with_value(good, field.path, text), False
        if field.is_required and len(field.path) == 1:
            yield f"no {name}", without(good, field.path), True


def reply_problems(answer: Answer, *, is_wrong: bool) -> Sequence[str]:
    """Say what is wrong with the reply to a call."""
    if answer.status != 200:
        return [] if answer.status in {400, 413} else ["a reply was due"]
    reply = answer.json()
    if "error" in reply:
        return [] if reply["error"]["code"] in {-32600, -32602} else ["it is an error of ours"]
    result = reply["result"]
    text = result["content"][0]["text"]
    if is_wrong and not (result.get("isError") and "The arguments are not valid" in text):
        return ["what the arguments lack was to be told"]
    return ["tells of the inside"] if result.get("isError") and inner_words(text.encode()) else []
