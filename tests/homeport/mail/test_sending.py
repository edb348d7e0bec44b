"""The outbox against a real SMTP server on loopback: TLS, signing in, refusals, and servers that come and go."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeport.config import Settings
from homeport.database import Database
from homeport.kit import clock as kit_clock
from homeport.kit.clock import FakeClock
from homeport.kit.crypto import Cipher
from homeport.mail.rules import is_lasting, pause_after
from homeport.mail.service.outbox import enqueue
from homeport.mail.service.sending import CLAIM, send_due
from homeport.mail.types import Message
from tests.support.certificates import make_certificates
from tests.support.mail import Postbox, free_port, mail_server
from tests.support.waiting import until

CIPHER = Cipher([bytes(range(32))])
WORDS = Message("Grüße", "Plain wörds\nhttps://homeport.test/x#code=1", "<p>Rich wörds</p>")
FROM = "Homeport <homeport@homeport.test>"


def settings_of(port: int, **more: Any) -> Settings:
    return Settings(email_smarthost=f"127.0.0.1:{port}", email_from=FROM, email_hello="here.test", **more)


async def put(db: Database, *recipients: str, minutes: float = 60) -> None:
    async with db.transaction() as conn:
        for recipient in recipients or ("ada@homeport.test",):
            ends = kit_clock.now() + timedelta(minutes=minutes)
            await enqueue(conn, CIPHER, kind="test", recipient=recipient, message=WORDS, expires_at=ends)


async def waiting(db: Database) -> int:
    found: int = await db.fetchval("select count(*) from mails")
    return found


@pytest.fixture
async def box() -> AsyncIterator[tuple[Postbox, int]]:
    async with mail_server() as found:
        yield found


@pytest.mark.requirement("MAIL-SEND-01")
async def test_a_mail_arrives_whole_and_once(db: Database, box: tuple[Postbox, int], clock: FakeClock) -> None:
    postbox, port = box
    await put(db)
    assert b"rds" not in await db.fetchval("select content_sealed from mails")
    assert await send_due(db, settings_of(port), CIPHER) == 1
    assert await send_due(db, settings_of(port), CIPHER) == 0
    assert await waiting(db) == 0
    [mail] = postbox.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == (FROM, "ada@homeport.test", "Grüße")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@homeport.test>")
    assert mail["Date"].startswith("Thu, 01 Jan 2026 12:00:00")
    assert postbox.text().strip() == WORDS.text
    assert postbox.text(kind="html").strip() == WORDS.html
    assert postbox.envelopes[0].mail_from == "homeport@homeport.test"
    assert postbox.sessions[0].host_name == "here.test"


@pytest.mark.requirement("MAIL-OUTBOX-01")
async def test_what_was_undone_is_not_sent(db: Database, box: tuple[Postbox, int]) -> None:
    postbox, port = box

    async def write_and_fail() -> None:
        async with db.transaction() as conn:
            ends = kit_clock.now() + timedelta(hours=1)
            await enqueue(conn, CIPHER, kind="test", recipient="a@b.test", message=WORDS, expires_at=ends)
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await write_and_fail()
    assert await send_due(db, settings_of(port), CIPHER) == 0
    assert postbox.mails == []


@pytest.mark.requirement("MAIL-OUTBOX-02")
async def test_nothing_is_lost_while_the_mail_server_is_down(db: Database, clock: FakeClock) -> None:
    port = free_port()
    await put(db, "a@homeport.test", "b@homeport.test")
    assert await send_due(db, settings_of(port), CIPHER) == 0
    assert await waiting(db) == 2
    async with mail_server(port=port) as (postbox, _):
        # The one that was tried waits; the other one is due.
        assert await send_due(db, settings_of(port), CIPHER) == 1
        clock.advance(pause_after(1))
        assert await send_due(db, settings_of(port), CIPHER) == 1
        assert sorted(mail["To"] for mail in postbox.mails) == ["a@homeport.test", "b@homeport.test"]
    assert await waiting(db) == 0


@pytest.mark.requirement("MAIL-OUTBOX-03")
async def test_servers_share_the_work_and_none_sends_what_another_does(db: Database, box: tuple[Postbox, int]) -> None:
    postbox, port = box
    recipients = [f"person{n}@homeport.test" for n in range(12)]
    await put(db, *recipients)
    counts = await asyncio.gather(*(send_due(db, settings_of(port), CIPHER) for _ in range(4)))
    assert sum(counts) == 12
    assert sorted(mail["To"] for mail in postbox.mails) == sorted(recipients)


@pytest.mark.requirement("MAIL-OUTBOX-03")
async def test_a_mail_of_a_server_that_died_is_sent_by_another_under_the_same_id(
    db: Database, box: tuple[Postbox, int]
) -> None:
    postbox, port = box
    await put(db)
    number = await db.fetchval("select id from mails")
    await db.execute("update mails set sending_until = clock_timestamp() + $1, attempts = 1", CLAIM)
    assert await send_due(db, settings_of(port), CIPHER) == 0
    await db.execute("update mails set sending_until = clock_timestamp() - interval '1 second'")
    assert await send_due(db, settings_of(port), CIPHER) == 1
    assert str(number) in postbox.mails[0]["Message-ID"]


@pytest.mark.requirement("MAIL-REFUSED-01")
@pytest.mark.parametrize(("where", "reply", "left"), [
    ("recipient_reply", "550 5.1.1 no such person", 0), ("recipient_reply", "450 4.2.0 greylisted", 1),
    ("data_reply", "554 5.7.1 spam", 0), ("data_reply", "451 4.3.0 later", 1),
])  # fmt: skip
async def test_a_refusal_for_good_ends_a_mail_and_any_other_delays_it(
    db: Database, box: tuple[Postbox, int], clock: FakeClock, where: str, reply: str, left: int
) -> None:
    postbox, port = box
    setattr(postbox, where, reply)
    await put(db, "gone@homeport.test")
    assert await send_due(db, settings_of(port), CIPHER) == 0
    assert await waiting(db) == left
    setattr(postbox, where, "")
    clock.advance(pause_after(1))
    await put(db, "here@homeport.test")
    assert await send_due(db, settings_of(port), CIPHER) == 1 + left
    assert await waiting(db) == 0


@pytest.mark.requirement("MAIL-OUTBOX-04")
async def test_a_mail_that_is_of_no_use_any_more_is_dropped(
    db: Database, box: tuple[Postbox, int], clock: FakeClock
) -> None:
    postbox, port = box
    await put(db, minutes=20)
    clock.advance(timedelta(minutes=20))
    assert await send_due(db, settings_of(port), CIPHER) == 0
    assert (await waiting(db), postbox.mails) == (0, [])


@pytest.mark.requirement("MAIL-OUTBOX-04")
async def test_a_mail_whose_key_is_gone_is_dropped_and_stops_nothing(db: Database, box: tuple[Postbox, int]) -> None:
    _, port = box
    await put(db)
    assert await send_due(db, settings_of(port), Cipher([b"k" * 32])) == 0
    assert await waiting(db) == 0


async def test_without_a_mail_server_mails_wait(db: Database) -> None:
    await put(db)
    assert await send_due(db, Settings(), CIPHER) == 0
    assert await waiting(db) == 1


@pytest.mark.expected_errors("SMTP session exception")
@pytest.mark.requirement("MAIL-TLS-01")
@pytest.mark.parametrize("has_starttls", [True, False])
@pytest.mark.parametrize(
    ("trust", "name", "is_sent"),
    [("ours", "mail.homeport.test", True), ("ours", "", False), ("", "mail.homeport.test", False), ("skip", "", True)],
)
async def test_tls_is_checked_against_name_and_authority(
    db: Database, tmp_path: Path, has_starttls: bool, trust: str, name: str, is_sent: bool
) -> None:
    authority, context = make_certificates(tmp_path, "mail.homeport.test")
    more: dict[str, Any] = {"email_tls_servername": name}
    if trust == "ours":
        more["email_tls_cacertfile"] = str(authority)
    more["email_tls_skipverify"] = trust == "skip"
    more["email_tls_starttls" if has_starttls else "email_force_tls"] = True
    await put(db)
    async with mail_server(tls=context, has_starttls=has_starttls) as (postbox, port):
        assert await send_due(db, settings_of(port, **more), CIPHER) == int(is_sent)
        assert len(postbox.mails) == int(is_sent)
        assert not has_starttls or all(session.ssl for session in postbox.sessions)
    assert await waiting(db) == int(not is_sent)


@pytest.mark.requirement("MAIL-TLS-01")
async def test_starttls_is_demanded_of_a_server_that_has_none(db: Database, box: tuple[Postbox, int]) -> None:
    postbox, port = box
    await put(db)
    assert await send_due(db, settings_of(port, email_tls_starttls=True), CIPHER) == 0
    assert postbox.mails == []
    assert await waiting(db) == 1


@pytest.mark.requirement("MAIL-AUTH-01")
@pytest.mark.parametrize("source", ["setting", "file", "wrong", "none", "identity"])
async def test_the_mail_server_is_signed_in_to(db: Database, tmp_path: Path, source: str) -> None:
    authority, context = make_certificates(tmp_path, "mail.homeport.test")
    (tmp_path / "password").write_text("s3cret pass\n")
    more: dict[str, Any] = {
        "email_tls_cacertfile": str(authority), "email_tls_servername": "mail.homeport.test", "email_tls_starttls": True,
    }  # fmt: skip
    if source != "none":
        more["email_auth_username"] = "robot"
        more["email_auth_password"] = {"wrong": "guess", "file": ""}.get(source, "s3cret pass")
        more["email_auth_password_file"] = str(tmp_path / "password") if source == "file" else ""
        more["email_auth_identity"] = "robot" if source == "identity" else ""
    is_sent = source in {"setting", "file", "identity"}
    await put(db)
    async with mail_server(tls=context, has_starttls=True, users={"robot": "s3cret pass"}) as (postbox, port):
        assert await send_due(db, settings_of(port, **more), CIPHER) == int(is_sent)
        assert len(postbox.mails) == int(is_sent)
    # That nobody lets us in is for operators to mend: the mail waits.
    assert await waiting(db) == int(not is_sent)


@pytest.mark.requirement("MAIL-AUTH-02")
async def test_no_password_goes_over_an_open_line(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with mail_server(users={"robot": "x"}) as (postbox, port):
        monkeypatch.setattr("homeport.mail.service.smtp._LOOPBACK", frozenset())
        await put(db)
        settings = settings_of(port, email_auth_username="robot", email_auth_password="x")
        assert await send_due(db, settings, CIPHER) == 0
        assert postbox.mails == []
    assert await waiting(db) == 1


@pytest.mark.requirement("MAIL-OUTBOX-05")
async def test_a_server_that_stops_while_it_connects_leaves_no_socket(db: Database) -> None:
    await put(db)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        # The queue of the listener is full: who comes next waits for its answer.
        first.connect(listener.getsockname())
        sending = asyncio.create_task(send_due(db, settings_of(listener.getsockname()[1]), CIPHER))
        await until(lambda: _connecting_to(listener))
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not _connecting_to(listener)


def _connecting_to(listener: socket.socket) -> bool:
    """Whether this process waits for a connection to the listener: state 02 of the kernel's table (SYN_SENT)."""
    port = f":{listener.getsockname()[1]:04X}"
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text("ascii").splitlines()[1:]]
    return any(row[2].endswith(port) and row[3] == "02" for row in rows)


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 5), (1, 5), (2, 10), (3, 20), (8, 600), (10_000, 600)])
def test_pauses_grow_to_ten_minutes(attempts: int, seconds: int) -> None:
    assert pause_after(attempts) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("code", "lasting"), [(250, False), (450, False), (499, False), (500, True), (554, True), (600, False)]
)
def test_replies_that_last(code: int, lasting: bool) -> None:
    assert is_lasting(code) is lasting
