"""Settings of sending mail, and what contradicts itself among them. Names follow the reference system's."""

from collections.abc import Iterator
from datetime import timedelta
from email.utils import parseaddr
from typing import Annotated, Final

from homeport.config.setting import Setting, text
from homeport.config.sign_in import SignInSettings

_GROUP: Final = "Mail"


class MailSettings(SignInSettings, frozen=True, kw_only=True):
    """The part of the settings that is about mail."""

    email_from: Annotated[
        str, text(_GROUP, "Who mails come from, as homeport@example.com or Homeport <homeport@example.com>.")
    ] = ""
    email_smarthost: Annotated[
        str, text(_GROUP, "Mail server that takes mails for everybody, as host:port. Empty: no mail is sent.")
    ] = ""
    email_hello: Annotated[str, text(_GROUP, "Name by which this server greets the mail server.")] = "localhost"
    email_force_tls: Annotated[bool, Setting(_GROUP, "Speak TLS from the first byte, as on port 465.", "switch")] = (
        False
    )
    email_tls_starttls: Annotated[bool, Setting(_GROUP, "Demand STARTTLS, as on port 587.", "switch")] = False
    email_tls_servername: Annotated[
        str, text(_GROUP, "Name that the mail server's certificate must have. Empty: the host of EMAIL_SMARTHOST.")
    ] = ""
    email_tls_skipverify: Annotated[
        bool,
        Setting(_GROUP, "Do not check the mail server's certificate: whoever is in between can read mails.", "switch"),
    ] = False
    email_tls_cacertfile: Annotated[
        str, text(_GROUP, "File with the authorities (PEM) that may have signed it. Empty: those of the system.")
    ] = ""
    email_tls_certfile: Annotated[str, text(_GROUP, "File with a client certificate (PEM) to show.")] = ""
    email_tls_certkeyfile: Annotated[str, text(_GROUP, "File with its private key (PEM).")] = ""
    email_auth_identity: Annotated[
        str, text(_GROUP, "In whose name to sign in at the mail server, where that is not the account's.")
    ] = ""
    email_auth_username: Annotated[str, text(_GROUP, "Account at the mail server. Empty: it asks for none.")] = ""
    email_auth_password: Annotated[str, text(_GROUP, "Password of that account.", is_secret=True)] = ""
    email_auth_password_file: Annotated[str, text(_GROUP, "File that holds it instead.")] = ""
    one_time_passcode_validity_period: Annotated[
        timedelta, Setting(_GROUP, "How long a one-time passcode for a new password is good.", "duration")
    ] = timedelta(minutes=20)

    @property
    def has_mail(self) -> bool:
        """Whether mails can be sent."""
        return bool(self.email_smarthost)


def problems(settings: MailSettings) -> Iterator[str]:
    """Yield what cannot be used."""
    if settings.email_smarthost:
        yield from _address_problems(settings)
    elif used := [
        name.upper()
        for name in ("email_from", "email_auth_username", "email_tls_starttls", "email_force_tls")
        if getattr(settings, name)
    ]:
        yield f"{', '.join(used)} without EMAIL_SMARTHOST: name the mail server, or remove it."
    if settings.email_force_tls and settings.email_tls_starttls:
        yield "EMAIL_FORCE_TLS and EMAIL_TLS_STARTTLS exclude each other: the former begins with TLS already."
    if settings.email_auth_password and settings.email_auth_password_file:
        yield "EMAIL_AUTH_PASSWORD and EMAIL_AUTH_PASSWORD_FILE exclude each other."
    has_password = bool(settings.email_auth_password or settings.email_auth_password_file)
    if bool(settings.email_auth_username) != has_password:
        yield "EMAIL_AUTH_USERNAME and EMAIL_AUTH_PASSWORD (or EMAIL_AUTH_PASSWORD_FILE) belong together; set both or none."
    if settings.email_auth_identity and not settings.email_auth_username:
        yield "EMAIL_AUTH_IDENTITY has no effect without EMAIL_AUTH_USERNAME."
    if bool(settings.email_tls_certfile) != bool(settings.email_tls_certkeyfile):
        yield "EMAIL_TLS_CERTFILE and EMAIL_TLS_CERTKEYFILE belong together; set both or none."


def _address_problems(settings: MailSettings) -> Iterator[str]:
    host, _, port = settings.email_smarthost.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        yield f"EMAIL_SMARTHOST: '{settings.email_smarthost}' is not of the form host:port."
    _, address = parseaddr(settings.email_from)
    local, _, domain = address.rpartition("@")
    if not local or not domain or not address.isascii() or any(letter.isspace() for letter in address):
        yield "EMAIL_FROM is needed with EMAIL_SMARTHOST: an address such as homeport@example.com."
    if not settings.email_hello.isascii() or not settings.email_hello or " " in settings.email_hello:
        yield "EMAIL_HELLO is the name of a host."
