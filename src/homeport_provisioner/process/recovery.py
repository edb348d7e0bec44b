"""Puts in order what daemons that were killed have left in half: starts that nobody finished, deletes that did not reach the end."""

import asyncio
import logging
from pathlib import Path
from uuid import UUID

from homeport_provisioner.engine import EngineFailure, KnowsAgent
from homeport_provisioner.process.ending import end_processes
from homeport_provisioner.process.folder import WorkspaceFolder, remove_tree
from homeport_provisioner.staging import Busy

_log = logging.getLogger(__name__)


async def recover(data_dir: Path, knows_agent: KnowsAgent) -> None:
    """Look at every workspace of a data folder once."""
    root = data_dir / "workspaces"
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        try:
            if path.name.startswith("removed-"):
                await remove_tree(path)
            else:
                await _recover_workspace(WorkspaceFolder(data_dir, UUID(path.name)), knows_agent)
        except ValueError:
            _log.warning("%s is no workspace: left alone.", path)
        except Busy:
            # A living daemon builds it right now.
            continue
        except (OSError, EngineFailure) as error:
            _log.error("%s could not be put in order: %s", path, error)


async def _recover_workspace(folder: WorkspaceFolder, knows_agent: KnowsAgent) -> None:
    record = folder.read()
    if record.phase != "starting":
        return
    with folder.locked():
        # Nobody builds it, so its daemon is gone: was the build finished before?
        record = folder.read()
    if record.phase != "starting":
        return
    is_known = bool(record.token and record.process) and await knows_agent(record.token)
    with folder.locked():
        if folder.read() != record:
            return
        if is_known:
            record.phase = "running"
        else:
            hurry = asyncio.Event()
            hurry.set()
            await end_processes(record, hurry=hurry)
            record.phase, record.process = "stopped", None
            _log.info("Workspace %s: ended what an interrupted start had left.", folder.root.name)
        record.token = ""
        folder.write(record)
