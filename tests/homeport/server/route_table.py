"""Which route is open to whom: every route asked by everybody, as a table that is committed (`route_table.txt`).

`python -m tests.homeport.server.route_table` writes the table again; read the difference before you commit it.

How it is asked: the whole application in this process, one of everything in its database (`Deployment.furnish`), owned by a
plain member of the default organization. Everybody sends the same good request. All transactions are rolled back where they
would commit, so an allowed request is worked out to its end and answered, and the next one meets the same objects. What
happens only after a commit (notifications, the endings of sessions) does not happen.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from homeport.database import Connection, Database
from homeport.files.rules import archive
from homeport.files.types import TAR
from homeport.kit.ids import new_id
from tests.homeport.server.deployment import CALLBACK, PSK, Deployment, Places
from tests.homeport.server.driver import Headers, knock, send
from tests.homeport.server.routes import Route, all_routes, described_by
from tests.homeport.server.samples import RESULTS, fill, sample
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Person
from tests.support.names import unique_name

PATH = Path(__file__).with_name("route_table.txt")
WRITE = "HOMEPORT_WRITE_ROUTE_TABLE"
TOKEN = "coder-session-token"

SITE_ROLES = ("owner", "template-admin", "user-admin", "auditor")
LOCAL_ROLES = ("admin", "template-admin", "user-admin", "auditor", "workspace-creation-ban")
SELF, PROGRAM, ANONYMOUS = "self", "program", "stranger"
COLUMNS = (
    *(f"site:{role}" for role in SITE_ROLES), SELF, "org:member", *(f"org:{role}" for role in LOCAL_ROLES),
    "far:member", *(f"far:{role}" for role in LOCAL_ROLES[:-1]), "nobody", ANONYMOUS, PROGRAM,
)  # fmt: skip
HEADER = """\
# Which route is open to whom. Written by `python -m tests.homeport.server.route_table`, held by test_route_table.py.
# Read every difference: a line says what a route answers, and to whom.
#
# ok: done; 401, 403, 404: refused; any other status: neither, the request got past the decision or never came to it.
# site:<role>  somebody with this role of the deployment, of no organization
# self         the plain member whom paths name and whose the objects are
# org:<role>   another member of the objects' organization, with this role there
# far:<role>   a member of another organization, with this role there
# nobody       an account of no organization; stranger: no credential
# program      brings what the route asks for: the token of an agent, a job or the identity provider, the key of daemons
"""
# What a sample leaves open: roles that change, and bodies of a protocol.
_BODIES: Mapping[str, Any] = {
    "PUT /api/v2/users/{user}/roles": {"roles": ["auditor"]},
    "PUT /api/v2/organizations/{organization}/members/{user}/roles": {"roles": ["organization-auditor"]},
    "PUT /api/v2/organizations/{organization}/members/roles": {
        "name": "{rolename}",
        "organization_permissions": [{"negate": False, "resource_type": "group", "action": "read"}],
    },
    "POST /oauth2/register": {"redirect_uris": [CALLBACK], "client_name": "Walked"},
    "PUT /oauth2/clients/{client_id}": {"redirect_uris": [CALLBACK], "client_name": "Walked"},
}
_HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFH8RW7E0GA7Ja203yRje/T+oEzN5SVljJ+UgXgWQ3Wj"
# Whom no column's credential lets in, and why.
CLOSED: Mapping[str, str] = {
    "POST /api/v2/users/login": "nobody's password is sent",
    **{
        f"{method} /oauth2/clients/{{client_id}}": "a client's own registration token opens it"
        for method in ("DELETE", "GET", "PUT")
    },
}

Row = Mapping[str, str]
Table = Mapping[str, Row]


def table_routes(deployment: Deployment) -> list[Route]:
    """List the operations of the OpenAPI document, and what it cannot hold: WebSockets, short forms such as /users/me."""
    described = described_by(deployment.app)["paths"]
    return [
        route
        for route in all_routes(deployment.app)
        if route.is_api or route.method.lower() in described.get(route.path, {})
    ]


class Untaught(LookupError):
    """A route that nobody has told the tests how to call."""

    def __init__(self, route: Route, missing: str) -> None:
        places = "Deployment.furnish (deployment.py) makes, or _SAMPLES (samples.py) holds"
        super().__init__(f"{route}: {missing} is nothing that {places}; teach them")


class Walk:
    """Asks every route as everybody."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._places = Places({}, {}, "", "")
        self._words: dict[str, dict[str, str]] = {}
        self._people: dict[str, Person | None] = {}

    async def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the people and the objects; from then on nothing is kept."""
        accounts = self._deployment.accounts
        far = await _organization(self._deployment.db)
        people: dict[str, Person | None] = {
            f"site:{role}": await accounts.make("stranger", roles=[role]) for role in SITE_ROLES
        }
        people |= {SELF: await accounts.make(), "org:member": await accounts.make()}
        people |= {f"org:{role}": await _local(accounts, role) for role in LOCAL_ROLES}
        people |= {f"far:{role}": await _local(accounts, role, far) for role in LOCAL_ROLES[:-1]}
        people |= {"far:member": await accounts.make(organization_ids=[far]), "nobody": await accounts.make("stranger")}
        self._people = people | {ANONYMOUS: None}
        owner, me = people["site:owner"], people[SELF]
        assert owner is not None
        assert me is not None
        self._places = await self._deployment.furnish(owner, me, user=str(me.id))
        await self._prepare_words(owner)
        for person in self._people.values():
            # Each session notes its first use beside the request.
            await self._deployment.api.call(person, "GET", "/users/me")
        monkeypatch.setattr(Database, "_commit", _undo)

    async def _prepare_words(self, owner: Person) -> None:
        """Make what single routes need to be done."""
        words = self._places.words
        later = await self._deployment.version(owner, template_id=words["template"])
        newcomer = await self._deployment.accounts.make("stranger")
        previous = "/organizations/{organization}/templates/{templatename}/versions/{templateversionname}/previous"
        self._words = {
            f"GET /api/v2{previous}": {"templateversionname": later["name"]},
            "GET /api/v2/provisionerkeys/{provisionerkey}": {"provisionerkey": self._places.provisioner_key},
            "POST /api/v2/organizations/{organization}/members/{user}": {"user": str(newcomer.id)},
        }
        # As if the agent had reported its startup; it is refused the tunnel before.
        await self._deployment.db.execute(
            "update workspace_agents set ssh_host_key = $2 where id = $1", UUID(words["workspaceagent"]), _HOST_KEY
        )

    async def row(self, route: Route) -> Row:
        """Return what the route answers to each column."""
        found = {name: await self._status(route, _signed(person)) for name, person in self._people.items()}
        if route.access.credential in {"agent", "job", "provisioner", "scim"}:
            found[PROGRAM] = await self._status(route, self._program(route))
        return {name: found[name] for name in COLUMNS if name in found}

    async def _status(self, route: Route, headers: Headers) -> str:
        words = self._places.words | {"random_id": str(new_id()), "path": "mcp"}
        if route.access.credential == "job":
            words |= {"job": self._places.jobs["dry_run"].id}
        words |= self._words.get(str(route), {})
        try:
            target = route.path.format_map(words)
            body, kind = _body(route, words)
        except KeyError as error:
            raise Untaught(route, str(error)) from error
        if route.method == "WS":
            status = (await knock(self._deployment.asgi, target, headers=headers)).status
        else:
            answer = await send(self._deployment.asgi, route.method, target, headers=headers, body=body, kind=kind)
            status = answer.status
        assert status < 500, f"{route}: {status}"
        return "ok" if status < 400 else str(status)

    def _program(self, route: Route) -> Headers:
        match route.access.credential:
            case "agent":
                return [(TOKEN, self._places.agent_token)]
            case "job":
                return [("homeport-job-token", self._places.jobs["dry_run"].token)]
            case "provisioner" if "provisionerkeys" in route.path:
                return [("coder-provisioner-daemon-key", self._places.provisioner_key)]
            case "provisioner":
                return [("coder-provisioner-daemon-psk", PSK)]
        raise Untaught(route, f"the credential {route.access.credential}")


def render(table: Table) -> str:
    """Return the table as text: a route, and below it each answer with those who get it."""
    lines: list[str] = []
    for route, row in table.items():
        lines += ["", route]
        answers = sorted(set(row.values()), key=lambda one: (one != "ok", one))
        lines += [f"  {answer:<4} {' '.join(name for name in row if row[name] == answer)}" for answer in answers]
    return HEADER + "\n".join(lines) + "\n"


def read(text: str) -> Table:
    """Return a table from its text."""
    table: dict[str, dict[str, str]] = {}
    row: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("  "):
            answer, *names = line.split()
            row |= dict.fromkeys(names, answer)
        elif line and not line.startswith("#"):
            row = table.setdefault(line, {})
    return table


def differences(committed: Table, found: Table) -> Iterator[str]:
    """Say where two tables differ, one line each."""
    for route in committed.keys() | found.keys():
        if route not in committed:
            yield f"{route}: has no row; write the table again and read what it says of this route"
        elif route not in found:
            yield f"{route}: there is no such route any more; write the table again"
        else:
            before, after = committed[route], found[route]
            for name in [*before, *(one for one in after if one not in before)]:
                if before.get(name) != after.get(name):
                    yield f"{route}: {name} was {before.get(name)}, is {after.get(name)}"


async def _undo(db: Database, connection: Connection) -> None:
    """Stands for `Database._commit`."""
    await db._roll_back(connection.raw)


async def _organization(db: Database) -> UUID:
    found = new_id()
    await db.execute(
        "insert into organizations (id, name, created_at, updated_at) values ($1, $2, now(), now())",
        found,
        unique_name(),
    )
    await db.execute(
        "insert into groups (id, organization_id, name, created_at, updated_at) values ($1, $1, 'Everyone', now(), now())",
        found,
    )
    return found


async def _local(accounts: Accounts, role: str, organization_id: UUID | None = None) -> Person:
    places = (organization_id or DEFAULT_ORGANIZATION_ID,)
    return await accounts.make("member", organization_roles=[f"organization-{role}"], organization_ids=places)


def _signed(person: Person | None) -> Headers:
    return [] if person is None else [(TOKEN, person.token)]


def _body(route: Route, words: Mapping[str, str]) -> tuple[bytes, str]:
    if route.path == "/api/v2/files":
        return archive.pack({"homeport.yaml": unique_name().encode()}), TAR
    if route.body_name == "CompleteJobRequest":
        wanted: Any = {"dry_run": RESULTS["dry_run"]}
    elif route.body is None:
        return b"", "application/json"
    else:
        wanted = _BODIES.get(str(route))
        wanted = sample(route.body_name, words) if wanted is None else fill(wanted, words)
    return json.dumps(wanted).encode(), "application/json"


def main() -> int:
    """Write the table again; return the exit status."""
    test = Path(__file__).with_name("test_route_table.py")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", str(test)]
    return subprocess.run(command, env={**os.environ, WRITE: "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
