"""Sub-agents: made, listed and deleted by their parent alone (spec: workspaces 4.4)."""

from collections.abc import Sequence
from uuid import UUID

from homeport.access.types import AgentIdentity
from homeport.agents.errors import AgentNameTaken, NestedSubAgent, SubAgentNotFound, UnknownAgentToken
from homeport.agents.queries import sub_agents as queries
from homeport.agents.rules import sub_agents as rules
from homeport.agents.schemas import (
    AppCreationError,
    CreateSubAgentRequest,
    CreateSubAgentResponse,
    ListSubAgentsResponse,
    SubAgent,
    SubAgentAppRequest,
)
from homeport.agents.types import SubAgentRow
from homeport.audit import AuditAction, AuditResource, declare, record
from homeport.database import Connection, Database
from homeport.database.errors import UniqueViolation
from homeport.kit import clock
from homeport.kit.crypto import Cipher, hash_token
from homeport.kit.ids import new_id
from homeport.kit.names import validate_text
from homeport.rbac import Action, Object, ResourceType, require, sub_agent_subject
from homeport.workspaces.queries.workspaces import find_workspace
from homeport.workspaces.service import workspace_changed, workspace_object

SUB_AGENT_AUDIT = declare(
    "workspace_agent",
    SubAgentRow,
    tracked=(
        "id",
        "parent_id",
        "name",
        "architecture",
        "operating_system",
        "directory",
        "display_apps",
        "api_key_scope",
    ),
    secret=("auth_token_sealed",),
    ignored=("resource_id", "connection_timeout_seconds", "troubleshooting_url", "created_at"),
)


async def create_sub_agent(
    db: Database, cipher: Cipher, *, agent: AgentIdentity, request: CreateSubAgentRequest
) -> CreateSubAgentResponse:
    """Make a sub-agent with a token of its own, or take over one that the template declares (`id`).

    Apps that cannot be made are told in the answer and do not fail the call. Raises InvalidSubAgent, AgentNameTaken,
    SubAgentNotFound (a declared one that is not the caller's), NestedSubAgent.
    """
    if agent.parent_id is not None:
        raise NestedSubAgent
    display_apps = rules.check_display_apps(request.display_apps)
    for field in ("directory", "architecture", "operating_system"):
        validate_text(getattr(request, field), field, most=4096)
    declared = rules.check_id(request.id) if request.id is not None else None
    name = rules.check_name(request.name) if declared is None else ""
    async with db.transaction() as conn:
        await _require(conn, agent, Action.CREATE_AGENT)
        if declared is None:
            row = await _insert(conn, cipher, agent, name, request, display_apps)
        else:
            row = await _take_over(conn, agent, declared, request, display_apps)
        level = await queries.get_highest_sharing_level(conn, agent.template_id)
        errors = await _insert_apps(conn, row, request.apps, level)
        await workspace_changed(conn, agent.workspace_id)
    return CreateSubAgentResponse(_view(cipher, row), errors)


async def list_sub_agents(db: Database, cipher: Cipher, *, agent: AgentIdentity) -> ListSubAgentsResponse:
    """Return the caller's live sub-agents with their tokens."""
    async with db.connection() as conn:
        await _require(conn, agent, Action.READ)
        rows = await queries.list_sub_agents(conn, agent.agent_id)
    return ListSubAgentsResponse([_view(cipher, row) for row in rows])


async def delete_sub_agent(db: Database, *, agent: AgentIdentity, sub_agent_id: UUID) -> None:
    """Delete one of the caller's own sub-agents: its token opens nothing any more."""
    async with db.transaction() as conn:
        await _require(conn, agent, Action.DELETE_AGENT)
        row = await queries.lock_sub_agent(conn, sub_agent_id, agent.agent_id)
        if row is None:
            raise SubAgentNotFound
        await queries.delete_sub_agent(conn, row.id, clock.now())
        await _record(conn, agent, AuditAction.DELETE, before=row)
        await workspace_changed(conn, agent.workspace_id)


async def _require(conn: Connection, agent: AgentIdentity, action: Action) -> None:
    """Decide as the workspace's owner, for sub-agents of this workspace alone."""
    subject = sub_agent_subject(
        owner_id=agent.owner_id, organization_id=agent.organization_id, workspace_id=agent.workspace_id
    )
    workspace = await find_workspace(conn, agent.workspace_id)
    target = Object(ResourceType.WORKSPACE, agent.workspace_id, agent.owner_id, agent.organization_id)
    require(subject, action, target if workspace is None else workspace_object(workspace), noun="workspace")


async def _insert(
    conn: Connection,
    cipher: Cipher,
    agent: AgentIdentity,
    name: str,
    request: CreateSubAgentRequest,
    display_apps: Sequence[str],
) -> SubAgentRow:
    token = str(new_id())
    try:
        row = await queries.insert_sub_agent(
            conn,
            parent_id=agent.agent_id,
            sub_agent_id=new_id(),
            name=name,
            token_hash=hash_token(token),
            token_sealed=cipher.encrypt(token.encode()),
            architecture=request.architecture,
            operating_system=request.operating_system,
            directory=request.directory,
            display_apps=display_apps,
            now=clock.now(),
        )
    except UniqueViolation as error:
        raise AgentNameTaken(name) from error
    if row is None:
        raise UnknownAgentToken
    await _record(conn, agent, AuditAction.CREATE, after=row)
    return row


async def _take_over(
    conn: Connection, agent: AgentIdentity, declared: UUID, request: CreateSubAgentRequest, display_apps: Sequence[str]
) -> SubAgentRow:
    before = await queries.lock_sub_agent(conn, declared, agent.agent_id)
    if before is None:
        raise SubAgentNotFound
    after = await queries.update_declared_sub_agent(conn, declared, display_apps, request.directory, clock.now())
    await _record(conn, agent, AuditAction.WRITE, before=before, after=after)
    return after


async def _insert_apps(
    conn: Connection, row: SubAgentRow, requests: Sequence[SubAgentAppRequest], max_level: str
) -> list[AppCreationError]:
    apps, errors = rules.check_apps(row.name, requests, max_level=max_level)
    for index, app in apps:
        try:
            async with conn.savepoint():
                await queries.insert_app(conn, new_id(), row.id, app, clock.now())
        except UniqueViolation:
            errors.append(AppCreationError(index, "The sub-agent has an app of this slug already.", "slug"))
    return sorted(errors, key=lambda error: error.index)


async def _record(
    conn: Connection,
    agent: AgentIdentity,
    action: AuditAction,
    *,
    before: SubAgentRow | None = None,
    after: SubAgentRow | None = None,
) -> None:
    row = after or before
    assert row is not None
    await record(
        conn,
        subject_id=agent.owner_id,
        action=action,
        resource=AuditResource(row.id, row.name, agent.organization_id),
        before=before,
        after=after,
        additional_fields={"workspace_id": str(agent.workspace_id), "parent_agent": agent.agent_name},
    )


def _view(cipher: Cipher, row: SubAgentRow) -> SubAgent:
    return SubAgent(row.name, row.id, cipher.decrypt(row.auth_token_sealed).decode())
