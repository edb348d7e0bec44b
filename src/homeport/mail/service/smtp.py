"""One mail to the mail server of the settings. What goes wrong is either for good (MailRefused) or for now (MailDelayed)."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Final, cast

import aiosmtplib
from aiohappyeyeballs import start_connection

from homeport.config import Settings
from homeport.kit import clock
from homeport.mail.errors import MailDelayed, MailRefused
from homeport.mail.rules import is_lasting
from homeport.mail.types import MailRow, Message

TIMEOUT: Final = 20.0
# How long one address of the mail server may stay silent before the next one is tried beside it (RFC 8305, section 5).
_NEXT_ADDRESS_AFTER: Final = 0.25
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _Client(aiosmtplib.SMTP):
    """A session whose end is the end of its connection: no farewell of TLS is waited for, which may never come."""

    def close(self) -> None:
        if self.transport is not None:
            # Each loop has classes of its own for it.
            cast(asyncio.WriteTransport, self.transport).abort()
        super().close()


async def send(settings: Settings, row: MailRow, message: Message) -> None:
    """Hand one mail to the mail server. Raises MailRefused, MailDelayed."""
    try:
        async with _connected(settings) as client:
            await _hand_over(client, _composed(settings, row, message), row.recipient)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        # The way there, TLS, signing in: nothing of it is about this mail.
        raise MailDelayed(f"{type(error).__name__}: {error}") from error


async def _hand_over(client: aiosmtplib.SMTP, composed: EmailMessage, recipient: str) -> None:
    try:
        await client.send_message(composed, recipients=[recipient])
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = error.recipients[0]
        raise _failure(is_lasting(refused.code), f"{refused.code} {refused.message}") from error
    except aiosmtplib.SMTPDataError as error:
        raise _failure(is_lasting(error.code), f"{error.code} {error.message}") from error
    except aiosmtplib.SMTPNotSupported as error:
        # An address beyond ASCII, and a server that knows none.
        raise MailRefused(str(error)) from error


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[aiosmtplib.SMTP]:
    """Connect, with TLS as the settings say, and sign in."""
    host, port = _smarthost(settings)
    link = await _link(host, port)
    try:
        client = _Client(
            # With a connection at hand, this is but the name that the certificate must have.
            hostname=settings.email_tls_servername or host,
            sock=link,
            local_hostname=settings.email_hello,
            use_tls=settings.email_force_tls,
            start_tls=settings.email_tls_starttls,
            tls_context=_tls_context(settings),
            timeout=TIMEOUT,
        )
        async with client:
            await _sign_in(client, settings, host)
            yield client
    finally:
        link.close()


async def _link(host: str, port: int) -> socket.socket:
    """Open a socket to the mail server. Nothing stays open where this is cancelled, unlike with one opened in a thread."""
    async with asyncio.timeout(TIMEOUT):
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return await start_connection(found, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER)


def _failure(is_final: bool, words: str) -> MailRefused | MailDelayed:
    return MailRefused(words) if is_final else MailDelayed(words)


async def _sign_in(client: aiosmtplib.SMTP, settings: Settings, host: str) -> None:
    if not settings.email_auth_username:
        return
    if not (settings.email_force_tls or settings.email_tls_starttls or host in _LOOPBACK):
        raise MailDelayed(
            "the password is not sent without TLS; set EMAIL_TLS_STARTTLS or EMAIL_FORCE_TLS, as the mail server has it"
        )
    password = settings.email_auth_password
    if settings.email_auth_password_file:
        # Read anew for each mail, so that a changed one counts at once. A few bytes need no thread.
        password = Path(settings.email_auth_password_file).read_text("utf-8").strip()
    if not settings.email_auth_identity:
        await client.login(settings.email_auth_username, password)
        return
    said = f"{settings.email_auth_identity}\x00{settings.email_auth_username}\x00{password}"
    await client.ehlo()
    response = await client.execute_command(b"AUTH", b"PLAIN", base64.b64encode(said.encode()))
    if response.code != aiosmtplib.SMTPStatus.auth_successful:
        raise aiosmtplib.SMTPAuthenticationError(response.code, response.message)


def _tls_context(settings: Settings) -> ssl.SSLContext | None:
    if not (settings.email_force_tls or settings.email_tls_starttls):
        return None
    context = ssl.create_default_context(cafile=settings.email_tls_cacertfile or None)
    if settings.email_tls_skipverify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.email_tls_certfile:
        context.load_cert_chain(settings.email_tls_certfile, settings.email_tls_certkeyfile)
    return context


def _smarthost(settings: Settings) -> tuple[str, int]:
    host, _, port = settings.email_smarthost.rpartition(":")
    return host.strip("[]"), int(port)


def _composed(settings: Settings, row: MailRow, message: Message) -> EmailMessage:
    composed = EmailMessage()
    composed["From"] = settings.email_from
    composed["To"] = row.recipient
    composed["Subject"] = message.subject
    composed["Date"] = format_datetime(clock.now())
    # The same for each attempt: a mail server that took it, and whose answer was lost, knows it again.
    composed["Message-ID"] = f"<{row.id}@{parseaddr(settings.email_from)[1].rpartition('@')[2]}>"
    # No answers of machines, no copies for lists (RFC 3834).
    composed["Auto-Submitted"] = "auto-generated"
    composed.set_content(message.text)
    composed.add_alternative(message.html, subtype="html")
    return composed
