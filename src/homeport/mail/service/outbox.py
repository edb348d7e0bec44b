"""The outbox: a mail is written in the transaction of what it tells of, so it is sent exactly when that has happened."""

from datetime import datetime

import msgspec

from homeport.database import Connection
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.ids import new_id
from homeport.mail import queries
from homeport.mail.types import MailRow, Message

MAIL_CHANNEL = "mails"
"""Told of each new mail, so that it goes at once."""


async def enqueue(
    conn: Connection, cipher: Cipher, *, kind: str, recipient: str, message: Message, expires_at: datetime
) -> None:
    """Write a mail into the outbox. After `expires_at` nobody wants it any more, and it is dropped unsent."""
    now = clock.now()
    row = MailRow(
        id=new_id(),
        kind=kind,
        recipient=recipient,
        content_sealed=cipher.encrypt(msgspec.json.encode(message)),
        created_at=now,
        expires_at=expires_at,
        attempts=0,
        next_attempt_at=now,
        sending_until=None,
    )
    await queries.insert_mail(conn, row)
    await conn.notify(MAIL_CHANNEL, str(row.id))
