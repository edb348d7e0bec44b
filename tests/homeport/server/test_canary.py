"""Secrets that come in or go out by any route appear nowhere afterwards: not in audit, the connection log, the logs, or metrics."""

import base64
import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from prometheus_client import generate_latest

from homeport.identity.rules import MalformedToken, parse_token
from homeport.telemetry import metrics
from tests.homeport.server.deployment import Deployment
from tests.homeport.server.samples import PASSWORD
from tests.homeport.server.test_attempts import ask
from tests.homeport.server.test_trail import Walk, agents, clients, contract, daemons, first_steps, marks
from tests.support.accounts import Person
from tests.support.logging import describe

# Fields whose values are secrets, in requests and answers, JSON and forms alike.
SECRET = {
    "password", "old_password", "new_password", "key", "session_token", "client_secret", "client_secret_full",
    "registration_access_token", "access_token", "refresh_token", "code", "code_verifier", "private_key", "job_token", "token",
    "device_code", "user_code", "state",
}  # fmt: skip
VARIABLE = "canary-of-a-sensitive-variable"
STATE = b"canary of a state"
OTHER_PASSWORD = "another-Long-Passphrase-0815"
# Words that are no secrets though they stand under such names.
HARMLESS = {"s", "x", "k", "running", "starting", "working", "small", "load", "created"}


class Recorder:
    """An application that keeps the secrets of everything that passes."""

    def __init__(self, asgi: Any) -> None:
        self._asgi = asgi
        self.secrets: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        sent, answered = [], []

        async def take() -> Any:
            message = await receive()
            sent.append(message.get("body", b""))
            return message

        async def give(message: Any) -> None:
            answered.append(message.get("body", b""))
            for name, value in message.get("headers", ()):
                if name == b"location":
                    self._note(parse_qs(urlsplit(value.decode()).query))
                if name == b"set-cookie" and b"session" in name + value:
                    self._note({"token": value.decode().partition("=")[2].partition(";")[0]})
            await send(message)

        await self._asgi(scope, take, give)
        for name, value in scope.get("headers", ()):
            if name in {b"coder-session-token", b"homeport-job-token", b"coder-provisioner-daemon-psk"}:
                self._note({"token": value.decode("latin-1")})
            if name == b"authorization":
                self._note({"token": value.decode("latin-1").partition(" ")[2]})
        for body in (b"".join(sent), b"".join(answered)):
            with suppress(ValueError):
                self._note(json.loads(body))
            with suppress(ValueError):
                self._note(dict(parse_qsl(body.decode())))

    def _note(self, value: Any) -> None:
        self.secrets |= {text for text in found(value) if len(text) > 7 and text not in HARMLESS}


def found(value: Any, name: str = "") -> Iterator[str]:
    """Yield the secrets in a value."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from found(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from found(one, name)
    elif isinstance(value, str) and name in SECRET:
        yield value


def forms(secret: str) -> set[str]:
    """Return the texts in which a secret must not appear: itself, its secret part, its hash."""
    texts = {secret, secret.strip(), sha256(secret.encode()).hexdigest()}
    with suppress(MalformedToken):
        texts.add(parse_token(secret)[1])
    if re.fullmatch(r"\w+_\w{8,}_\w{16,}", secret):
        texts.add(secret.rsplit("_", 1)[1])
    with suppress(ValueError):
        plain = base64.b64decode(secret, validate=True).decode()
        texts |= {plain} if len(plain) > 7 else set()
    return texts


@pytest.mark.requirement("AUDIT-CANARY-01")
async def test_no_secret_is_found_anywhere(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = Recorder(deployment.asgi)
    deployment.asgi = deployment.api.asgi = recorder
    walk = Walk(deployment)
    await first_steps(walk)
    owner, person = [await deployment.accounts.make(kind) for kind in ("owner", "member")]
    places = await deployment.furnish(owner, person, user=str(person.id))
    await plant(deployment, owner, places.words)
    await marks(walk, person, places)
    await agents(walk, places)
    await daemons(walk, places)
    await clients(walk, owner, person)
    await contract(walk, owner, places)
    secrets = recorder.secrets | {PASSWORD, OTHER_PASSWORD, VARIABLE, STATE.decode()}
    assert {PASSWORD, OTHER_PASSWORD, person.token, places.agent_token, places.provisioner_key} <= secrets
    assert len(secrets) > 30
    places_to_look = {
        "audit_logs": await table(deployment, "audit_logs"),
        "connection_logs": await table(deployment, "connection_logs"),
        "logs": "\n".join(describe(record) for record in caplog.records if not record.name.startswith("http")),
        "metrics": generate_latest(metrics.registry).decode(),
    }
    assert person.username in places_to_look["audit_logs"], "what is no secret is found"
    assert len(places_to_look["audit_logs"]) > 10_000
    leaks = [
        (name, secret[:12]) for secret in secrets for name, text in places_to_look.items() for one in forms(secret) if one in text
    ]  # fmt: skip
    assert leaks == []


async def plant(deployment: Deployment, owner: Person, words: dict[str, str]) -> None:
    """Bring in what the walk does not: a password that works and one that does not, a variable, a state."""
    other = await deployment.accounts.make()
    assert (
        await ask(deployment, owner, "PUT", f"/users/{other.id}/password", {"password": OTHER_PASSWORD})
    ).status == 204
    for password, status in ((OTHER_PASSWORD, 201), (f"{OTHER_PASSWORD}-wrong", 401)):
        answer = await ask(deployment, None, "POST", "/users/login", {"email": other.email, "password": password})
        assert answer.status == status
    given = [{"name": "secret", "value": VARIABLE}]
    await deployment.version(owner, template_id=words["template"], user_variable_values=given)
    state = {"state": base64.b64encode(STATE).decode()}
    assert (
        await ask(deployment, owner, "PUT", f"/workspacebuilds/{words['workspacebuild']}/state", state)
    ).status == 204


async def table(deployment: Deployment, name: str) -> str:
    """Return a table as text."""
    found: str = await deployment.db.fetchval(f"select coalesce(string_agg(t::text, E'\\n'), '') from {name} t")
    return found
