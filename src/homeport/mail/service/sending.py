"""Carrying the outbox to the mail server: one mail after the other, each claimed first and sent outside of any transaction.

A mail is deleted when the mail server has taken it, when it refuses it for good, or when it has expired; everything else is tried
again. A server that dies while sending lets go of its mail by time, and another sends it again: at least once, and under the same
Message-ID.
"""

from datetime import timedelta
from typing import Final

import msgspec

from homeport.config import Settings
from homeport.database import Database
from homeport.kit import clock
from homeport.kit.crypto import Cipher, DecryptionFailed
from homeport.mail import queries
from homeport.mail.errors import MailDelayed, MailRefused
from homeport.mail.rules import pause_after
from homeport.mail.service import smtp
from homeport.mail.types import MailRow, Message
from homeport.telemetry import metrics
from homeport.telemetry.logs import get_logger

# Longer than sending may take: connecting, TLS, signing in and each command have their own time-out.
CLAIM: Final = timedelta(minutes=5)
_log = get_logger(__name__)
_MAILS = metrics.counter(
    "mails_total", "Mails by what became of them: sent, refused for good, expired unsent; delayed counts each attempt.",
    ["outcome"],
)  # fmt: skip


async def send_due(db: Database, settings: Settings, cipher: Cipher) -> int:
    """Send what is due, until nothing is or the mail server is away; returns how many went."""
    sent = 0
    while settings.has_mail and (row := await _claim(db)) is not None:
        outcome = await _try(settings, cipher, row)
        _MAILS.labels(outcome).inc()
        async with db.transaction() as conn:
            if outcome == "delayed":
                await queries.put_off(conn, row, until=clock.now() + pause_after(row.attempts))
            else:
                await queries.delete_claimed(conn, row)
        if outcome == "delayed":
            # The next one would meet the same; it is due for the next round.
            break
        sent += outcome == "sent"
    return sent


async def _claim(db: Database) -> MailRow | None:
    async with db.transaction() as conn:
        return await queries.claim_due(conn, now=clock.now(), most=CLAIM)


async def _try(settings: Settings, cipher: Cipher, row: MailRow) -> str:
    about = {"mail": str(row.id), "kind": row.kind, "attempt": row.attempts}
    if row.expires_at <= clock.now():
        _log.warning("a mail was dropped, since it could not be sent in time", **about)
        return "expired"
    try:
        message = msgspec.json.decode(cipher.decrypt(row.content_sealed), type=Message)
        await smtp.send(settings, row, message)
    except MailRefused as error:
        _log.warning("the mail server refuses a mail for good", **about, reason=str(error))
        return "refused"
    except DecryptionFailed as error:
        _log.warning("a mail was dropped, since the key that sealed it is not configured", **about, reason=str(error))
        return "refused"
    except MailDelayed as error:
        _log.warning("a mail could not be sent; it is tried again", **about, reason=str(error))
        return "delayed"
    _log.info("mail sent", **about)
    return "sent"
