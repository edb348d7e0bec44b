"""The providers that the settings name: their clients, made once for a process and shared by handlers and the door."""

import msgspec

from homeport.config import Settings
from homeport.identity.login.github import GithubClient, github_of
from homeport.identity.login.oidc import OidcClient
from homeport.identity.login.providers import Refresher
from homeport.identity.types import LoginType


class Providers(msgspec.Struct, frozen=True):
    """The client of each provider that is set up."""

    oidc: OidcClient | None = None
    github: GithubClient | None = None

    def find(self, login_type: str) -> Refresher | None:
        """Return the provider of a login type, or None where it is not set up."""
        known: dict[str, Refresher | None] = {LoginType.OIDC: self.oidc, LoginType.GITHUB: self.github}
        return known.get(login_type)

    async def greet(self) -> None:
        """Ask those that can be asked who they are, so that wrong settings show in the log. Nothing depends on it."""
        if self.oidc is not None:
            await self.oidc.greet()


def providers_of(settings: Settings) -> Providers:
    """Make the clients; no provider is asked for anything yet."""
    return Providers(
        oidc=OidcClient(settings) if settings.oidc_client_id and settings.oidc_issuer_url else None,
        github=github_of(settings),
    )
