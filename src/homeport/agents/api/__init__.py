"""HTTP of agents: what agents call, what people read, and byte streams."""

from typing import Any

from litestar import Router

from homeport.agents.api import agents, people, streams, sub_agents

routes: list[Any] = [*agents.routes, *sub_agents.routes, *people.routes, *streams.routes]


def router() -> Router:
    """Return the room's routes; they need `switchboard` (Switchboard) among the dependencies."""
    return Router("/workspaceagents", route_handlers=routes)
