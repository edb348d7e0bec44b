"""What handlers get by injection: read from where the middleware has put it. No work, no query."""

from typing import Any, cast

from litestar.di import Provide
from litestar.types import Scope

from homeport.access.types import AgentIdentity, Identity, ProvisionerIdentity
from homeport.identity.types import IDENTITY_KEY
from homeport.rbac import Subject

IDENTITY = IDENTITY_KEY
AGENT = "homeport.agent"
DAEMON = "homeport.daemon"
PROVIDER = "homeport.provider"


def provide_identity(scope: Scope) -> Identity:
    """Return the signed-in person of a route for users."""
    found: Identity = _state(scope)[IDENTITY]
    return found


def provide_optional_identity(scope: Scope) -> Identity | None:
    """Return the signed-in person of a route where signing in is optional, or None."""
    return cast("Identity | None", _state(scope).get(IDENTITY))


def provide_subject(scope: Scope) -> Subject:
    """Return the subject of whatever credential the route asks for."""
    state = _state(scope)
    provider: Subject | None = state.get(PROVIDER)
    if provider is not None:
        return provider
    holder: Identity | AgentIdentity | ProvisionerIdentity = state.get(IDENTITY) or state.get(AGENT) or state[DAEMON]
    return holder.subject


def provide_agent(scope: Scope) -> AgentIdentity:
    """Return the agent that calls."""
    found: AgentIdentity = _state(scope)[AGENT]
    return found


def provide_daemon(scope: Scope) -> ProvisionerIdentity:
    """Return the daemon that calls."""
    found: ProvisionerIdentity = _state(scope)[DAEMON]
    return found


dependencies: dict[str, Provide] = {
    "identity": Provide(provide_identity, sync_to_thread=False),
    "optional_identity": Provide(provide_optional_identity, sync_to_thread=False),
    "subject": Provide(provide_subject, sync_to_thread=False),
    "agent": Provide(provide_agent, sync_to_thread=False),
    "daemon": Provide(provide_daemon, sync_to_thread=False),
}


def _state(scope: Scope) -> dict[str, Any]:
    return cast("dict[str, Any]", scope)
