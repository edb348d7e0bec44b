"""Walks over routes as one person and notes every answer that is not what bad input deserves."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from tests.homeport.server import hostile
from tests.homeport.server.deployment import PSK, Deployment, Places
from tests.homeport.server.driver import Answer, Headers, send
from tests.homeport.server.routes import Route
from tests.homeport.server.samples import RESULTS, sample
from tests.support.accounts import Person
from tests.support.logging import ErrorLog

Value = TypeVar("Value")
JSON = "application/json"
# What happened inside must not be read outside.
_INNER = (b"Traceback", b"asyncpg", b"msgspec", b"litestar", b'File "', b"SELECT ", b"select ", b"/src/homeport")
_CODE = re.compile(r"[a-z_]+")
# Bodies of which an accepted one uses up what the next one needs.
_CONSUMING = {"CreateWorkspaceBuildRequest", "CreateTemplateRequest"}
_JOB_ENDING = {"CompleteJobRequest", "FailJobRequest"}
# Fields that may be named where another one is odd: a rule speaks of both, or the reference calls it so.
_ELSEWHERE = {
    # Whatever is odd about the rest, the code is of nobody.
    "ChangePasswordWithOneTimePasscodeRequest": {"one_time_passcode"},
    "CompleteJobRequest": {"resources", "size"},
    "ConvertLoginRequest": {"to_type"},
    "CreateTemplateVersionRequest": {"file_id"},
    "CreateUserRequestWithOrgs": {"password"},
    "CreateWorkspaceRequest": {"schedule", "template_id"},
    "ScriptTimingRequest": {"ended_at"},
    "UpdateUserPasswordRequest": {"password"},
}
# Refused as a whole, whatever the fields hold: nobody changes their own roles.
_OF_ONESELF = {"UpdateRoles"}
# Parameters of a template are named by their own names, whatever the client has made up.
_NAMES_THEMSELVES = "rich_parameter_values"


class Sweep:
    """See the module. `problems` is what was wrong, `count` how many requests were sent."""

    def __init__(self, deployment: Deployment, log: ErrorLog, admin: Person, person: Person, *, every: int = 1) -> None:
        """`person` asks; paths name things of `person`, or where that is `admin` things of an account that may be lost.

        Of all values one in `every` is sent.
        """
        self._deployment, self._log = deployment, log
        self._admin, self._person, self._owner = admin, person, person
        self._places: Places | None = None
        self._every, self._turn = every, 0
        self.problems: list[str] = []
        self.count = 0

    async def furnish(self) -> None:
        """Make anew what the paths name."""
        is_other = self._person.id == self._admin.id
        self._owner = await self._deployment.accounts.make("member") if is_other else self._person
        user = str(self._owner.id) if is_other else "me"
        self._places = await self._deployment.furnish(self._admin, self._owner, user=user)

    async def try_good(self, route: Route) -> int:
        """Send a good body and return the status: what is refused as a whole proves nothing about its fields."""
        status = (await self._send_field(route, None, None))[0].status
        await self._renew(route, None)
        return status

    async def try_bodies(self, route: Route) -> None:
        """Send bodies that are no JSON or no object."""
        for body, kind in self._some(hostile.BAD_BODIES):
            answer = await self._send(route, f"{kind} {body[:30]!r}", body=body, kind=kind)
            is_nothing = body in {b"null", b""} and "oneOf" in (route.body or {})
            if answer.status < 400 and not is_nothing:
                self._note(route, f"took the body {body[:30]!r} as {kind}", answer)

    async def try_fields(self, route: Route, components: Mapping[str, Any]) -> None:
        """Put odd values into one field at a time, then leave it out."""
        assert route.body is not None
        for field in hostile.fields_of(route.body, components):
            for text in self._some(hostile.wrong_kinds(field)):
                await self._try_wrong(route, field, text)
            if field.is_required:
                await self._try_wrong(route, field, None)
            for text in self._some(hostile.odd_values(field)):
                # A daemon that really waits is not bad input.
                if field.name != "wait_seconds" or text not in {"1", "1.0"}:
                    await self._try_odd(route, field, text)

    async def _try_wrong(self, route: Route, field: hostile.Field, text: str | None) -> None:
        answer, what = await self._send_field(route, field, text)
        if answer.status != 400 or not any(_is_of(field, one) for one in _fields(answer)):
            self._note(route, f"{what}: a 400 that names the field was due", answer)

    async def _try_odd(self, route: Route, field: hostile.Field, text: str) -> None:
        answer, what = await self._send_field(route, field, text)
        if text in hostile.NO_JSON and answer.status != 400:
            self._note(route, f"{what}: this is no JSON", answer)
        elif answer.status == 400 and text not in hostile.NO_JSON and not self._is_told(route, field, answer):
            self._note(route, f"{what}: the field is not named", answer)
        if answer.status < 300:
            await self._renew(route, field)

    @staticmethod
    def _is_told(route: Route, field: hostile.Field, answer: Answer) -> bool:
        others = _ELSEWHERE.get(route.body_name, set())
        top = str(field.path[0])
        if route.body_name in _OF_ONESELF and not _fields(answer):
            return True
        return any(
            _is_of(field, one) or one.startswith(top) or one in others or top == _NAMES_THEMSELVES
            for one in _fields(answer)
        )

    async def _send_field(self, route: Route, field: hostile.Field | None, text: str | None) -> tuple[Answer, str]:
        base, job = self._body(route, field)
        if field is None:
            return await self._send(route, "a good body", body=msgspec.json.encode(base), job=job), ""
        body = hostile.without(base, field.path) if text is None else hostile.with_value(base, field.path, text)
        what = f"{'.'.join(map(str, field.path))}={'(absent)' if text is None else text[:40]}"
        return await self._send(route, what, body=body, job=job), what

    def _body(self, route: Route, field: hostile.Field | None = None) -> tuple[Any, str]:
        """Return an accepted body, and the kind of job that it fits."""
        if route.body_name == "CompleteJobRequest":
            kind = str(field.path[0]) if field is not None and field.path[0] in RESULTS else "dry_run"
            return {kind: RESULTS[kind]}, kind
        body = sample(route.body_name, self.places.words | {"random_id": str(uuid4())})
        if route.body_name == "CustomRoleRequest":
            if route.method == "PUT":
                body["name"] = self.places.words["rolename"]
            if field is not None and len(field.path) > 1:
                # Lists that have to be empty: an odd permission is told from one that lacks everything.
                body.setdefault(str(field.path[0]), body["organization_permissions"])
        return body, "dry_run"

    async def _renew(self, route: Route, field: hostile.Field | None) -> None:
        """Make anew what an accepted request has used up."""
        if route.body_name in _JOB_ENDING:
            kind = self._body(route, field)[1]
            words = self.places.words
            self.places.jobs[kind] = await self._deployment.running_job(
                kind, self._admin, self._owner, words["template"], words["templateversion"]
            )
        elif route.body_name in _CONSUMING:
            await self.furnish()

    async def try_paths(self, route: Route) -> None:
        """Put odd texts in the place of each path parameter."""
        for name in route.names:
            for text in self._some(hostile.BAD_SEGMENTS):
                body = b"" if route.body is None else msgspec.json.encode(self._body(route)[0])
                target = self._target(route, {**self.places.words, name: text})
                await self._send(route, f"{name}={text[:40]}", target=target, body=body)

    async def try_queries(self, route: Route) -> None:
        """Give odd values to each query parameter."""
        for parameter in route.queries:
            name = parameter["name"]
            values = [hostile.quoted(text) for text in hostile.BAD_SEARCHES] if name == "q" else []
            for text in self._some([*hostile.BAD_QUERIES, *values, f"1&{name}=2"]):
                target = f"{self._target(route, self.places.words)}?{name}={text}"
                answer = await self._send(route, f"?{name}={text[:40]}", target=target)
                # Canceling is refused for the build's state, too.
                if answer.status == 400 and not _fields(answer) and not route.path.endswith("/cancel"):
                    self._note(route, f"?{name}={text[:40]}: no field is named", answer)

    def _some(self, values: Sequence[Value]) -> Sequence[Value]:
        """Return one in `every`, beginning elsewhere each time."""
        self._turn += 1
        return values[self._turn % self._every :: self._every]

    @property
    def places(self) -> Places:
        """What the paths name."""
        assert self._places is not None
        return self._places

    @staticmethod
    def _target(route: Route, words: Mapping[str, str]) -> str:
        return route.path.format_map({name: words[name] for name in route.names})

    def _headers(self, route: Route, job: str) -> Headers:
        """Return the credential with which the route is entered."""
        match route.access.credential:
            case "agent":
                return [("coder-session-token", self.places.agent_token)]
            case "job":
                return [("homeport-job-token", self.places.jobs[job].token)]
            case "provisioner":
                return [("coder-provisioner-daemon-psk", PSK)]
        return [("coder-session-token", self._person.token)]

    async def _send(
        self, route: Route, what: str, *, target: str = "", body: bytes = b"", kind: str = JSON, job: str = "dry_run"
    ) -> Answer:
        words = self.places.words | ({"job": self.places.jobs[job].id} if route.access.credential == "job" else {})
        self.count += 1
        before = len(self._log.records)
        answer = await send(
            self._deployment.asgi, route.method, target or self._target(route, words), headers=self._headers(route, job),
            body=body, kind=kind,
        )  # fmt: skip
        if len(self._log.records) > before:
            self._note(route, f"{what}: an error was logged: {self._log.records[-1].getMessage()[:200]}", answer)
        for problem in shape_problems(route, answer):
            self._note(route, f"{what}: {problem}", answer)
        return answer

    def _note(self, route: Route, problem: str, answer: Answer) -> None:
        self.problems.append(f"{route}: {problem}: {answer.status} {answer.body[:300]!r}")


def shape_problems(route: Route, answer: Answer) -> Iterator[str]:
    """Say what is wrong with an answer whatever was asked."""
    if not 200 <= answer.status < 500:
        yield "neither done nor refused"
    if answer.status < 400:
        return
    if inner_words(answer.body):
        yield "tells of the inside"
    if not (route.is_api or route.is_protocol):
        return
    if answer.kind != JSON:
        yield f"the refusal is {answer.kind}"
        return
    body = answer.json()
    if not any(fits(body) for fits in _shapes(route, answer.status)):
        yield "the refusal has another shape"
    elif _is_of_api(body) and not all(one.get("field") and one.get("detail") for one in body.get("validations", ())):
        yield "a validation lacks its field or its words"
    if route.path.startswith("/oauth2/") and answer.headers.get("cache-control") != "no-store":
        yield "caches may store it"


def inner_words(text: bytes) -> bool:
    """Tell whether a text tells of the inside."""
    return any(word in text for word in _INNER)


def _shapes(route: Route, status: int) -> Sequence[Callable[[Any], bool]]:
    """Return what the body of a refusal may be: each route has one form, MCP one for each layer that may refuse."""
    if route.path.startswith("/oauth2/"):
        return (_is_of_oauth,)
    if route.access.resource is None:
        return (_is_of_api,)
    # Who is not let in is told in OAuth's form (RFC 6750), what is no message at all in ours, a bad one in JSON-RPC's.
    return (_is_of_oauth,) if status == 401 else (_is_of_oauth, _is_of_api, _is_of_rpc)


def _is_of_api(body: Any) -> bool:
    return (
        isinstance(body, dict) and bool(body.get("message")) and not body.keys() - {"message", "detail", "validations"}
    )


def _is_of_oauth(body: Any) -> bool:
    """Tell whether it is the error of RFC 6749 5.2: two texts, the second one ASCII without quotes and backslashes."""
    if not isinstance(body, dict) or body.keys() != {"error", "error_description"}:
        return False
    code, words = body["error"], body["error_description"]
    return bool(_CODE.fullmatch(code) and words and words.isascii() and words.isprintable() and not {*'"\\'} & {*words})


def _is_of_rpc(body: Any) -> bool:
    return (
        isinstance(body, dict) and body.get("jsonrpc") == "2.0" and isinstance(body.get("error", {}).get("code"), int)
    )


def _fields(answer: Answer) -> list[str]:
    """Return the fields that a refusal names."""
    if answer.kind != JSON:
        return []
    return [one["field"] for one in answer.json().get("validations", ())]


def _is_of(field: hostile.Field, named: str) -> bool:
    """Tell whether a name in a validation is the field's."""
    return named == field.name or (str(field.path[0]) in named and field.name in named)
