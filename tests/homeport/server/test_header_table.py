"""Every answer carries the headers that the committed table says of its class (see header_table.py: how, and how to write it)."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from homeport.database import Database, Listener
from tests.homeport.server import header_table
from tests.homeport.server.deployment import Deployment
from tests.homeport.server.driver import Answer
from tests.homeport.server.header_table import HTTPS, PATH, SCIM_TOKEN, WRITE, HeaderWalk, differences, render
from tests.homeport.server.route_table import Walk

COOKIE = {"HttpOnly", "Path=/", "SameSite=lax", "Secure"}


@pytest.fixture
async def secure(db: Database) -> AsyncIterator[Deployment]:
    """The whole application as browsers reach it by https, with a provider of people and one that keeps them."""
    listener = Listener(db.connect)
    await listener.start()
    github: dict[str, Any] = {"oauth2_github_client_id": "x", "oauth2_github_client_secret": "x"}
    made = Deployment(db, listener, access_url=HTTPS, scim_auth_header=SCIM_TOKEN, **github)
    yield made
    await made.close()
    await listener.stop()


@pytest.mark.requirement("HEADERS-TABLE-01", "HEADERS-TABLE-03", "COOKIE-HOST-01", "COOKIE-ATTRIBUTES-01")
@pytest.mark.timeout(300)
@pytest.mark.expected_errors("nothing inside has answered")
async def test_every_answer_carries_the_headers_of_its_class(
    secure: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = Walk(secure)
    await prepared.prepare(monkeypatch)
    walk = HeaderWalk(secure, prepared)
    await walk.everything()
    found = render(walk.table, header_table._POLICIES)
    if os.environ.get(WRITE):
        PATH.write_text(found, encoding="utf-8")
    assert len(walk.answers) > 1500
    problems = [f"{asked}: {problem}" for asked, answer in walk.answers for problem in broken(answer)]
    assert not problems, "\n".join(sorted(set(problems)))
    told = differences(PATH.read_text(encoding="utf-8"), found)
    assert not told, "\n\n".join(told)


def broken(answer: Answer) -> list[str]:
    """Say what must be so of every answer, whatever the table holds."""
    headers, found = answer.headers, []
    # SCIM says 501 of what it does not have; the error of the inside is made on purpose.
    if answer.status >= 500 and answer.status != 501 and b"the server's log has it" not in answer.body:
        found.append(f"{answer.status} {answer.body[:200]!r}")
    once = ("x-content-type-options", "referrer-policy", "strict-transport-security", "cache-control")
    found += [f"{name} does not stand there once" for name in once if "\n" in headers.get(name, "\n")]
    if ("content-security-policy" in headers) < headers.get("content-type", "").startswith("text/html"):
        found.append("HTML without a policy")
    if "access-control-allow-credentials" in headers:
        found.append("credentials for another origin")
    if "access-control-allow-origin" in headers and "set-cookie" in headers:
        found.append("a cookie for another origin")
    for text in headers.get("set-cookie", "").split("\n") if "set-cookie" in headers else ():
        pair, *attributes = [part.strip() for part in text.split(";")]
        if (
            not pair.startswith("__Host-")
            or not set(attributes) >= COOKIE
            or any("domain" in one.lower() for one in attributes)
        ):
            found.append(f"the cookie {text!r}")
    is_public = "public" in headers.get("cache-control", "")
    if not is_public and "no-store" not in headers.get("cache-control", ""):
        found.append("neither public nor kept by no cache")
    if is_public and ("set-cookie" in headers or headers.get("content-type", "").startswith("text/html")):
        found.append("caches may keep what may be of a person")
    return found


@pytest.mark.requirement("HEADERS-TABLE-02")
def test_a_new_class_a_lost_header_and_another_value_are_told() -> None:
    committed = "# head\n\na · 2xx\n  x: 1\n  y: 2\n\nb · 4xx\n  x: 1\n"
    assert differences(committed, committed) == []
    for found in (
        committed + "\nc · 2xx\n  x: 1\n",
        committed.replace("  y: 2\n", ""),
        committed.replace("y: 2", "y: 3"),
        committed.replace("b · 4xx", "b · 2xx"),
    ):
        told = "\n".join(differences(committed, found))
        assert "the table does not have this" in told, found


@pytest.mark.requirement("HEADERS-TABLE-02")
@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (500, {}, "500"),
        (200, {"cache-control": "no-store\nno-store"}, "cache-control does not stand there once"),
        (200, {"content-type": "text/html", "content-security-policy": None}, "HTML without a policy"),
        (200, {"access-control-allow-credentials": "true"}, "credentials for another origin"),
        (200, {"set-cookie": "a=1; HttpOnly; Path=/; SameSite=lax; Secure"}, "the cookie"),
        (200, {"set-cookie": "__Host-a=1; HttpOnly; Path=/; Secure"}, "the cookie"),
        (200, {"set-cookie": "__Host-a=1; HttpOnly; Max-Age=5; Path=/; Secure"}, "the cookie"),
        (200, {"set-cookie": "__Host-a=1; Max-Age=5; Path=/; SameSite=lax; Secure"}, "the cookie"),
        (200, {"cache-control": "private, max-age=60"}, "kept by no cache"),
        (200, {"set-cookie": "__Host-a=1; HttpOnly; Path=/; SameSite=lax; Secure; Domain=x"}, "the cookie"),
        (200, {"content-type": "text/html", "cache-control": "public"}, "caches may keep"),
    ],
)
def test_what_no_table_may_hold_is_told(status: int, headers: dict[str, str | None], words: str) -> None:
    good = {
        "x-content-type-options": "nosniff", "referrer-policy": "same-origin", "cache-control": "no-store",
        "strict-transport-security": "max-age=1", "content-type": "text/html", "content-security-policy": "default-src 'self'",
    }  # fmt: skip
    assert broken(Answer(200, good, b"")) == []
    given = {name: value for name, value in {**good, **headers}.items() if value is not None}
    assert any(words in problem for problem in broken(Answer(status, given, b"")))
