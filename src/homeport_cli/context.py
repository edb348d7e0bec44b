"""What every command shares: global options, the client, and running one coroutine to its end."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from homeport_cli.errors import CliError, NotSignedIn
from homeport_cli.store import TOKEN_NAMES, URL_NAMES, Store, config_dir, first_of

if TYPE_CHECKING:
    from homeport_sdk.client import Client

T = TypeVar("T")


@dataclass
class Context:
    """Global options of one call; flags win over the environment, that over the remembered session."""

    url_flag: str = ""
    token_flag: str = ""
    store: Store = field(default_factory=lambda: Store(config_dir(os.environ)))
    is_token_sent: bool = False

    @property
    def url(self) -> str:
        """The server's address, or an empty text."""
        return (self.url_flag or first_of(os.environ, URL_NAMES) or self.store.url()).rstrip("/")

    @property
    def token(self) -> str:
        """The session token, or an empty text."""
        return self.token_flag or first_of(os.environ, TOKEN_NAMES) or self.store.token()

    def advise(self) -> str:
        """Return what helps whose request was answered 401, or an empty text where it was not about a session."""
        if not self.is_token_sent:
            return ""
        variable = next((name for name in TOKEN_NAMES if os.environ.get(name)), "")
        if source := "--token" if self.token_flag else variable:
            return f"The token came from {source}: give another there, or none and run: homeport login {self.url}"
        return f"Sign in again: homeport login {self.url}"

    def client(self, *, is_anonymous: bool = False) -> "Client":
        """Return a client of the server; raises NotSignedIn when nothing is known of it."""
        from homeport_sdk.client import Client  # lazy: the HTTP client costs a tenth of a second

        if not self.url or not (self.token or is_anonymous):
            raise NotSignedIn
        self.is_token_sent = not is_anonymous
        return Client(self.url, token="" if is_anonymous else self.token)


current = Context()


def run(work: Callable[["Client"], Awaitable[T]], *, is_anonymous: bool = False) -> T:
    """Run `work` with a client of the current server and return its outcome. Raises CliError with words for people."""

    async def whole() -> T:
        async with current.client(is_anonymous=is_anonymous) as client:
            return await work(client)

    return asyncio.run(whole())


def is_interactive() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, is_assumed: bool) -> None:
    """Ask before something that cannot be undone; raises CliError on no, and where nobody can be asked."""
    if is_assumed:
        return
    if not is_interactive():
        raise CliError("Refusing to go on without a confirmation. Pass --yes.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CliError("Nothing was done.")
