"""What is mailed, and the row that waits for it. No I/O."""

from datetime import datetime
from uuid import UUID

import msgspec


class Message(msgspec.Struct, frozen=True):
    """The words of one mail: the same as plain text and as HTML."""

    subject: str
    text: str
    html: str


class MailRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `mails`. `content_sealed` opens to a Message; `sending_until` is the claim of the server that is sending it."""

    id: UUID
    kind: str
    recipient: str
    content_sealed: bytes
    created_at: datetime
    expires_at: datetime
    attempts: int
    next_attempt_at: datetime
    sending_until: datetime | None
