"""What every provider's client offers to the door, where sessions of its people are renewed."""

from typing import Protocol

from homeport.identity.types import ProviderTokens


class RefreshFailed(Exception):
    """A provider gave no new tokens. `is_final`: it has said that this refresh token is good no more; else it may work later.

    `given` is what it gave with something that could not be believed: its refresh token may be the only one that is still good.
    The text is for logs and programs.
    """

    def __init__(self, reason: str, *, is_final: bool, given: ProviderTokens | None = None) -> None:
        super().__init__(reason)
        self.is_final = is_final
        self.given = given


class Refresher(Protocol):
    """What the door needs of a provider: to renew what it gave a person."""

    @property
    def name(self) -> str:
        """The name by which people know the provider."""
        ...

    async def refresh(self, refresh_token: str, *, linked_id: str) -> ProviderTokens:
        """Return new tokens; an empty refresh token says that the old one goes on. Ends within seconds. Raises RefreshFailed."""
        ...
