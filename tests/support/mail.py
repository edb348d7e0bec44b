"""A real SMTP server on loopback (aiosmtpd), which keeps what it is given and refuses what a test wants refused."""

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Postbox:
    """What came, as aiosmtpd's handler; `recipient_reply` and `data_reply` are said instead of taking a mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        self.sessions: list[Any] = []
        self.recipient_reply = ""
        self.data_reply = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.recipient_reply:
            return self.recipient_reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        if self.data_reply:
            return self.data_reply
        parsed = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 taken"

    def text(self, number: int = -1, kind: str = "plain") -> str:
        """The words of a mail."""
        part = self.mails[number].get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


@contextmanager
def running_mail_server(
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    has_starttls: bool = False,
    users: dict[str, str] | None = None,
) -> Iterator[tuple[Postbox, int]]:
    """Run a mail server; yields what it has taken and its port. `users` are accounts that it demands, with passwords."""
    box = Postbox()
    number = port or free_port()

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        known = (users or {}).get(data.login.decode())
        # Not handled: the answer to a wrong password is the server's to give.
        return AuthResult(success=known is not None and known.encode() == data.password, handled=False)

    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=number,
        ssl_context=tls if tls and not has_starttls else None,
        tls_context=tls if has_starttls else None,
        require_starttls=has_starttls,
        authenticator=authenticate if users else None,
        auth_required=bool(users),
        auth_require_tls=tls is not None and has_starttls,
    )
    controller.start()
    try:
        yield box, number
    finally:
        controller.stop()


@asynccontextmanager
async def mail_server(**how: Any) -> AsyncIterator[tuple[Postbox, int]]:
    """The same for tests that are coroutines; the server has a thread of its own."""
    with running_mail_server(**how) as found:
        yield found


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found
