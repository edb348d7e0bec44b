"""Workspaces that builds under way hold, so that two daemons of one machine never work on the same one."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final
from uuid import UUID

from homeport_provisioner.engine import EngineFailure, Task
from homeport_provisioner.staging import Busy
from homeport_sdk import clock

_BUSY_SECONDS: Final = 15.0


class Holds:
    """The locks of one daemon's builds, by job: taken when a build begins, let go when it is settled."""

    def __init__(self) -> None:
        self._held: dict[UUID, ExitStack] = {}

    async def take(self, task: Task, lock: Callable[[], AbstractContextManager[Any]]) -> None:
        """Take a workspace's lock, which raises Busy while another has it. Raises EngineFailure after a while, EngineCanceled."""
        give_up_at = clock.monotonic() + _BUSY_SECONDS
        while True:
            stack = ExitStack()
            try:
                stack.enter_context(lock())
            except Busy as error:
                # The provisioner of a build before this one may just be cleaning up.
                if clock.monotonic() > give_up_at:
                    raise EngineFailure(
                        "Another provisioner on this machine still works on this workspace. Try again."
                    ) from error
                task.check_canceled()
                await asyncio.sleep(0.1)
            else:
                self._held[task.job_id] = stack
                return

    def pop(self, job_id: UUID) -> ExitStack | None:
        """Return what a job holds, to be let go by its end as a block; None when its build never began."""
        return self._held.pop(job_id, None)
