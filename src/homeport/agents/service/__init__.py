"""Use cases of agents, one module each. What the composition root and rooms above use is named here."""

from homeport.agents.service.authentication import authenticate_agent, resolve_agent
from homeport.agents.service.connections import AgentConnection
from homeport.agents.service.switchboard import Switchboard

__all__ = ["AgentConnection", "Switchboard", "authenticate_agent", "resolve_agent"]
