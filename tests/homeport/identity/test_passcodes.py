"""A new password by a one-time passcode: the same answer for everybody, one mail for whoever may have it, good once and for a while."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.service.passcode_mail import passcode_message
from homeport.identity.service.passcodes import answer_requests
from homeport.identity.types import LoginType
from homeport.kit.clock import FakeClock
from homeport.kit.crypto import Cipher
from homeport.mail.service.sending import send_due
from tests.support.accounts import Accounts, Api, Person, build_api
from tests.support.mail import Postbox, mail_server
from tests.support.statements import watch_statements

OLD, NEW = "Harbour-Light-77", "Another-Harbour-78"
ADA = {"email": "ada@homeport.test", "username": "ada", "password": OLD, "name": "Ada <b>Lovelace</b>"}
CIPHER = Cipher([bytes(range(32))])
MAIL: dict[str, Any] = {"email_smarthost": "127.0.0.1:1", "email_from": "homeport@homeport.test"}


@pytest.fixture
async def server(db: Database, clock: FakeClock) -> AsyncIterator[Api]:
    """A server with mail, and its first user, who has a password."""
    built = build_api(db, **MAIL)
    assert (await built.call(None, "POST", "/users/first", ADA)).status_code == 201
    yield built
    await built.gate.close()


async def ask(api: Api, email: str = "ada@homeport.test") -> int:
    return (await api.call(None, "POST", "/users/otp/request", {"email": email})).status_code


async def change(api: Api, code: str, *, email: str = "ada@homeport.test", password: str = NEW) -> Any:
    body = {"email": email, "one_time_passcode": code, "password": password}
    return await api.call(None, "POST", "/users/otp/change-password", body)


async def login(api: Api, password: str, email: str = "ada@homeport.test") -> int:
    return (await api.call(None, "POST", "/users/login", {"email": email, "password": password})).status_code


async def mailed_code(api: Api, email: str = "ada@homeport.test") -> str:
    """Ask for a code, and read it in the mail that comes."""
    assert await ask(api, email) == 204
    async with mail_server() as (postbox, port):
        settings = Settings(**{**MAIL, "access_url": api.settings.access_url, "email_smarthost": f"127.0.0.1:{port}"})
        assert await answer_requests(api.db, settings, CIPHER) == 1
        assert await send_due(api.db, settings, CIPHER) == 1
        return code_in(postbox)


def code_in(postbox: Postbox) -> str:
    found = re.search(r"^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$", postbox.text(), re.MULTILINE)
    assert found is not None, postbox.text()
    return found.group(1)


@pytest.mark.requirement("OTP-CHANGE-01")
async def test_a_code_from_the_mail_sets_a_password_once_and_ends_every_session(server: Api, db: Database) -> None:
    token = (await server.call(None, "POST", "/users/login", {"email": ADA["email"], "password": OLD})).json()[
        "session_token"
    ]
    robot = (
        await server.call(None, "POST", "/users/me/keys/tokens", {}, headers={"Coder-Session-Token": token})
    ).json()["key"]
    code = await mailed_code(server, "ADA@homeport.test")
    assert code not in str(await db.fetch("select * from users")) + str(await db.fetch("select * from audit_logs"))
    assert (await change(server, code.upper())).status_code == 204
    for key in (token, robot):
        assert (await server.call(None, "GET", "/users/me", headers={"Coder-Session-Token": key})).status_code == 401
    assert (await login(server, OLD), await login(server, NEW)) == (401, 201)
    again = await change(server, code, password="Third-Harbour-79")
    assert again.status_code == 400
    assert again.json()["validations"][0]["field"] == "one_time_passcode"


@pytest.mark.requirement("OTP-REQUEST-01")
async def test_the_answer_and_the_work_are_the_same_for_everybody(
    server: Api, db: Database, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    statements = watch_statements(db, monkeypatch)
    for email in ("ada@homeport.test", "nobody@homeport.test"):
        statements.clear()
        answer = await server.call(None, "POST", "/users/otp/request", {"email": email})
        await asyncio.sleep(0)
        seen.append((answer.status_code, answer.content, [statement for statement, _ in statements]))
    assert seen[0] == seen[1]
    assert seen[0][:2] == (204, b"")
    assert seen[0][2]
    for odd in ("", " ", "no address", "a\x00b@c.d", "x" * 5000):
        assert await ask(server, odd) == 204
    assert (await server.call(None, "POST", "/users/otp/request", {})).status_code == 400


@pytest.mark.requirement("OTP-REQUEST-02")
@pytest.mark.parametrize("why", ["unknown", "github", "service", "suspended", "system", "no mail", "old"])
async def test_whoever_may_not_have_a_code_gets_none(server: Api, db: Database, clock: FakeClock, why: str) -> None:
    email = {"unknown": "nobody@homeport.test", "system": "prebuilds@system"}.get(why, ADA["email"])
    if why in {"github", "service"}:
        kind = LoginType.GITHUB if why == "github" else LoginType.NONE
        await db.execute("update users set login_type = $1 where username = 'ada'", kind)
    elif why == "suspended":
        await db.execute("update users set status = 'suspended' where username = 'ada'")
    assert await ask(server, email) == 204
    if why == "old":
        clock.advance(timedelta(minutes=21))
    settings = Settings() if why == "no mail" else server.settings
    assert await answer_requests(db, settings, CIPHER) == 0
    assert await db.fetchval("select count(*) from mails") == 0
    assert await db.fetchval("select count(*) from passcode_requests") == 0
    assert await db.fetchval("select count(*) from users where hashed_one_time_passcode is not null") == 0


@pytest.mark.requirement("OTP-REQUEST-03")
async def test_where_nobody_signs_in_by_password_nobody_gets_a_code(db: Database) -> None:
    api = build_api(db, **MAIL, disable_password_auth=True)
    await api.call(None, "POST", "/users/first", ADA)
    for email in (ADA["email"], "nobody@homeport.test"):
        assert await ask(api, email) == 403
        assert (await change(api, str(uuid4()), email=email)).status_code == 403
    # Switched off between the request and its answer.
    assert await ask(build_api(db, **MAIL)) == 204
    assert await answer_requests(db, api.settings, CIPHER) == 0


@pytest.mark.requirement("OTP-REQUEST-04")
async def test_nobody_fills_a_mailbox(db: Database, clock: FakeClock) -> None:
    api = build_api(db, **MAIL, dangerous_disable_rate_limits=False, login_account_rate_limit=2)
    await api.call(None, "POST", "/users/first", ADA)
    for address in range(5):
        answer = await api.call(
            None, "POST", "/users/otp/request", {"email": ADA["email"]}, address=f"203.0.113.{address}"
        )
        assert answer.status_code == 204
    assert await answer_requests(db, api.settings, CIPHER) == 2
    limited = build_api(db, **MAIL, dangerous_disable_rate_limits=False, login_rate_limit=2)
    found = [
        (await limited.call(None, "POST", "/users/otp/request", {"email": "x@y.z"}, address="198.51.100.9")).status_code
        for _ in range(3)
    ]
    assert found == [204, 204, 429]


@pytest.mark.requirement("OTP-CHANGE-02")
async def test_wrong_expired_spent_and_foreign_codes_look_the_same(
    server: Api, db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await mailed_code(server)
    second = await mailed_code(server)
    answers = [
        await change(server, first), await change(server, str(uuid4())), await change(server, "x" * 10_000),
        await change(server, second, email="nobody@homeport.test"), await change(server, second, email="a\x00b"),
    ]  # fmt: skip
    clock.advance(timedelta(minutes=20))
    answers.append(await change(server, second))
    assert {(answer.status_code, answer.text) for answer in answers} == {(400, answers[0].text)}
    statements = watch_statements(db, monkeypatch)
    asked = []
    for email in (ADA["email"], "nobody@homeport.test"):
        statements.clear()
        await change(server, "x", email=email)
        await asyncio.sleep(0)
        asked.append([statement for statement, _ in statements])
    assert asked[0] == asked[1]
    assert asked[0]
    assert await login(server, OLD) == 201


@pytest.mark.requirement("OTP-CHANGE-03")
@pytest.mark.parametrize(
    ("body", "field"),
    [({"one_time_passcode": ""}, "one_time_passcode"), ({"one_time_passcode": "  "}, "one_time_passcode"),
     ({"password": "short"}, "password"), ({"password": ""}, "password"), ({"password": "x" * 10_000}, "password")],
)  # fmt: skip
async def test_an_empty_code_and_a_weak_password_are_named(server: Api, body: dict[str, str], field: str) -> None:
    code = await mailed_code(server)
    sent = {"email": ADA["email"], "one_time_passcode": code, "password": NEW, **body}
    answer = await server.call(None, "POST", "/users/otp/change-password", sent)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["validations"]] == [field]
    assert (await change(server, code)).status_code == 204, "it was not spent by that"


@pytest.mark.requirement("OTP-CHANGE-03")
async def test_the_old_password_is_no_new_one(server: Api) -> None:
    code = await mailed_code(server)
    answer = await change(server, code, password=OLD)
    assert [each["field"] for each in answer.json()["validations"]] == ["password"]
    assert (await change(server, code)).status_code == 204


@pytest.mark.requirement("OTP-CHANGE-04")
async def test_of_many_at_once_one_spends_the_code(server: Api) -> None:
    code = await mailed_code(server)
    passwords = [f"Harbour-Number-{n}x" for n in range(5)]
    answers = await asyncio.gather(*(change(server, code, password=password) for password in passwords))
    assert sorted(answer.status_code for answer in answers) == [204, 400, 400, 400, 400]


@pytest.mark.requirement("OTP-CHANGE-05")
@pytest.mark.parametrize("deed", ["password", "suspended", "converted", "address"])
async def test_what_happens_to_the_account_ends_the_code(
    server: Api, db: Database, accounts: Accounts, deed: str
) -> None:
    owner = await accounts.make("owner")
    code = await mailed_code(server)
    if deed == "password":
        answer = await server.call(owner, "PUT", "/users/ada/password", {"password": "Set-By-Owner-99"})
        assert answer.status_code == 204
    elif deed == "suspended":
        assert (await server.call(owner, "PUT", "/users/ada/status/suspend")).status_code == 200
    elif deed == "converted":
        await db.execute("update users set login_type = 'oidc' where username = 'ada'")
    else:
        from homeport.identity.queries import users as queries  # lazy: only this case writes as SCIM does

        async with db.transaction() as conn:
            row = await queries.find_user_by_name(conn, "ada")
            assert row is not None
            await queries.update_person(conn, row.id, email="new@homeport.test", name="", now=row.updated_at)
    email = "new@homeport.test" if deed == "address" else ADA["email"]
    assert (await change(server, code, email=email)).status_code == 400


@pytest.mark.requirement("OTP-AUDIT-01")
async def test_requests_and_changes_are_recorded_as_whoever_sent_them(server: Api, db: Database) -> None:
    code = await mailed_code(server)
    await change(server, "wrong")
    await change(server, code)
    rows = await db.fetch(
        "select * from audit_logs where resource_type = 'user' and action <> 'create' order by time, id"
    )
    found = sorted((row["action"], row["status_code"], row["ip"]) for row in rows)
    assert found == [
        ("request_password_reset", 200, "192.0.2.7"), ("write", 200, "192.0.2.7"), ("write", 400, "192.0.2.7"),
    ]  # fmt: skip
    asked = next(row for row in rows if row["action"] == "request_password_reset")
    assert asked["resource_target"] == "ada"
    assert asked["diff"]["one_time_passcode_expires_at"]["new"]
    assert asked["diff"]["hashed_one_time_passcode"] == {"old": "", "new": "", "secret": True}


@pytest.mark.requirement("OTP-MAIL-01")
async def test_the_mail_says_what_to_do_and_holds_its_code_where_no_server_sees_it(server: Api, db: Database) -> None:
    await ask(server)
    async with mail_server() as (postbox, port):
        settings = Settings(**{**MAIL, "access_url": "https://homeport.test", "email_smarthost": f"127.0.0.1:{port}"})
        await answer_requests(db, settings, CIPHER)
        await send_due(db, settings, CIPHER)
        [mail] = postbox.mails
        text, rich = postbox.text(), postbox.text(kind="html")
    assert mail["To"] == ADA["email"]
    code = code_in(postbox)
    link = f"https://homeport.test/reset-password/change#email=ada%40homeport.test&code={code}"
    assert link in text
    assert link.replace("&", "&amp;") in rich
    for words in (text, rich):
        assert "20 minutes" in words
        assert "192.0.2.7" in words
        assert "If it was not you" in words
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in rich
    assert "<b>Lovelace" not in rich


def test_a_mail_for_a_nameless_person_and_a_short_time() -> None:
    message = passcode_message(
        access_url="https://x.test",
        email="a@b.c",
        username="ada",
        name="",
        code="1",
        validity=timedelta(seconds=20),
        ip="::1",
    )
    assert "Hello ada," in message.text
    assert "good for a minute" in message.text


@pytest.mark.requirement("OTP-REQUEST-05")
async def test_several_servers_answer_each_request_once(server: Api, db: Database, accounts: Accounts) -> None:
    people: list[Person] = [await accounts.make() for _ in range(6)]
    for person in people:
        await ask(server, person.email)
    counts = await asyncio.gather(*(answer_requests(db, server.settings, CIPHER) for _ in range(3)))
    assert sum(counts) == 6
    assert await db.fetchval("select count(distinct recipient) from mails") == 6
