"""Tokens of the forms by which people answer: good once, for one session, for exactly what was shown, for half an hour.

A token is `<nonce>-<expiry>-<signature>`. The signature covers the session's key, the facts that the page showed and the
expiry; the nonce is noted in the database when the form is sent, in the transaction that does what the form says.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from homeport.database import Connection
from homeport.kit import clock
from homeport.kit.crypto import Cipher, hash_token
from homeport.kit.ids import random_text
from homeport.oauth2.errors import OAuthError
from homeport.oauth2.queries.single_uses import insert_single_use

LIFETIME: Final = timedelta(minutes=30)
_NONCE_LENGTH: Final = 22
_MOST: Final = 200


class StaleForm(OAuthError):
    """The form is not one that was shown for this, to this session, lately, or it was sent before. Show it anew."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_request",
            "The form was sent before, is too old, or was changed, so it does not count. Look at the request and decide anew.",
        )


def new_form_token(cipher: Cipher, *, purpose: str, key_id: str, facts: object) -> str:
    """Return a token for a form that shows `facts` (plain JSON) to the session of an API key."""
    nonce, expiry = random_text(_NONCE_LENGTH), int((clock.now() + LIFETIME).timestamp())
    signature = cipher.sign(purpose, _message(nonce, expiry, key_id, facts))
    return f"{nonce}-{expiry}-{signature.hex()}"


async def spend_form_token(
    conn: Connection, cipher: Cipher, token: str, *, purpose: str, key_id: str, facts: object
) -> None:
    """Use a token up. Raises StaleForm when it is not good for these facts and this session now, or was used before."""
    nonce, expiry, signature = _read(token)
    expires_at = datetime.fromtimestamp(expiry, UTC)
    if expires_at <= clock.now() or not cipher.is_signed(purpose, _message(nonce, expiry, key_id, facts), signature):
        raise StaleForm
    if not await insert_single_use(conn, hash_token(f"{purpose}:{nonce}"), expires_at):
        raise StaleForm


def _read(token: str) -> tuple[str, int, bytes]:
    nonce, _, rest = token[:_MOST].partition("-")
    expiry, _, signature = rest.partition("-")
    try:
        # Eleven digits are enough until the year 5138, and never too many for a date.
        return nonce, int(expiry) if len(expiry) <= 11 and expiry.isdecimal() else 0, bytes.fromhex(signature)
    except ValueError:
        raise StaleForm from None


def _message(nonce: str, expiry: int, key_id: str, facts: object) -> bytes:
    return msgspec.json.encode([nonce, expiry, key_id, facts])
