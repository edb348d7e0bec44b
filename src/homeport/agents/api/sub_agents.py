"""Routes with which an agent handles its sub-agents."""

from typing import Any
from uuid import UUID

from litestar import delete, get, post

from homeport.access.types import AgentIdentity
from homeport.agents.schemas import CreateSubAgentRequest, CreateSubAgentResponse, ListSubAgentsResponse
from homeport.agents.service import sub_agents
from homeport.database import Database
from homeport.kit.crypto import Cipher
from homeport.kit.routes import agent_route

_TAGS = ["Agents"]


@post("/me/subagents", opt=agent_route(), tags=_TAGS, summary="Create a sub-agent")
async def create_sub_agent(
    data: CreateSubAgentRequest, agent: AgentIdentity, db: Database, cipher: Cipher
) -> CreateSubAgentResponse:
    """Make a sub-agent with a token of its own."""
    return await sub_agents.create_sub_agent(db, cipher, agent=agent, request=data)


@get("/me/subagents", opt=agent_route(), tags=_TAGS, summary="List sub-agents")
async def list_sub_agents(agent: AgentIdentity, db: Database, cipher: Cipher) -> ListSubAgentsResponse:
    """List the caller's live sub-agents."""
    return await sub_agents.list_sub_agents(db, cipher, agent=agent)


@delete("/me/subagents/{subagent:uuid}", opt=agent_route(), tags=_TAGS, summary="Delete a sub-agent")
async def delete_sub_agent(subagent: UUID, agent: AgentIdentity, db: Database) -> None:
    """Delete one of the caller's sub-agents."""
    await sub_agents.delete_sub_agent(db, agent=agent, sub_agent_id=subagent)


routes: list[Any] = [create_sub_agent, list_sub_agents, delete_sub_agent]
