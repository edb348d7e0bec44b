"""Following a workspace: the whole of it, each time something about it changes."""

from collections.abc import AsyncIterator
from uuid import UUID

from homeport.database import Database, Listener
from homeport.kit.errors import NotFound
from homeport.rbac import Subject
from homeport.workspaces.schemas import ServerSentEvent, Workspace
from homeport.workspaces.service.reading import get_workspace
from homeport.workspaces.types import CHANGED_CHANNEL

# Agents fall silent without telling anybody: this often the workspace is looked at anyway.
REFRESH_SECONDS = 15.0


async def watch_workspace(
    db: Database,
    listener: Listener,
    *,
    subject: Subject,
    workspace_id: UUID,
    refresh_seconds: float = REFRESH_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    """Yield the workspace at once and after every change, `ping` when nothing has changed for `refresh_seconds`.

    Ends with an `error` when the workspace is gone or no longer readable. Call `get_workspace` first: what is not
    readable from the start should be a 404.
    """
    shown: Workspace | None = None
    async with listener.subscribe(CHANGED_CHANNEL, key=str(workspace_id)) as changes:
        while True:
            try:
                found = await get_workspace(db, subject=subject, workspace_id=workspace_id, can_be_deleted=True)
            except NotFound as error:
                yield ServerSentEvent("error", {"message": error.message})
                return
            if found != shown:
                shown = found
                yield ServerSentEvent("data", found)
            else:
                yield ServerSentEvent("ping")
            await changes.wait(refresh_seconds)
