"""The background loop of mail."""

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.crypto import Cipher
from homeport.mail.service.outbox import MAIL_CHANNEL
from homeport.mail.service.sending import send_due

__all__ = ["INTERVAL_SECONDS", "MAIL_CHANNEL", "send_once"]

INTERVAL_SECONDS = 5.0


async def send_once(db: Database, settings: Settings, cipher: Cipher) -> int:
    """Send the mails that are due; return how many went."""
    return await send_due(db, settings, cipher)
