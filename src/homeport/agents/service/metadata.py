"""Values that agents collect: stored within limits, watched by people."""

from collections.abc import AsyncIterator
from uuid import UUID

from homeport.access.types import AgentIdentity
from homeport.agents.errors import MetadataKeysTooLong
from homeport.agents.queries import identities
from homeport.agents.queries import metadata as queries
from homeport.agents.rules import reports as rules
from homeport.agents.schemas import (
    PostMetadataRequest,
    WorkspaceAgentMetadata,
    WorkspaceAgentMetadataDescription,
    WorkspaceAgentMetadataResult,
)
from homeport.agents.service.manifest import require_own_workspace
from homeport.agents.service.reading import require_agent
from homeport.agents.types import MetadataRow
from homeport.database import Database, Listener
from homeport.kit import clock
from homeport.rbac import Action, Subject
from homeport.workspaces.service import workspace_changed
from homeport.workspaces.types import CHANGED_CHANNEL

PING_SECONDS = 15.0


async def report_metadata(db: Database, *, agent: AgentIdentity, report: PostMetadataRequest) -> None:
    """Store values. Raises MetadataKeysTooLong when keys take too much room, after the first ones were saved."""
    require_own_workspace(agent)
    count = rules.keys_that_fit(each.key for each in report.metadata)
    kept = {each.key: rules.metadata_value(each.key, each.value, each.error) for each in report.metadata[:count]}
    kept = {key: value for key, value in kept.items() if "\0" not in key}
    if kept:
        async with db.transaction() as conn:
            await queries.update_metadata(conn, agent.agent_id, list(kept.values()), clock.now())
            await workspace_changed(conn, agent.workspace_id)
    if count < len(report.metadata):
        raise MetadataKeysTooLong(rules.MAX_KEYS_BYTES)


async def watch_metadata(
    db: Database, listener: Listener, *, subject: Subject, agent_id: UUID
) -> AsyncIterator[list[WorkspaceAgentMetadata] | None]:
    """Yield all values now and at each change, None as a sign of life; end when the agent belongs to the past."""
    async with db.connection() as conn:
        agent, workspace = await require_agent(conn, subject, agent_id, Action.READ)
    return _watch(db, listener, agent.agent_id, workspace.id)


async def _watch(
    db: Database, listener: Listener, agent_id: UUID, workspace_id: UUID
) -> AsyncIterator[list[WorkspaceAgentMetadata] | None]:
    last: list[MetadataRow] | None = None
    async with listener.subscribe(CHANGED_CHANNEL, key=str(workspace_id)) as subscription:
        while True:
            async with db.connection() as conn:
                rows = await queries.list_metadata(conn, agent_id)
                agent = await identities.find_agent_workspace(conn, agent_id)
            if agent is None or agent.is_outdated:
                return
            if rows != last:
                last = rows
                yield [_view(row) for row in rows]
            if not await subscription.wait(PING_SECONDS):
                yield None


def _view(row: MetadataRow) -> WorkspaceAgentMetadata:
    now = clock.now()
    age = max(0, int((now - row.collected_at).total_seconds()))
    return WorkspaceAgentMetadata(
        result=WorkspaceAgentMetadataResult(collected_at=row.collected_at, age=age, value=row.value, error=row.error),
        description=WorkspaceAgentMetadataDescription(
            display_name=row.display_name,
            key=row.key,
            script=row.script,
            interval=row.interval_seconds,
            timeout=row.timeout_seconds,
        ),
    )
