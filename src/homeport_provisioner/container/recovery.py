"""Puts in order what daemons that were killed have left of starts that nobody finished."""

import asyncio
import logging
from uuid import UUID

from homeport_provisioner.container.client import connected
from homeport_provisioner.container.host import Host
from homeport_provisioner.container.records import Records
from homeport_provisioner.container.things import undo
from homeport_provisioner.engine import EngineFailure, KnowsAgent
from homeport_provisioner.staging import Busy

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 30.0


async def recover(records: Records, host: Host | None, knows_agent: KnowsAgent) -> None:
    """Look at every unfinished start, until each is kept or removed: an engine that is down is waited for."""
    waiting = await asyncio.to_thread(records.unfinished)
    while waiting:
        again = []
        for workspace_id in waiting:
            try:
                await _recover_workspace(records, host, workspace_id, knows_agent)
            except Busy:
                # A living daemon builds it right now.
                continue
            except (OSError, EngineFailure) as error:
                _log.warning(
                    "What an interrupted start of workspace %s has left cannot be removed yet: %s", workspace_id, error
                )
                again.append(workspace_id)
        waiting = again
        if waiting:
            await asyncio.sleep(_PAUSE_SECONDS)


async def _recover_workspace(records: Records, host: Host | None, workspace_id: UUID, knows_agent: KnowsAgent) -> None:
    with records.locked(workspace_id):
        # Nobody builds it, so its daemon is gone: was the build finished before?
        record = records.read(workspace_id)
    if record is None:
        return
    is_known = bool(record.token) and await knows_agent(record.token)
    with records.locked(workspace_id):
        if records.read(workspace_id) != record:
            return
        if not is_known:
            async with connected(host) as client:
                # The volumes stay until the workspace is deleted: who knows what happened since.
                await undo(
                    client,
                    workspace_id=workspace_id,
                    build_id=record.build_id,
                    number=record.number,
                    with_volumes=False,
                )
            _log.info("Workspace %s: removed what an interrupted start had left.", workspace_id)
        records.forget(workspace_id)
