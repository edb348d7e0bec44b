"""Credentials that other rooms know how to check: of agents, provisioner daemons, jobs, identity providers.

The composition root registers who checks them.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from homeport.access.rules import Headers, header
from homeport.access.types import AgentIdentity, ProvisionerIdentity
from homeport.database import Database
from homeport.rbac import Subject

Kind = Literal["agent", "provisioner", "job"]


class Presented(msgspec.Struct, frozen=True):
    """What a request brings: the session token by the usual precedence (or ""), its headers, its path values."""

    token: str
    headers: Headers
    path_values: dict[str, object]

    def header(self, name: str) -> str:
        """Return the first header of a name, or an empty text."""
        return header(self.headers, name.lower().encode())


AgentResolver = Callable[[Database, Presented], Awaitable[AgentIdentity]]
ProvisionerResolver = Callable[[Database, Presented], Awaitable[ProvisionerIdentity | None]]
"""None says that no such credential was presented: then a person's session may serve. A bad one raises NotAuthenticated."""


ScimResolver = Callable[[Presented], Awaitable[Subject]]


class Authenticators:
    """The resolvers of one application."""

    def __init__(self) -> None:
        self._agent: AgentResolver | None = None
        self._provisioner: dict[str, ProvisionerResolver] = {}
        self._scim: ScimResolver | None = None

    def register_agent(self, resolver: AgentResolver) -> None:
        """Let `resolver` recognise agents; it raises NotAuthenticated for a token that is none."""
        self._agent = resolver

    def register_provisioner(self, kind: Literal["provisioner", "job"], resolver: ProvisionerResolver) -> None:
        """Let `resolver` recognise daemons, or the daemon that holds a job."""
        self._provisioner[kind] = resolver

    def register_scim(self, resolver: ScimResolver) -> None:
        """Let `resolver` recognise the identity provider; it raises NotAuthenticated for a token that is not its."""
        self._scim = resolver

    async def agent(self, db: Database, presented: Presented) -> AgentIdentity:
        """Recognise an agent. Raises NotAuthenticated."""
        if self._agent is None:
            raise RuntimeError("No authenticator of agents is registered.")
        return await self._agent(db, presented)

    async def provisioner(self, kind: Kind, db: Database, presented: Presented) -> ProvisionerIdentity | None:
        """Recognise a daemon or a job's holder; None leaves the question to a session. Raises NotAuthenticated."""
        resolver = self._provisioner.get(kind)
        if resolver is None:
            raise RuntimeError(f"No authenticator for '{kind}' is registered.")
        return await resolver(db, presented)

    async def scim(self, presented: Presented) -> Subject:
        """Recognise the identity provider. Raises NotAuthenticated."""
        if self._scim is None:
            raise RuntimeError("No authenticator of identity providers is registered.")
        return await self._scim(presented)
